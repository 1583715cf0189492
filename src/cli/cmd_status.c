#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/cli/stages.h"
#include "mlops/cli/transfer.h"
#include "mlops/model/name.h"

struct status_command {
    struct plan_choice choice;
    bool exit_code, remote, allow_missing;
    struct str remote_name;
};

static const struct option_row rows[] = {
    CHOICE_ROWS(struct status_command),
    {.name = "exit-code",
     OPTION_FLAG_AT(struct status_command, exit_code),
     .help = "End with status 1 if anything is to do (so does --quiet)"},
    {.name = "allow-missing",
     OPTION_FLAG_AT(struct status_command, allow_missing),
     .help = "Tracked data and outputs that are not here count as recorded: for a fresh clone"},
    {.name = "remote",
     .letter = 'c',
     OPTION_FLAG_AT(struct status_command, remote),
     .help = "What of the data and results is only here, only in the remote, or nowhere"},
    {.name = "remote-name",
     .letter = 'r',
     OPTION_STR_AT(struct status_command, remote_name),
     .value = "NAME",
     .completes = COMPLETE_REMOTES,
     .help = "The same for this remote instead of the default one"},
};

/* Its recipe is as recorded, and no output differs: some are not here. */
static bool is_only_missing(const struct outcome *outcome)
{
    bool is_it = outcome->status == STATUS_WOULD_RESTORE && outcome->reasons.len;
    vec_each (const struct reason, reason, &outcome->reasons)
        is_it = is_it && reason->part == REASON_OUTPUT && !reason->after.len;
    return is_it;
}

static bool is_settled(const struct status_command *command, const struct outcome *outcome)
{
    return outcome->status == STATUS_UNCHANGED || outcome->status == STATUS_WAITING ||
           (command->allow_missing && is_only_missing(outcome));
}

static bool is_missing_data(const struct data_status *status)
{
    return status->state == DATA_DELETED || status->state == DATA_NOT_FETCHED;
}

static void leave_out_missing(struct data_status_vec *data)
{
    size_t kept = 0;
    for (size_t i = 0; i < data->len; i++)
        if (!is_missing_data(&data->at[i]))
            data->at[kept++] = data->at[i];
    data->len = kept;
}

