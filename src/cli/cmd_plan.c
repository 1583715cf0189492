#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/stages.h"

static const struct option_row rows[] = {
    CHOICE_ROWS(struct plan_command),
    {.name = "force",
     .letter = 'f',
     OPTION_FLAG_AT(struct plan_command, force),
     .help = "As if every stage had to run"},
    {.name = "no-restore",
     OPTION_FLAG_AT(struct plan_command, no_restore),
     .help = "As if nothing could be restored from the cache"},
    {.name = "no-dvc-lock",
     OPTION_FLAG_AT(struct plan_command, no_dvc_lock),
     .help = "Leave aside what dvc.lock records of a dvc.yaml"},
    {.name = "allow-missing",
     OPTION_FLAG_AT(struct plan_command, allow_missing),
     .help = "Tracked inputs that are not there count as recorded"},
    {.name = "minimal",
     OPTION_FLAG_AT(struct plan_command, minimal),
     .help = "As a run that restores only targets and what stages that run need"},
};

static const struct column columns[] = {
    {.name = "stage", .title = "STAGE"},
    {.name = "status", .title = "STATUS"},
    {.name = "why", .title = "WHY", .may_shrink = true},
};

static enum tone tone_of(enum stage_status status)
{
    if (status == STATUS_WOULD_RUN)
        return TONE_STRONG;
    return status == STATUS_UNCHANGED ? TONE_DIM : TONE_PLAIN;
}

static const char *status_word(enum stage_status status)
{
    if (status == STATUS_WOULD_RUN)
        return "run";
    if (status == STATUS_WOULD_RESTORE)
        return "restore";
    return stage_status_name(status);
}

static struct str why(struct arena *arena, const struct outcome *outcome)
{
    struct buf text = buf_in(arena);
    vec_each (struct reason, reason, &outcome->reasons) {
        if (outcome->status == STATUS_UNKNOWN && reason->part == REASON_UPSTREAM)
            buf_print(&text, "%sunknown until '%.*s' has run", text.len ? "; " : "",
                      STR_FMT(reason->what));
        else
            buf_print(&text, "%s%.*s", text.len ? "; " : "", STR_FMT(reason_print(arena, reason)));
    }
    if (outcome->blocker.len) /* checks that reject what they measured, and what waits for them */
        buf_print(&text, "%s%.*s", text.len ? "; " : "", STR_FMT(outcome->blocker));
    return buf_str(&text);
}

static void print_table(struct context *context, const struct session *session,
                        const struct run_report *report)
{
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < report->count; i++) {
        uint32_t index = session->plan.order[i];
        const struct outcome *outcome = &report->outcomes[index];
        if (!session->plan.stages[index].is_selected)
            continue;
        struct cell *row = table_add(&table);
        row[0] = cell_text(outcome->stage->name);
        row[1] =
            cell_toned(cell_text(str_of(status_word(outcome->status))), tone_of(outcome->status));
        row[2] = cell_text(why(context->arena, outcome));
    }
    report_table(context, &table, "stages");
    if (context->format != FORMAT_TABLE || context->common.quiet)
        return;
    buf_add_str(&context->out, counts_print(context->arena, &report->run->counts, true));
    buf_add_char(&context->out, '\n');
}

static void print_json(struct context *context, const struct session *session,
                       const struct run_report *report)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "pipeline");
    json_str(&json, session->pipeline->path);
    counts_json(&json, &report->run->counts);
    stages_json(&json, session, report);
    report_json_close(&json);
}

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    const struct plan_command *command = options;
    struct stage_words words = {.argc = argc,
                                .argv = argv,
                                .choice = command->choice,
                                .is_read_only = true,
                                .observer = &context->observer};
    AUTO(session_drop) struct session session = {0};
    struct run_report report = {0};
    struct run_options wanted = {.dry = true,
                                 .explain = true,
                                 .force = command->force,
                                 .no_restore = command->no_restore,
                                 .minimal = command->minimal,
                                 .no_dvc_lock = command->no_dvc_lock,
                                 .lazy_inputs = command->allow_missing};
    TRY(stages_open(context, &words, &session));
    TRY(run_plan(&session, &wanted, &report));
    if (context->format == FORMAT_JSON)
        print_json(context, &session, &report);
    else
        print_table(context, &session, &report);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops plan", "what 'mlops run' would do, stage by stage, and why"},
    {"mlops plan train --json", "the same for one stage and what it needs, for scripts"},
};

const struct cli_command cmd_plan = {
    .name = "plan",
    .group = GROUP_RUN,
    .arguments = "[PIPELINE] [TARGET...]",
    .summary = "Say what a run would do, and why",
    .description = "Nothing is run, made or written. Behind a stage that would run the answer is "
                   "'unknown': its "
                   "outputs may turn out as they were, and then what follows is unchanged.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct plan_command),
    .words_most = -1,
    .completes = COMPLETE_STAGES | COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "run, status, why",
    .has_rows = true,
    .run = run,
};
