#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/cli/view.h"
#include "mlops/model/name.h"
#include "mlops/store/ledger.h"

struct tag_options {
    bool remove;
};

static const struct option_row rows[] = {
    {"delete", 'd', OPTION_FLAG_AT(struct tag_options, remove),
     .help = "Take the tag NAME away (the only argument then)"},
};

static void print_json(struct context *context, struct str run, struct str tag)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "run");
    if (run.len)
        json_str(&json, run);
    else
        json_null(&json);
    json_name(&json, "tag");
    json_str(&json, tag);
    report_json_close(&json);
}

static FALLIBLE remove_tag(struct context *context, int argc, const struct str *argv)
{
    struct ledger *ledger = NULL;
    bool is_found = false;
    if (argc != 1)
        return error_new(ERROR_USAGE, "'mlops tag --delete' takes the name of one tag");
    TRY(context_ledger_for_writing(context, &ledger));
    TRY(ledger_untag(ledger, argv[0], &is_found));
    if (!is_found)
        return error_hint(error_new(ERROR_USAGE, "there is no tag '%.*s'", STR_FMT(argv[0])),
                          "'mlops runs' shows tags");
    if (context->format == FORMAT_JSON)
        print_json(context, (struct str){0}, argv[0]);
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct tag_options *options = opaque;
    struct ledger *ledger = NULL;
    struct run *run = NULL;
    if (options->remove)
        return remove_tag(context, argc, argv);
    if (argc != 2)
        return error_new(ERROR_USAGE, "'mlops tag' takes a run and a name: mlops tag RUN NAME");
    TRY(context_ledger_for_writing(context, &ledger));
    TRY(view_find_run(context, argv[0], &run));
    TRY(ledger_tag(ledger, run->sequence, argv[1]));
    if (context->format == FORMAT_JSON) {
        print_json(context, run->id, argv[1]);
        return NULL;
    }
    context_notice(context, "run %.*s is '%.*s' now", STR_FMT(ulid_short(run->id)),
                   STR_FMT(argv[1]));
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops tag @ baseline", "name the newest run"},
    {"mlops diff baseline", "compare the workspace with it"},
    {"mlops tag --delete baseline", "take the name away"},
};

const struct cli_command cmd_tag = {
    .name = "tag",
    .group = GROUP_EXPERIMENTS,
    .arguments = "RUN NAME",
    .summary = "Give a run a name that can be used in its place",
    .description = "'mlops gc' keeps what tagged runs made. A tag names one run.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct tag_options),
    .words_least = 1,
    .words_most = 2,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "runs, diff, gc",
    .run = run_command,
};