static int count_unsettled(const struct status_command *command, const struct run_report *report)
{
    int count = 0;
    for (size_t i = 0; report && i < report->count; i++)
        count += !is_settled(command, &report->outcomes[i]);
    return count;
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

static void tell_settled(struct context *context, const struct session *session,
                         const struct run_report *report, size_t data_count)
{
    if (context->common.quiet)
        return;
    buf_add_text(&context->out, "up to date: ");
    if (report)
        buf_print(&context->out, "%d stage%s of %.*s", report->run->counts.stages,
                  report->run->counts.stages == 1 ? "" : "s", STR_FMT(session->pipeline->path));
    if (data_count)
        buf_print(&context->out, "%s%zu tracked path%s", report ? ", " : "", data_count,
                  data_count == 1 ? "" : "s");
    buf_add_char(&context->out, '\n');
}

/* `report` NULL: there is no pipeline. */
static int print_text(struct context *context, const struct status_command *command,
                      const struct session *session, const struct run_report *report,
                      const struct data_status_vec *data)
{
    int changed = 0;
    for (size_t i = 0; report && i < report->count; i++) {
        const struct outcome *outcome = &report->outcomes[session->plan.order[i]];
        if (is_settled(command, outcome))
            continue;
        changed++;
        if (!context->common.quiet)
            print_changed(context, outcome);
    }
    changed += data_status_print(context, data, false);
    if (!changed)
        tell_settled(context, session, report, data->len);
    return changed;
}

static int print_json(struct context *context, const struct status_command *command,
                      const struct session *session, const struct run_report *report,
                      const struct data_status_vec *data)
{
    int changed = data_status_count(data) + count_unsettled(command, report);
    struct json_writer json = report_json_open(context);
    json_name(&json, "pipeline");
    if (report)
        json_str(&json, session->pipeline->path);
    else
        json_null(&json);
    json_name(&json, "is_up_to_date");
    json_bool(&json, changed == 0);
    if (report) {
        counts_json(&json, &report->run->counts);
        stages_json(&json, session, report);
    }
    data_status_json(&json, data);
    report_json_close(&json);
    return changed;
}

static FALLIBLE show(struct context *context, const struct status_command *command,
                     const struct session *session, const struct run_report *report,
                     const struct data_status_vec *data)
{
    int changed = context->format == FORMAT_JSON
                      ? print_json(context, command, session, report, data)
                      : print_text(context, command, session, report, data);
    if ((command->exit_code || context->common.quiet) && changed)
        context->status = 1;
    return NULL;
}

/* What is tracked: by pointers of ours, and by `.dvc` files. */
struct tracked_paths {
    struct pointer_vec pointers;
    struct dvc_tracked_vec dvc;
    int words; /* that name some of them */
};

static size_t count_tracked(const struct tracked_paths *tracked)
{
    return tracked->pointers.len + tracked->dvc.len;
}

static FALLIBLE load_dvc(struct session *session, struct dvc_tracked_vec *ret)
{
    struct dvc_tracked_vec all = {0};
    TRY(dvcfiles_load(session->arena, &session->workspace, session->index, session->observer,
                      &all));
    vec_each (const struct dvc_tracked, one, &all)
        if (!one->stage.len)
            *vec_push(session->arena, ret) = *one;
    return NULL;
}

/* A path, a directory above it, or its file; with `below` a directory that holds it, too. */
static void find_dvc(struct session *session, const struct dvc_tracked_vec *all, struct str path,
                     bool below, struct dvc_tracked_vec *ret)
{
    vec_each (const struct dvc_tracked, one, all)
        if (path_is_within(path, one->artifact.path) || str_equal(path, one->file) ||
            (below && path_is_within(one->artifact.path, path)))
            *vec_push(session->arena, ret) = *one;
}

static FALLIBLE find_below(struct session *session, struct str path, struct pointer_vec *ret)
{
    struct pointer_vec all = {0};
    TRY(pointers_load_all(session->arena, &session->workspace, &all));
    for (size_t i = 0; i < all.len; i++)
        if (path_is_within(all.at[i]->artifact.path, path))
            *vec_push(session->arena, ret) = all.at[i];
    return NULL;
}

static FALLIBLE find_word(struct session *session, const struct dvc_tracked_vec *dvc,
                          struct str word, bool below, struct tracked_paths *ret)
{
    struct pointer *pointer = NULL;
    struct str path = {0};
    size_t before = count_tracked(ret);
    struct error *error = data_word_in(session, word, &path);
    if (error) { /* then it is no path of this project */
        error_drop(error);
        return NULL;
    }
    TRY(pointers_find(session->arena, &session->workspace, path, &pointer));
    if (pointer)
        *vec_push(session->arena, &ret->pointers) = pointer;
    else if (below)
        TRY(find_below(session, path, &ret->pointers));
    if (!pointer)
        find_dvc(session, dvc, path, below, &ret->dvc);
    ret->words += count_tracked(ret) > before;
    return NULL;
}

/* Those that the words name, all without words. With `below` a directory stands for those in it. */
static FALLIBLE find_pointers(struct session *session, int argc, const struct str *argv, bool below,
                              struct tracked_paths *ret)
{
    struct dvc_tracked_vec dvc = {0};
    TRY(load_dvc(session, &dvc));
    if (argc == 0) {
        ret->dvc = dvc;
        return pointers_load_all(session->arena, &session->workspace, &ret->pointers);
    }
    for (int i = 0; i < argc; i++)
        TRY(find_word(session, &dvc, argv[i], below, ret));
    return NULL;
}

static FALLIBLE compare(struct session *session, const struct status_command *command,
                        const struct tracked_paths *tracked, struct data_status_vec *ret)
{
    TRY(data_status(session, &tracked->pointers, ret));
    TRY(data_status_dvc(session, &tracked->dvc, ret));
    if (command->allow_missing)
        leave_out_missing(ret);
    return NULL;
}

/* Without a pipeline a word can only be a tracked path. */
static FALLIBLE refuse_untracked(struct session *session, int argc, const struct str *argv)
{
    for (int i = 0; i < argc; i++) {
        struct tracked_paths found = {0};
        if (is_pipeline_word(argv[i]) || str_find_char(argv[i], ':') >= 0)
            return NULL; /* names a pipeline */
        TRY(find_pointers(session, 1, &argv[i], true, &found));
        if (!found.words)
            return error_hint(error_new(ERROR_PROJECT,
                                        "'%.*s' is not tracked, and there is no pipeline of which "
                                        "it could be a stage",
                                        STR_FMT(argv[i])),
                              "'mlops ls' lists what is tracked, 'mlops add' tracks a path");
    }
    return NULL;
}

/* Words that all are tracked paths, or no words where there is no pipeline: only data are asked
 * for.
 */
static FALLIBLE is_about_data(struct context *context, const struct status_command *command,
                              int argc, const struct str *argv, bool *ret)
{
    AUTO(data_close) struct data_shell shell = {0};
    struct tracked_paths pointers = {0};
    struct str path = {0};
    bool found = false, chooses = command->choice.all_files || command->choice.recursive;
    *ret = false;
    if (chooses)
        return NULL;
    TRY(path_current(context->arena, &path));
    TRY(session_find_pipeline(context->arena, path, &path, &found));
    if (found && argc == 0)
        return NULL;
    TRY(data_open(context, true, &shell));
    TRY(find_pointers(&shell.session, argc, argv, !found, &pointers));
    *ret = argc ? pointers.words == argc : count_tracked(&pointers) > 0;
    return found ? NULL : refuse_untracked(&shell.session, argc, argv);
}

static FALLIBLE run_data(struct context *context, const struct status_command *command, int argc,
                         const struct str *argv)
{
    AUTO(data_close) struct data_shell shell = {0};
    struct tracked_paths pointers = {0};
    struct data_status_vec data = {0};
    TRY(data_open(context, true, &shell));
    TRY(find_pointers(&shell.session, argc, argv, true, &pointers));
    TRY(compare(&shell.session, command, &pointers, &data));
    progress_clear(&shell.progress);
    return show(context, command, &shell.session, NULL, &data);
}

/* Words are targets as 'push' takes them. */
static FALLIBLE run_remote(struct context *context, const struct status_command *command, int argc,
                           const struct str *argv)
{
    struct transfer_command transfer = {.remote = command->remote_name};
    AUTO(data_close) struct data_shell shell = {0};
    struct transfer_root_vec roots = {0};
    TRY(data_open(context, false, &shell));
    TRY(transfer_choose(&shell, &transfer, argc, argv, false, &roots));
    TRY(transfer_check_parts(&shell, &roots));
    return transfer_print_states(&shell, &transfer, &roots);
}

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    const struct status_command *command = options;
    if (command->remote || command->remote_name.len)
        return run_remote(context, command, argc, argv);
    struct stage_words words = {.argc = argc,
                                .argv = argv,
                                .choice = command->choice,
                                .is_read_only = true,
                                .observer = &context->observer};
    AUTO(session_drop) struct session session = {0};
    struct run_report report = {0};
    const struct map nowhere = {0};
    struct run_options wanted = {.dry = true,
                                 .explain = true,
                                 .takes_missing = true,
                                 .lazy_inputs = command->allow_missing,
                                 .lost = command->allow_missing ? &nowhere : NULL};
    struct tracked_paths pointers = {0};
    struct data_status_vec data = {0};
    bool is_data = false;
    TRY(is_about_data(context, command, argc, argv, &is_data));
    if (is_data)
        return run_data(context, command, argc, argv);
    TRY(stages_open(context, &words, &session));
    TRY(run_plan(&session, &wanted, &report));
    if (argc == 0)
        TRY(find_pointers(&session, 0, NULL, false, &pointers));
    TRY(compare(&session, command, &pointers, &data));
    return show(context, command, &session, &report, &data);
}

