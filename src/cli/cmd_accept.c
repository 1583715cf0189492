#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/stages.h"
#include "mlops/model/name.h"

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    (void)options;
    struct stage_words words = {.argc = argc, .argv = argv, .observer = &context->observer};
    AUTO(session_drop) struct session session = {0};
    struct str name;
    TRY(stages_one_target("accept", argc, argv, &name));
    TRY(stages_open(context, &words, &session));
    if (session.plan.target_count != 1)
        return error_new(ERROR_USAGE, "'%.*s' names %zu stages; accept one of them", STR_FMT(name),
                         session.plan.target_count);
    const struct stage *stage = &session.pipeline->stages.at[session.plan.targets[0]];
    struct run_report report = {0};
    TRY(run_accept(&session, stage, STR(MLOPS_VERSION), &report));
    context->status = report.exit_status;
    const struct outcome *outcome = &report.outcomes[stage->index];
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "run");
        json_str(&json, report.run->id);
        json_name(&json, "stage");
        json_str(&json, stage->name);
        json_name(&json, "status");
        json_str(&json, str_of(stage_status_name(outcome->status)));
        report_json_close(&json);
        return NULL;
    }
    buf_print(&context->out,
              "accepted '%.*s' as made from the inputs it was started with · run %.*s\n",
              STR_FMT(stage->name), STR_FMT(ulid_short(report.run->id)));
    if (outcome->status == STATUS_REJECTED)
        buf_print(&context->out, "its gates do not hold: %.*s\n", STR_FMT(outcome->blocker));
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops accept train", "keep a fit although train.py was edited while it ran"},
};

const struct cli_command cmd_accept = {
    .name = "accept",
    .group = GROUP_RUN,
    .arguments = "[PIPELINE] STAGE",
    .summary = "Accept the outputs of an unconfirmed stage",
    .description = "A stage is unconfirmed when one of its inputs changed while it ran: its "
                   "outputs are there, but "
                   "they make no reusable result, since nobody knows which content was read. If "
                   "you know, accept "
                   "takes them as made from the inputs as they were when the stage was started.",
    .words_least = 1,
    .words_most = 2,
    .completes = COMPLETE_STAGES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "run, status",
    .run = run,
};
