#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/stages.h"

static const char *answer(enum stage_status status)
{
    switch (status) {
    case STATUS_UNCHANGED:
        return "is up to date: its recipe has a known result, which is in the work tree";
    case STATUS_WOULD_RESTORE:
        return "would be restored: its recipe has a known result, but the work tree differs";
    case STATUS_UNKNOWN:
        return "can't be known yet";
    case STATUS_REJECTED:
        return "rejects what it checks, which is as it was measured";
    case STATUS_SKIPPED:
        return "would not run";
    case STATUS_FAILED:
        return "was measured, but can't be judged";
    case STATUS_WOULD_RUN:
    case STATUS_WAITING:
    case STATUS_RESTORED:
    case STATUS_EXECUTED:
    case STATUS_UNCONFIRMED:
    case STATUS_INTERRUPTED:
        break;
    }
    return "would run";
}

static void print_text(struct context *context, const struct outcome *outcome)
{
    buf_add_char(&context->out, '\'');
    buf_add_escaped(&context->out, outcome->stage->name, false);
    buf_print(&context->out, "' %s\n", answer(outcome->status));
    vec_each (struct reason, reason, &outcome->reasons) {
        buf_add_text(&context->out, "  ");
        buf_add_escaped(&context->out, reason_print(context->arena, reason), false);
        buf_add_char(&context->out, '\n');
    }
    if (!outcome->blocker.len)
        return;
    buf_add_text(&context->out, "  ");
    buf_add_escaped(&context->out, outcome->blocker, false);
    buf_add_char(&context->out, '\n');
}

static void print_recipe(struct context *context, const struct outcome *outcome)
{
    const struct recipe *recipe = outcome->recipe;
    if (!recipe || digest_is_zero(outcome->key))
        return;
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(outcome->key, hex);
    buf_print(&context->out, "\nkey sha256:%s\n", hex);
    for (size_t i = 0; i < recipe->dep_count; i++) {
        digest_print(recipe->deps[i].digest, hex);
        buf_print(&context->out, "  dep   %.12s  ", hex);
        buf_add_escaped(&context->out, recipe->deps[i].path, false);
        buf_add_char(&context->out, '\n');
    }
    for (size_t i = 0; i < recipe->param_count; i++) {
        const struct recipe_param *param = &recipe->params[i];
        buf_add_text(&context->out, "  param ");
        buf_add_escaped(&context->out,
                        str_print(context->arena, "%.*s%s%.*s = %.*s", STR_FMT(param->file),
                                  param->key.len ? ":" : "", STR_FMT(param->key),
                                  STR_FMT(param->shown)),
                        false);
        buf_add_char(&context->out, '\n');
    }
}

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    (void)options;
    struct str target;
    TRY(stages_one_target("why", argc, argv, &target));
    struct stage_words words = {
        .argc = argc, .argv = argv, .is_read_only = true, .observer = &context->observer};
    AUTO(session_drop) struct session session = {0};
    struct run_report report = {0};
    struct run_options wanted = {.dry = true, .explain = true, .takes_missing = true};
    TRY(stages_open(context, &words, &session));
    TRY(run_plan(&session, &wanted, &report));
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        stages_json(&json, &session, &report);
        report_json_close(&json);
        return NULL;
    }
    for (size_t i = 0; i < session.plan.target_count; i++) {
        const struct outcome *outcome = &report.outcomes[session.plan.targets[i]];
        print_text(context, outcome);
        if (context->common.verbose)
            print_recipe(context, outcome);
    }
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops why train", "what makes 'train' run, field by field"},
    {"mlops why train -v", "also its key and all that is in it"},
};

const struct cli_command cmd_why = {
    .name = "why",
    .group = GROUP_RUN,
    .arguments = "[PIPELINE] STAGE",
    .summary = "Explain what makes a stage run or leaves it alone",
    .description =
        "The recipe of the stage now is compared with that of its last run, part by part: "
        "which file, which parameter (with both values), which variable.",
    .words_least = 1,
    .words_most = 2,
    .completes = COMPLETE_STAGES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "plan, status, diff",
    .run = run,
};
