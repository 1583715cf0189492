/* The workspace as one side of a comparison: read only, nothing is stored or recorded. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/cli/view.h"
#include "mlops/engine/code.h"
#include "mlops/engine/environment.h"
#include "mlops/engine/fingerprint.h"
#include "mlops/engine/import.h"
#include "mlops/host/file.h"
#include "mlops/store/dvcfiles.h"
#include "mlops/store/pointers.h"

#include <stdlib.h>

#include "view_private.h"

/* What is neither here nor in the store was not fetched, and not removed: it is as recorded. */
static FALLIBLE take_recorded(struct session *session, const struct artifact *recorded,
                              struct artifact *found)
{
    bool is_stored = false;
    if (found->kind != ARTIFACT_ABSENT || !recorded)
        return NULL;
    if (session->cas)
        TRY(worktree_can_restore(session->worktree, recorded, &is_stored));
    if (!is_stored)
        *found = *recorded;
    return NULL;
}

/* What the lock says a stage used, without what is no longer there: for a stage whose inputs are
 * not complete, which has no fingerprint. */
static FALLIBLE recipe_of_lock(struct session *session, const struct stage *stage,
                               struct recipe **ret)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    *ret = NULL;
    if (!entry)
        return NULL;
    struct recipe *recipe = arena_new(session->arena, struct recipe);
    *recipe = entry->recipe;
    recipe->deps = arena_new_array(session->arena, struct recipe_dep, entry->recipe.dep_count);
    recipe->dep_count = 0;
    for (size_t i = 0; i < entry->recipe.dep_count; i++) {
        struct recipe_dep dep = entry->recipe.deps[i];
        struct artifact found = {0};
        TRY(worktree_look(session->worktree, dep.path, LOOK_DEP, &found));
        if (found.kind == ARTIFACT_ABSENT)
            continue;
        dep.kind = found.kind;
        dep.is_executable = found.kind == ARTIFACT_FILE && found.is_executable;
        dep.digest = found.digest;
        dep.size_bytes = found.size_bytes;
        recipe->deps[recipe->dep_count++] = dep;
    }
    *ret = recipe;
    return NULL;
}

/* An input that a pointer tracks or a stage makes, and that was not fetched. */
static FALLIBLE foresee_dep(struct session *session, const struct recipe_dep *dep,
                            struct forecast *forecast)
{
    struct arena *arena = session->arena;
    struct pointer *pointer = NULL;
    struct artifact *found = arena_new(arena, struct artifact);
    struct artifact recorded = {.path = dep->path,
                                .kind = dep->kind,
                                .is_executable = dep->is_executable,
                                .digest = dep->digest,
                                .size_bytes = dep->size_bytes};
    TRY(pointers_find(arena, &session->workspace, dep->path, &pointer));
    if (pointer && str_equal(pointer->artifact.path, dep->path))
        recorded = pointer->artifact;
    TRY(worktree_look(session->worktree, dep->path, LOOK_DEP, found));
    bool is_here = found->kind != ARTIFACT_ABSENT;
    if (pointer || plan_producer(&session->plan, dep->path))
        TRY(take_recorded(session, &recorded, found));
    if (!is_here && found->kind != ARTIFACT_ABSENT)
        map_put(arena, &forecast->known, dep->path, found);
    return NULL;
}

/* What the stage would run with once its inputs are fetched; false: something else is missing. */
static FALLIBLE foresee(struct session *session, const struct stage *stage, struct fingerprint *ret,
                        bool *ret_is_known)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    struct forecast forecast = {.plan = &session->plan};
    *ret_is_known = false;
    for (size_t i = 0; entry && i < entry->recipe.dep_count; i++)
        TRY(foresee_dep(session, &entry->recipe.deps[i], &forecast));
    if (!forecast.known.len)
        return NULL;
    struct error *error = fingerprint_stage(session, stage, &forecast, ret);
    *ret_is_known = !error && ret->recipe;
    if (error && error->code != ERROR_PROJECT)
        return error;
    error_drop(error);
    return NULL;
}

