#include "mlops/cli/view.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report.h"
#include "mlops/host/file.h"
#include "mlops/host/vcs.h"
#include "mlops/model/name.h"
#include "mlops/store/ledger.h"
#include "mlops/store/lockfile.h"

#include <stdlib.h>

#include "view_private.h"

/* What a word may mean; at most one may hold. */
struct meanings {
    struct run *runs;
    size_t run_count;
    struct str commit; /* empty: names no revision */
};

static FALLIBLE find_runs(struct context *context, struct str word, struct meanings *ret)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) < 0)
        return NULL;
    TRY(context_ledger(context, &ledger));
    return ledger_find_runs(ledger, context->arena, word, &ret->runs, &ret->run_count);
}

static FALLIBLE find_commit(struct context *context, struct str word, struct meanings *ret)
{
    struct vcs *vcs = NULL;
    bool is_found = false;
    bool is_relative = str_starts(word, STR("@")); /* '@' is git's word for HEAD, and ours */
    TRY(context_vcs(context, &vcs));
    if (!vcs || is_relative)
        return NULL;
    TRY(vcs_resolve(vcs, context->arena, word, &ret->commit, &is_found));
    if (!is_found)
        ret->commit = (struct str){0};
    return NULL;
}

static FALLIBLE unknown_word(struct context *context, struct str word)
{
    struct run *newest = NULL;
    TRY(view_newest_run(context, &newest));
    if (!newest)
        return error_hint(
            error_new(ERROR_USAGE, "'%.*s' names nothing: no run was recorded yet", STR_FMT(word)),
            "'mlops run' records one");
    return error_hint(error_new(ERROR_USAGE, "'%.*s' names no run", STR_FMT(word)),
                      "'mlops runs' lists them, 'mlops help naming-runs' says how to name one");
}

static FALLIBLE ambiguous(struct context *context, struct str word, const struct meanings *meanings)
{
    struct buf text = buf_in(context->arena);
    for (size_t i = 0; i < meanings->run_count; i++) {
        const struct run *run = &meanings->runs[i];
        buf_print(&text, "%srun %.*s (%.*s)", text.len ? ", " : "", STR_FMT(run->id),
                  STR_FMT(report_when(context->arena, run->started_ns)));
    }
    if (meanings->commit.len)
        buf_print(&text, ", git commit %.*s", STR_FMT(str_slice(meanings->commit, 0, 12)));
    return error_hint(
        error_new(ERROR_USAGE, "'%.*s' may mean: %.*s", STR_FMT(word), STR_FMT(buf_str(&text))),
        "write more of the one you mean");
}

FALLIBLE view_find_run(struct context *context, struct str word, struct run **ret)
{
    struct meanings meanings = {0};
    TRY(find_runs(context, word, &meanings));
    if (meanings.run_count == 0)
        return unknown_word(context, word);
    if (meanings.run_count > 1)
        return ambiguous(context, word, &meanings);
    *ret = &meanings.runs[0];
    return NULL;
}

FALLIBLE view_newest_run(struct context *context, struct run **ret)
{
    struct meanings meanings = {0};
    TRY(find_runs(context, STR("@"), &meanings));
    *ret = meanings.run_count ? &meanings.runs[0] : NULL;
    return NULL;
}

static int compare_stages(const void *a, const void *b)
{
    const struct run_view_stage *left = a;
    const struct run_view_stage *right = b;
    return str_compare(left->stage, right->stage);
}

void view_sort_stages(struct run_view *view)
{
    if (view->stage_count > 1)
        qsort(view->stages, view->stage_count, sizeof *view->stages, compare_stages);
}

/* What the ledger knows by key and result. */
static FALLIBLE load_stage(struct context *context, struct ledger *ledger, struct digest result_id,
                           struct run_view_stage *ret)
{
    struct arena *arena = context->arena;
    struct recipe *recipe = arena_new(arena, struct recipe);
    struct result result = {0};
    bool is_found = false;
    if (!digest_is_zero(ret->key))
        TRY(ledger_load_recipe(ledger, arena, ret->key, recipe, &is_found));
    ret->recipe = is_found ? recipe : NULL;
    ret->duration_ns = -1;
    is_found = false;
    if (!digest_is_zero(result_id))
        TRY(ledger_load_result(ledger, arena, result_id, &result, &is_found));
    if (!is_found)
        return NULL;
    ret->outs = result.outs;
    ret->out_count = result.out_count;
    ret->metrics = result.metrics;
    ret->duration_ns = result.duration_ns;
    return NULL;
}

/* The stages of a run that ended have a state; one that crashed only has what it recorded. */
static FALLIBLE load_entries(struct context *context, struct ledger *ledger, const struct run *run,
                             struct state *ret)
{
    bool is_found = false;
    if (!digest_is_zero(run->state))
        TRY(ledger_load_state(ledger, context->arena, run->state, ret, &is_found));
    if (is_found)
        return NULL;
    ret->entries = arena_new_array(context->arena, struct state_entry, run->stages.len);
    ret->count = run->stages.len;
    for (size_t i = 0; i < run->stages.len; i++) {
        const struct run_stage *stage = &run->stages.at[i];
        ret->entries[i] = (struct state_entry){stage->stage, stage->key, stage->result};
    }
    return NULL;
}

