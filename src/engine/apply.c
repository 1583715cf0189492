#include "mlops/engine/apply.h"

#include "mlops/base/arena.h"
#include "mlops/engine/data.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "apply_private.h"

/* --- what the run was and made --- */

/* Stages that the run tried in vain have no outputs of it. */
static bool has_failed(const struct run *run, struct str stage)
{
    vec_each (const struct run_stage, recorded, &run->stages) {
        if (str_equal(recorded->stage, stage))
            return stage_made_nothing(recorded->status);
    }
    return false;
}

/* What it tried counts by its recipe all the same. */
static struct digest key_of(const struct run *run, const struct state_entry *entry)
{
    vec_each (const struct run_stage, recorded, &run->stages) {
        if (str_equal(recorded->stage, entry->stage) && !digest_is_zero(recorded->key))
            return recorded->key;
    }
    return entry->key;
}

static FALLIBLE load_run(struct applying *applying)
{
    struct session *session = applying->session;
    struct arena *arena = session->arena;
    const struct run *run = applying->run;
    struct ledger *ledger = NULL;
    bool found = false;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_load_state(ledger, arena, run->state, &applying->state, &found));
    if (!found)
        return error_hint(error_new(ERROR_ANSWER,
                                    "run %.*s did not come to an end: it left nothing "
                                    "to apply",
                                    STR_FMT(ulid_short(run->id))),
                          "'mlops runs' lists runs that did");
    size_t count = applying->state.count;
    struct digest *keys = arena_new_array(arena, struct digest, count);
    struct digest *results = arena_new_array(arena, struct digest, count);
    applying->recipes = arena_new_array(arena, struct recipe *, count);
    applying->results = arena_new_array(arena, struct result *, count);
    applying->templates = arena_new_array(arena, struct recipe_param_vec, count);
    for (size_t i = 0; i < count; i++) {
        const struct state_entry *entry = &applying->state.entries[i];
        keys[i] = key_of(run, entry);
        results[i] = has_failed(run, entry->stage) ? (struct digest){{0}} : entry->result;
    }
    TRY(ledger_load_recipes(ledger, arena, keys, count, applying->recipes));
    TRY(ledger_load_results(ledger, arena, results, count, applying->results));
    return ledger_load_templates(ledger, arena, keys,
                                 (const struct recipe *const *)applying->recipes, count,
                                 applying->templates);
}

static void note_made(struct applying *applying)
{
    struct arena *arena = applying->session->arena;
    for (size_t i = 0; i < applying->state.count; i++) {
        const struct recipe *recipe = applying->recipes[i];
        for (size_t k = 0; recipe && k < recipe->out_count; k++)
            map_put(arena, &applying->made, recipe->outs[k], applying);
    }
}

/* --- the plan --- */

/* "sub/dvc.yaml:train" is a stage of another file. */
static struct str file_of_stage(struct str stage)
{
    ptrdiff_t colon = str_find_last_char(stage, ':');
    struct str file = colon > 0 ? str_slice(stage, 0, (size_t)colon) : (struct str){0};
    return str_ends(file, STR(".yaml")) ? file : (struct str){0};
}

/* A pipeline file that the run's origin does not have (ignored by git) stays. */
static FALLIBLE take_pipeline(struct applying *applying, struct str file)
{
    struct origin_file there = {0};
    bool known = false;
    if (!file.len || path_fault(file))
        return NULL;
    TRY(origin_read(&applying->origin, file, &there));
    return there.mode ? apply_file(applying, file, &known) : NULL;
}

static FALLIBLE plan_code(struct applying *applying)
{
    bool known = false;
    TRY(take_pipeline(applying, applying->run->pipeline));
    for (size_t i = 0; i < applying->state.count; i++)
        TRY(take_pipeline(applying, file_of_stage(applying->state.entries[i].stage)));
    vec_each (const struct str, path, &applying->origin.touched) {
        if (!map_has(&applying->made, *path))
            TRY(apply_file(applying, *path, &known));
    }
    return NULL;
}

static FALLIBLE note_commit(struct applying *applying)
{
    struct session *session = applying->session;
    struct str head = {0}, branch = {0};
    if (!session->vcs || !applying->origin.commit.len)
        return NULL;
    TRY(vcs_head(session->vcs, session->arena, &head, &branch));
    if (!str_equal(head, applying->origin.commit))
        applying->report.commit = applying->origin.commit;
    return NULL;
}

static FALLIBLE what_is_missing(struct applying *applying)
{
    struct error *error = error_list_take(&applying->missing);
    return error ? error_hint(error, "'mlops pull' fetches what a remote has; 'mlops apply "
                                     "--params-only', then 'mlops run' makes it again")
                 : NULL;
}

static FALLIBLE plan(struct applying *applying)
{
    TRY(apply_params(applying));
    if (applying->options->only_params)
        return NULL;
    TRY(plan_code(applying));
    TRY(apply_inputs(applying));
    TRY(apply_outputs(applying));
    TRY(note_commit(applying));
    return what_is_missing(applying);
}