static FALLIBLE read_recipe(struct session *session, const struct stage *stage,
                            struct run_view_stage *ret)
{
    struct fingerprint fingerprint = {0};
    struct error *error = fingerprint_stage(session, stage, NULL, &fingerprint);
    bool is_known = error == NULL;
    if (error && error->code != ERROR_PROJECT)
        return error;
    error_drop(error);
    if (!is_known)
        TRY(foresee(session, stage, &fingerprint, &is_known));
    if (is_known) {
        ret->recipe = fingerprint.recipe;
        ret->key = fingerprint.key;
        return NULL;
    }
    return recipe_of_lock(session, stage, &ret->recipe);
}

/* As texts, for that is what is known of runs. */
static void read_templates(struct arena *arena, const struct stage *stage,
                           struct run_view_stage *ret)
{
    const struct recipe_param_vec values = recipe_tracked(arena, stage);
    vec_each (const struct recipe_param, value, &values)
        *vec_push(arena, &ret->templates) =
            recipe_param_of_text(arena, value->file, value->key, value->shown);
}

static bool is_stale(struct session *session, const struct stage *stage,
                     const struct run_view_stage *seen)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    return !stage->is_frozen && !stage->is_always_changed &&
           (!entry || !digest_equal(entry->key, seen->key));
}

static FALLIBLE read_metrics(struct session *session, struct str path, struct metric_vec *ret)
{
    struct str bytes;
    bool is_found = false;
    TRY(file_read(session->arena, fd_number(session->workspace.root_fd),
                  str_terminate(session->arena, path), LIMIT_METRIC_BYTES, &bytes, &is_found));
    return is_found ? metrics_parse(session->arena, path, bytes, ret) : NULL;
}

static const struct artifact *locked_output(struct session *session, const struct stage *stage,
                                            struct str path)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    for (size_t i = 0; entry && i < entry->out_count; i++)
        if (str_equal(entry->outs[i].path, path) && entry->outs[i].is_stored)
            return &entry->outs[i];
    return NULL;
}

static FALLIBLE read_outputs(struct session *session, const struct stage *stage,
                             struct run_view_stage *ret)
{
    ret->outs = arena_new_array(session->arena, struct artifact, stage->outs.len);
    vec_each (const struct output, out, &stage->outs) {
        struct artifact *found = &ret->outs[ret->out_count];
        TRY(worktree_look(session->worktree, out->path, LOOK_OUT, found));
        bool is_here = found->kind != ARTIFACT_ABSENT;
        TRY(take_recorded(session, locked_output(session, stage, out->path), found));
        found->path = out->path;
        if (found->kind == ARTIFACT_ABSENT)
            continue;
        ret->out_count++;
        if (is_here && out->category == OUT_METRICS && found->kind == ARTIFACT_FILE)
            TRY(read_metrics(session, out->path, &ret->metrics));
    }
    return NULL;
}

/* A path that can't be read is none of the answer here: status tells it. */
static FALLIBLE look_at(struct session *session, const struct artifact *recorded,
                        struct run_view *ret)
{
    struct artifact *found = &ret->data[ret->data_count];
    struct str path = recorded->path;
    struct error *error = worktree_look(session->worktree, path, LOOK_OUT, found);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    if (!error)
        TRY(take_recorded(session, recorded, found));
    /* The rest of its text goes with the session. */
    found->path = path;
    found->empty_dirs = found->ignored = NULL;
    found->empty_dir_count = found->ignored_count = 0;
    ret->data_count += !error && found->kind != ARTIFACT_ABSENT;
    error_drop(error);
    return NULL;
}

static bool is_absent(struct session *session, struct str path)
{
    struct file_stat stat = {0};
    bool found = false;
    struct error *error = file_stat_at(fd_number(session->workspace.root_fd),
                                       str_terminate(session->arena, path), false, &stat, &found);
    error_drop(error); /* told when it is looked at */
    return !error && !found;
}