FALLIBLE view_of_run(struct context *context, struct run *run, struct run_view *ret)
{
    struct ledger *ledger = NULL;
    struct state state = {0};
    struct map status = {0};
    TRY(context_ledger(context, &ledger));
    TRY(load_entries(context, ledger, run, &state));
    for (size_t i = 0; i < run->stages.len; i++)
        map_put(context->arena, &status, run->stages.at[i].stage, &run->stages.at[i]);
    struct run_view view = {
        .title = str_print(context->arena, "run %.*s", STR_FMT(ulid_short(run->id))),
        .run = run,
        .code = run->code,
        .stages = arena_new_array(context->arena, struct run_view_stage, state.count),
        .stage_count = state.count,
    };
    for (size_t i = 0; i < state.count; i++) {
        const struct run_stage *recorded = map_get(&status, state.entries[i].stage);
        struct run_view_stage *stage = &view.stages[i];
        stage->stage = state.entries[i].stage;
        stage->key = state.entries[i].key;
        stage->status = recorded ? recorded->status : STATUS_UNCHANGED;
        TRY(load_stage(context, ledger, state.entries[i].result, stage));
    }
    view_sort_stages(&view);
    *ret = view;
    return NULL;
}

/* A path of the project as the repository names it. */
static struct str path_in_git(struct context *context, struct vcs *vcs,
                              const struct workspace *workspace, struct str path)
{
    struct str inner = path_relative(context->arena, vcs_top(vcs), workspace->root);
    if (inner.len == 0 || str_is(inner, "."))
        return path;
    return path_join(context->arena, inner, path);
}

/* Where the lock file of the pipeline lies; the pipeline file itself may be gone. */
static FALLIBLE lock_path_of(struct context *context, struct str word, struct str *ret)
{
    struct pipeline pipeline = {0};
    bool is_found = false;
    struct run *newest = NULL;
    TRY(context_find_pipeline(context, word, &pipeline.path, &is_found));
    if (!is_found) {
        TRY(view_newest_run(context, &newest));
        pipeline.path = newest ? newest->pipeline : STR("pipeline.yaml");
    }
    pipeline.dir = path_directory(pipeline.path);
    pipeline.dialect = pipeline_dialect(pipeline.path);
    *ret = pipeline_lock_path(context->arena, &pipeline);
    return NULL;
}

static void view_from_lock(struct context *context, const struct lockfile *lock,
                           struct run_view *ret)
{
    ret->stages = arena_new_array(context->arena, struct run_view_stage, lock->entries.len);
    map_each (item, &lock->entries) {
        struct lock_entry *entry = item->value;
        ret->stages[ret->stage_count++] = (struct run_view_stage){
            .stage = entry->stage,
            .key = entry->key,
            .recipe = &entry->recipe,
            .outs = entry->outs,
            .out_count = entry->out_count,
            .metrics = entry->metrics,
            .duration_ns = -1,
            .status = STATUS_UNCHANGED,
        };
    }
    view_sort_stages(ret);
}

/* The run that wrote this lock file, if it is known here. */
static FALLIBLE run_of_lock(struct context *context, struct str bytes, struct run **ret)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    *ret = NULL;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) < 0)
        return NULL;
    TRY(context_ledger(context, &ledger));
    return ledger_run_of_lock(ledger, context->arena, digest_of(bytes.at, bytes.len), ret);
}

static FALLIBLE view_of_revision(struct context *context, struct str word, struct str commit,
                                 struct str pipeline, struct run_view *ret)
{
    struct arena *arena = context->arena;
    struct workspace *workspace = NULL;
    struct vcs *vcs = NULL;
    struct str path, bytes;
    bool is_found = false;
    struct run *run = NULL;
    struct str title =
        str_print(arena, "%.*s (%.*s)", STR_FMT(word), STR_FMT(str_slice(commit, 0, 7)));
    TRY(context_workspace(context, &workspace));
    TRY(context_vcs(context, &vcs));
    TRY(lock_path_of(context, pipeline, &path));
    struct str name = str_print(arena, "%.*s:%.*s", STR_FMT(word), STR_FMT(path));
    TRY(vcs_read(vcs, arena, commit, path_in_git(context, vcs, workspace, path), LIMIT_LOCK_BYTES,
                 &bytes, &is_found));
    if (!is_found)
        return error_hint(
            error_new(ERROR_PROJECT, "'%.*s' has no %.*s", STR_FMT(title), STR_FMT(path)),
            "only revisions with a committed lock file can be compared");
    TRY(run_of_lock(context, bytes, &run));
    struct run_view view = {.title = title};
    if (run) {
        TRY(view_of_run(context, run, &view));
        view.title =
            str_print(arena, "%.*s = run %.*s", STR_FMT(title), STR_FMT(ulid_short(run->id)));
    } else {
        struct lockfile lock = {0};
        TRY(lockfile_parse(arena, name, bytes, &lock));
        view_from_lock(context, &lock, &view);
    }
    /* Whoever names a commit asks for that commit's code, not for what the run started from. */
    view.code = (struct code_state){.commit = commit};
    *ret = view;
    return NULL;
}

FALLIBLE view_find(struct context *context, struct str word, struct str pipeline,
                   struct run_view *ret)
{
    struct meanings meanings = {0};
    if (str_is(word, "workspace"))
        return view_of_workspace(context, pipeline, ret);
    TRY(find_runs(context, word, &meanings));
    TRY(find_commit(context, word, &meanings));
    if (meanings.run_count + (meanings.commit.len != 0) > 1)
        return ambiguous(context, word, &meanings);
    if (meanings.run_count)
        return view_of_run(context, &meanings.runs[0], ret);
    if (meanings.commit.len)
        return view_of_revision(context, word, meanings.commit, pipeline, ret);
    return unknown_word(context, word);
}