static int compare_changes(const void *a, const void *b)
{
    return str_compare(((const struct apply_change *)a)->path,
                       ((const struct apply_change *)b)->path);
}

static bool is_refused(const struct applying *applying)
{
    bool is_unsaved = false;
    vec_each (const struct apply_change, change, &applying->report.changes)
        is_unsaved |= change->is_unsaved;
    return is_unsaved && !applying->options->force;
}

/* --- doing --- */

static FALLIBLE claim(struct applying *applying, struct claims *ret)
{
    const struct apply_change_vec *changes = &applying->report.changes;
    struct str *paths = arena_new_array(applying->session->arena, struct str, changes->len);
    for (size_t i = 0; i < changes->len; i++)
        paths[i] = changes->at[i].path;
    return changes->len ? data_claim(applying->session, paths, changes->len, ret) : NULL;
}

/* Before anything is begun: what was begun has to be completed. */
static FALLIBLE check_writable(struct applying *applying)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int root = fd_number(applying->session->workspace.root_fd);
    vec_each (const struct exchange, exchange, &applying->exchanges) {
        struct str above = path_directory(exchange->path);
        const char *name = path_join(&scratch, above, STR(".")).at; /* a file there will go */
        bool is_refused = faccessat(root, name, W_OK | X_OK, AT_EACCESS) != 0 &&
                          (errno == EACCES || errno == EROFS || errno == EPERM);
        if (is_refused)
            return error_hint(error_os(errno, "'%.*s' can't be changed", STR_FMT(exchange->path)),
                              "nothing was changed; its directory has to be writable");
    }
    return NULL;
}

static FALLIBLE restore_all(struct applying *applying)
{
    struct worktree *worktree = applying->session->worktree;
    struct apply_report *report = &applying->report;
    vec_each (const struct artifact, artifact, &applying->restores) {
        bool done = false;
        int displaced = 0;
        TRY(worktree_restore(worktree, artifact, report->displaced_to, &displaced, &done));
        report->displaced += displaced;
        if (!done)
            return error_hint(error_new(ERROR_STORED, "the stored copy of '%.*s' is damaged",
                                        STR_FMT(artifact->path)),
                              "'mlops run' makes it again; the parameters and the code are those "
                              "of the run already");
    }
    return NULL;
}

static FALLIBLE change_files(struct applying *applying)
{
    AUTO(claims_drop) struct claims claims = {0};
    struct apply_report *report = &applying->report;
    TRY(claim(applying, &claims));
    TRY(check_writable(applying));
    TRY(exchange_make(&applying->session->workspace, applying->exchanges.at,
                      applying->exchanges.len, report->displaced_to, &report->displaced));
    return restore_all(applying);
}

/* As after a run: what was restored is not to be committed. */
static FALLIBLE ignore_outputs(struct session *session, const struct run_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct outcome *outcome = &report->outcomes[i];
        if (outcome->status == STATUS_UNCHANGED || outcome->status == STATUS_RESTORED)
            TRY(run_ignore_outputs(session, outcome->stage));
    }
    return NULL;
}

/* The pipeline is that of the run now; what it makes is in place, so the lock file is written and
 * nothing executes. */
static FALLIBLE write_lock(struct applying *applying)
{
    struct session session = {0};
    const struct session_options options = {.cwd = applying->session->workspace.root,
                                            .pipeline = applying->run->pipeline,
                                            .threads = -1,
                                            .observer = applying->session->observer};
    const struct run_options run = {
        .only_known = true, .argv = applying->options->argv, .version = applying->options->version};
    TRY(session_open(applying->session->arena, &options, &session));
    struct error *error = run_plan(&session, &run, &applying->report.run);
    if (!error)
        error = ignore_outputs(&session, &applying->report.run);
    session_drop(&session);
    return error;
}

FALLIBLE apply_run(struct session *session, const struct run *run,
                   const struct apply_options *options, struct apply_report *ret)
{
    struct applying applying = {.session = session, .run = run, .options = options};
    if (session->workspace.is_work_dir)
        return error_hint(error_new(ERROR_PROJECT,
                                    "this is the work directory of a trial of '%.*s'",
                                    STR_FMT(session->workspace.project)),
                          "runs are applied in the project itself");
    applying.report.displaced_to =
        str_print(session->arena, "displaced/apply-%.*s", STR_FMT(ulid_short(run->id)));
    if (pipeline_dialect(run->pipeline) == DOC_DVC)
        worktree_follow_links(session->worktree);
    TRY(load_run(&applying));
    TRY(origin_open(session, run, &applying.origin));
    note_made(&applying);
    TRY(plan(&applying));
    vec_sort(&applying.report.changes, compare_changes);
    applying.report.is_refused = is_refused(&applying);
    if (!applying.report.is_refused && !options->dry)
        TRY(change_files(&applying));
    if (!applying.report.is_refused && !options->dry && !options->only_params)
        TRY(write_lock(&applying));
    *ret = applying.report;
    return NULL;
}