/* What is as its `.dvc` file says, or was never here, is what that file says. */
static FALLIBLE read_tracked(struct session *session, const struct dvc_tracked_vec *tracked,
                             struct run_view *ret)
{
    struct arena *arena = session->arena;
    size_t count = tracked->len;
    const struct dvc_entry **entries = arena_new_array(arena, const struct dvc_entry *, count + 1);
    bool *same = arena_new_array(arena, bool, count + 1);
    for (size_t i = 0; i < count; i++)
        entries[i] = tracked->at[i].entry;
    TRY(import_compare(session, entries, count, same));
    for (size_t i = 0; i < count; i++) {
        const struct dvc_tracked *one = &tracked->at[i];
        if (same[i] || (!one->is_known && is_absent(session, one->entry->path)))
            view_add_tracked(one, ret);
        else if (!one->stage.len)
            TRY(look_at(session, &one->artifact, ret));
    }
    return NULL;
}

static FALLIBLE read_data(struct session *session, struct run_view *ret)
{
    struct pointer_vec pointers = {0};
    struct dvc_tracked_vec tracked = {0};
    TRY(pointers_load_all(session->arena, &session->workspace, &pointers));
    TRY(dvcfiles_load(session->arena, &session->workspace, session->index, NULL, &tracked));
    ret->data = arena_new_array(session->arena, struct artifact, pointers.len + tracked.len);
    ret->knows_data = true;
    for (size_t i = 0; i < pointers.len; i++)
        TRY(look_at(session, &pointers.at[i]->artifact, ret));
    return tracked.len ? read_tracked(session, &tracked, ret) : NULL;
}

/* What the next execution would run with; a stage that keys it is as it says. */
static FALLIBLE read_environment(struct session *session, const struct stage *stage,
                                 struct map *known, struct run_view_stage *ret)
{
    struct str bytes = {0};
    TRY(environment_capture(session, stage, &bytes));
    TRY(view_environment(session->arena, known, bytes, &ret->environment_now));
    if (stage->keys_environment)
        ret->environment = ret->environment_now;
    return NULL;
}

static FALLIBLE read_view(struct session *session, struct run_view *ret)
{
    const struct stage_vec *stages = &session->pipeline->stages;
    struct run_view view = {.title = STR("workspace"), .is_workspace = true};
    struct map environments = {0};
    struct str patch;
    TRY(fingerprint_prefetch(session));
    view.stages = arena_new_array(session->arena, struct run_view_stage, stages->len);
    vec_each (const struct stage, stage, stages) {
        struct run_view_stage *seen = &view.stages[view.stage_count++];
        seen->stage = stage->name;
        seen->duration_ns = -1;
        TRY(read_recipe(session, stage, seen));
        read_templates(session->arena, stage, seen);
        seen->status = is_stale(session, stage, seen) ? STATUS_WOULD_RUN : STATUS_UNCHANGED;
        TRY(read_outputs(session, stage, seen));
        TRY(read_environment(session, stage, &environments, seen));
    }
    view_sort_stages(&view);
    TRY(read_data(session, &view));
    TRY(code_examine(session, &view.code, &patch));
    *ret = view;
    return NULL;
}

FALLIBLE view_of_workspace(struct context *context, struct str pipeline, struct run_view *ret)
{
    AUTO(session_drop) struct session session = {0};
    struct session_options options = {
        .pipeline = pipeline,
        .is_read_only = true,
        .threads = -1,
        .observer = &context->observer,
    };
    TRY(path_current(context->arena, &options.cwd));
    bool has_pipeline = pipeline.len > 0;
    struct str found = {0}, patch;
    if (!has_pipeline)
        TRY(session_find_pipeline(context->arena, options.cwd, &found, &has_pipeline));
    if (has_pipeline) {
        TRY(session_open(context->arena, &options, &session));
        TRY(read_view(&session, ret));
        return view_add_makings(context, session.pipeline->path, ret);
    }
    *ret = (struct run_view){.title = STR("workspace"), .is_workspace = true};
    TRY(session_open_data(context->arena, &options, &session));
    TRY(code_examine(&session, &ret->code, &patch));
    return read_data(&session, ret);
}
