#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/stages.h"

struct status_command {
    struct plan_choice choice;
    bool exit_code;
};

static const struct option_row rows[] = {
    CHOICE_ROWS(struct status_command),
    {.name = "exit-code",
     OPTION_FLAG_AT(struct status_command, exit_code),
     .help = "End with status 1 if anything is to do (so does --quiet)"},
};

static bool is_settled(enum stage_status status)
{
    return status == STATUS_UNCHANGED || status == STATUS_WAITING;
}

static const char *state_word(enum stage_status status)
{
    if (status == STATUS_WOULD_RUN)
        return "to run";
    if (status == STATUS_WOULD_RESTORE)
        return "to restore";
    return status == STATUS_UNKNOWN ? "not known yet" : stage_status_name(status);
}

static void print_changed(struct context *context, const struct outcome *outcome)
{
    report_add_toned(context, TONE_STRONG, outcome->stage->name);
    buf_print(&context->out, ": %s\n", state_word(outcome->status));
    vec_each (struct reason, reason, &outcome->reasons) {
        buf_add_text(&context->out, "    ");
        buf_add_escaped(&context->out, reason_print(context->arena, reason), false);
        buf_add_char(&context->out, '\n');
    }
}

static int print_text(struct context *context, const struct session *session,
                      const struct run_report *report)
{
    int changed = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct outcome *outcome = &report->outcomes[session->plan.order[i]];
        if (is_settled(outcome->status))
            continue;
        changed++;
        if (!context->common.quiet)
            print_changed(context, outcome);
    }
    if (!changed && !context->common.quiet)
        buf_print(&context->out, "up to date: %d stage%s of %.*s\n", report->run->counts.stages,
                  report->run->counts.stages == 1 ? "" : "s", STR_FMT(session->pipeline->path));
    return changed;
}

static int print_json(struct context *context, const struct session *session,
                      const struct run_report *report)
{
    int changed = report->run->counts.stages - report->run->counts.unchanged;
    struct json_writer json = report_json_open(context);
    json_name(&json, "pipeline");
    json_str(&json, session->pipeline->path);
    json_name(&json, "is_up_to_date");
    json_bool(&json, changed == 0);
    counts_json(&json, &report->run->counts);
    stages_json(&json, session, report);
    report_json_close(&json);
    return changed;
}

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    const struct status_command *command = options;
    struct stage_words words = {.argc = argc,
                                .argv = argv,
                                .choice = command->choice,
                                .is_read_only = true,
                                .observer = &context->observer};
    AUTO(session_drop) struct session session = {0};
    struct run_report report = {0};
    struct run_options wanted = {.dry = true, .explain = true, .takes_missing = true};
    TRY(stages_open(context, &words, &session));
    TRY(run_plan(&session, &wanted, &report));
    int changed = context->format == FORMAT_JSON ? print_json(context, &session, &report)
                                                 : print_text(context, &session, &report);
    if ((command->exit_code || context->common.quiet) && changed)
        context->status = 1;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops status", "what is not up to date, and what changed"},
    {"mlops status --quiet", "in CI: fail if the committed results are stale"},
};

const struct cli_command cmd_status = {
    .name = "status",
    .group = GROUP_RUN,
    .arguments = "[PIPELINE] [TARGET...]",
    .summary = "Show what is not up to date",
    .description =
        "Only stages with something to do are listed, each with what changed: the same reasons, in "
        "the same words, as 'plan' and 'why' give. An input that is not there is such a reason, "
        "too. Nothing is run, made or written.\n"
        "\n"
        "--json: {schema_version, pipeline, is_up_to_date, counts, stages}. Each of 'stages' has "
        "name, status (unchanged, would_run, would_restore, or unknown until a stage before it has "
        "run), key and reasons: {part, what, before, after, text}, where part is cmd, wdir, shell, "
        "dep, param, env, out, environment (the recipe), output (in the work tree), always, "
        "forced, never_run, not_stored, rejected, template or upstream; before is null of what is "
        "new, after "
        "of what is gone.\n"
        "\n"
        "Exit status: 0; with --exit-code or --quiet 1 if anything is to do; 3 if the pipeline is "
        "wrong.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct status_command),
    .words_most = -1,
    .completes = COMPLETE_STAGES | COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "plan, why, run",
    .run = run,
};
