#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/doctor.h"
#include "mlops/cli/help.h"
#include "mlops/cli/report.h"

struct doctor_options {
    bool limits;
};

static const struct option_row rows[] = {
    {"limits", 0, OPTION_FLAG_AT(struct doctor_options, limits),
     .help = "Print every limit and its reason instead"},
};

static const char *const health_names[] = {
    [HEALTH_OK] = "ok", [HEALTH_WARN] = "warn", [HEALTH_FAIL] = "fail"};
static const enum tone health_tones[] = {
    [HEALTH_OK] = TONE_GOOD, [HEALTH_WARN] = TONE_WARN, [HEALTH_FAIL] = TONE_BAD};

static void print_text(struct context *context, const struct finding_vec *findings)
{
    int width = context->columns ? context->columns : 100;
    vec_each (const struct finding, finding, findings) {
        AUTO(buf_drop) struct buf safe = {0};
        report_add_toned(context, health_tones[finding->health],
                         str_print(context->arena, "%-5s", health_names[finding->health]));
        buf_print(&context->out, "%-12s", finding->name);
        buf_add_escaped(&safe, finding->detail, false);
        report_wrap(&context->out, buf_str(&safe), 17, 17, width);
        buf_add_char(&context->out, '\n');
        if (!finding->advice)
            continue;
        buf_add_repeated(&context->out, ' ', 17);
        report_wrap(&context->out, str_print(context->arena, "do: %s", finding->advice), 17, 17,
                    width);
        buf_add_char(&context->out, '\n');
    }
}

static void print_table(struct context *context, const struct finding_vec *findings)
{
    static const struct column columns[] = {
        {.name = "check", .title = "CHECK"},
        {.name = "status", .title = "STATUS"},
        {.name = "detail", .title = "DETAIL"},
        {.name = "advice", .title = "WHAT TO DO"},
    };
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    vec_each (const struct finding, finding, findings) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(str_of(finding->name));
        row[1] = cell_text(str_of(health_names[finding->health]));
        row[2] = cell_text(finding->detail);
        row[3] = cell_text(str_of(finding->advice));
    }
    report_table(context, &table, "checks");
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    (void)argc, (void)argv;
    const struct doctor_options *options = opaque;
    struct finding_vec findings = {0};
    if (options->limits) {
        help_topic(context, STR("limits"));
        return NULL;
    }
    doctor_examine(context, &findings);
    if (context->format == FORMAT_TABLE)
        print_text(context, &findings);
    else
        print_table(context, &findings);
    vec_each (const struct finding, finding, &findings)
        context->status = finding->health == HEALTH_FAIL ? 1 : context->status;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops doctor", "check what mlops needs, and say what to do where something is missing"},
    {"mlops doctor --limits", "print every limit"},
};

const struct cli_command cmd_doctor = {
    .name = "doctor",
    .group = GROUP_OTHER,
    .arguments = "",
    .summary = "Check the machine and the project's store",
    .description = "Each line says ok, warn or fail. Exit status 1 if anything fails.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct doctor_options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "config, verify",
    .has_rows = true,
    .run = run,
};