static const struct command_example examples[] = {
    {"mlops status", "what is not up to date, and what changed"},
    {"mlops status data/raw", "of one tracked path only"},
    {"mlops status --quiet", "in CI: fail if the committed results are stale"},
    {"mlops status --quiet --allow-missing", "the same in a fresh clone, with nothing fetched"},
};

const struct cli_command cmd_status = {
    .name = "status",
    .group = GROUP_RUN,
    .arguments = "[PIPELINE] [TARGET...|PATH...]",
    .summary = "Show what is not up to date",
    .description =
        "Only stages with something to do are listed, each with what changed: the same reasons, in "
        "the same words, as 'plan' and 'why' give. An input that is not there is such a reason, "
        "too. Nothing is run, made or written.\n"
        "\n"
        "Without words (or with the PATHs of some) also data that pointers track: modified, with "
        "the "
        "files that were added (+), changed (~) and removed (-), deleted, not fetched (neither "
        "here "
        "nor in the store), or not in the store. What .dvc files track is among them.\n"
        "\n"
        "With --allow-missing what is not here counts as recorded: outputs of stages whose recipe "
        "is "
        "that of the lock file, and tracked data. What is here and differs counts as ever. A file "
        "in "
        "a directory that another stage makes is known only if the store has that directory's "
        "list, "
        "which 'mlops fetch' of one of its files brings.\n"
        "\n"
        "--json: {schema_version, pipeline, is_up_to_date, counts, stages, data}. Each of 'stages' "
        "has "
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
    .completes = COMPLETE_STAGES | COMPLETE_FILES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "plan, why, run",
    .run = run,
};
