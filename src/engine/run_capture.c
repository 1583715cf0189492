#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/engine/baseline.h"
#include "mlops/model/metric.h"
#include "mlops/model/name.h"
#include "mlops/store/gitignore.h"
#include "mlops/store/results.h"

#include <stdlib.h>

#include "run_private.h"

/* Uncached metrics and plots are stored up to a limit, so that they can be restored and compared;
 * not those outside of the project, where nothing is restored. */
static FALLIBLE is_to_be_stored(struct run_state *state, const struct output *output, bool *ret)
{
    *ret = output->is_cached;
    if (output->is_cached || output->category == OUT_PLAIN || path_is_outside(output->path))
        return NULL;
    struct file_stat stat;
    bool found = false;
    AUTO(arena_drop) struct arena arena = {0};
    TRY(file_stat_at(fd_number(state->session->workspace.root_fd),
                     str_terminate(&arena, output->path), true, &stat, &found));
    *ret = found && (stat.mode & 0170000) == 0100000 && stat.size_bytes <= LIMIT_METRIC_BYTES;
    return NULL;
}

static FALLIBLE capture_output(struct run_state *state, const struct output *output,
                               struct artifact *ret)
{
    struct session *session = state->session;
    bool is_stored = false;
    worktree_forget(session->worktree, output->path);
    session_forget_params(session, output->path);
    TRY(is_to_be_stored(state, output, &is_stored));
    if (is_stored)
        TRY(worktree_capture(session->worktree, output->path, ret));
    else
        TRY(worktree_look(session->worktree, output->path, LOOK_OUT, ret));
    ret->path = output->path;
    ret->is_stored = is_stored;
    worktree_tell_held(session->worktree, session->observer);
    return NULL;
}

static FALLIBLE read_metrics(struct run_state *state, const struct output *output,
                             struct metric_vec *ret)
{
    struct session *session = state->session;
    struct str bytes;
    bool found = false;
    TRY(file_read(session->arena, fd_number(session->workspace.root_fd),
                  str_terminate(session->arena, output->path), LIMIT_JSON_BYTES, &bytes, &found));
    return found ? metrics_parse(session->arena, output->path, bytes, ret) : NULL;
}

/* DVC reads metrics only when it is asked for them, so a dvc.yaml's stage does not fail for NaN in
 * one. */
static bool is_tolerated(struct run_state *state, const struct stage *stage, struct error *error)
{
    struct session *session = state->session;
    if (session->pipeline->dialect != DOC_DVC)
        return false;
    struct str fault = run_text_of(session->arena, error);
    struct event event = {
        .kind = EVENT_WARNING,
        .stage = stage,
        .text = str_print(session->arena, "metrics are left out: %.*s", STR_FMT(fault))};
    observer_tell(session->observer, &event);
    return true;
}

/* Outputs one by one; what is wrong with them is the stage's fault unless the machine failed. */
static FALLIBLE capture_all(struct run_state *state, const struct stage *stage,
                            struct result *result, struct str *ret_fault)
{
    struct arena *arena = state->session->arena;
    for (size_t i = 0; i < stage->outs.len; i++) {
        const struct output *output = &stage->outs.at[i];
        struct error *error = capture_output(state, output, &result->outs[i]);
        if (error && run_is_stage_fault(error)) {
            *ret_fault = run_text_of(arena, error);
            return NULL;
        }
        TRY(error);
        if (result->outs[i].kind == ARTIFACT_ABSENT) {
            *ret_fault = str_print(arena, "%s but did not make its output '%.*s'",
                                   result->is_rejected ? "rejected its input" : "ended well",
                                   STR_FMT(output->written));
            return NULL;
        }
        if (output->category != OUT_METRICS || result->outs[i].kind != ARTIFACT_FILE)
            continue;
        error = read_metrics(state, output, &result->metrics);
        if (error && is_tolerated(state, stage, error))
            continue;
        if (error) {
            state->exit_status = ERROR_PROJECT;
            *ret_fault = run_text_of(arena, error);
            return NULL;
        }
    }
    return NULL;
}

static int artifact_path_compare(const void *a, const void *b)
{
    return str_compare(((const struct artifact *)a)->path, ((const struct artifact *)b)->path);
}

struct error *run_capture(struct run_state *state, struct step *step, struct str *ret_fault)
{
    struct arena *arena = state->session->arena;
    const struct stage *stage = step->stage;
    struct result *result = arena_new(arena, struct result);
    struct buf recipe = buf_in(arena);
    recipe_encode(step->print.recipe, &recipe);
    *result = (struct result){
        .key = step->print.key,
        .recipe = buf_str(&recipe),
        .stage = stage->name,
        .run = state->run->id,
        .created_ns = step->usage.started_ns,
        .duration_ns = step->usage.duration_ns,
        .outs = arena_new_array(arena, struct artifact, stage->outs.len),
        .out_count = stage->outs.len,
        .is_rejected = step->usage.exit_code != 0,
        .model = stage->model,
    };
    TRY(capture_all(state, stage, result, ret_fault));
    if (ret_fault->len)
        return NULL;
    if (result->out_count > 1)
        qsort(result->outs, result->out_count, sizeof *result->outs, artifact_path_compare);
    step->outcome->value = result;
    return run_ignore_outputs(state->session, stage);
}

/* An output may lie behind a link that was there from the start: git sees it where the link leads
 * to, and nothing of it outside of the project. */
static FALLIBLE ignore_output(const struct workspace *workspace, struct str path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str root = workspace->root, real = {0}, seen = path;
    struct str directory = path_join(&scratch, root, path_directory(path));
    struct error *error = path_real(&scratch, directory, &real);
    if (!error && !path_is_within(real, root))
        return NULL;
    if (!error && real.len > root.len)
        seen = path_join(&scratch, str_slice(real, root.len + 1, real.len), path_name(path));
    else if (!error)
        seen = path_name(path);
    error_drop(error); /* a directory that is not there is nowhere else */
    return gitignore_add(workspace, &seen, 1, false);
}

struct error *run_ignore_outputs(struct session *session, const struct stage *stage)
{
    struct vcs *vcs = NULL;
    if (session->workspace.is_work_dir)
        return NULL; /* nothing of a trial is committed; and git takes long to load */
    TRY(session_vcs(session, &vcs));
    if (!vcs)
        return NULL;
    vec_each (struct output, output, &stage->outs) {
        bool is_ours = path_is_within(output->path, STR(".mlops")); /* git sees none of it */
        if (output->is_cached && output->path.at[0] != '/' && !is_ours)
            TRY(ignore_output(&session->workspace, output->path));
    }
    return NULL;
}

/* --- metrics of results that were known before --- */

static bool is_unread(const struct result *known, const struct artifact *out,
                      const struct stage *stage)
{
    if (out->kind != ARTIFACT_FILE || metrics_have_file(&known->metrics, out->path))
        return false;
    vec_each (const struct output, output, &stage->outs) {
        if (str_equal(output->path, out->path))
            return output->category == OUT_METRICS;
    }
    return false;
}

static FALLIBLE read_known(struct run_state *state, const struct stage *stage,
                           const struct artifact *out, struct metric_vec *ret)
{
    struct session *session = state->session;
    struct str bytes = {0};
    bool found = false;
    TRY(baseline_read(session, (struct str){0}, out->path, out->digest, LIMIT_JSON_BYTES, &bytes,
                      &found));
    struct error *error = found ? metrics_parse(session->arena, out->path, bytes, ret) : NULL;
    return error && is_tolerated(state, stage, error) ? NULL : error;
}

static FALLIBLE put_completed(struct run_state *state, struct step *step,
                              const struct result *completed)
{
    struct result *result = arena_new(state->session->arena, struct result);
    struct buf recipe = buf_in(state->session->arena);
    AUTO(arena_drop) struct arena scratch = {0};
    *result = *completed;
    recipe_encode(step->outcome->recipe, &recipe);
    if (!result->recipe.len) /* it is only known from the lock */
        result->recipe = buf_str(&recipe);
    step->outcome->value = result;
    step->is_completed = true;
    if (state->options->dry)
        return NULL;
    return results_put(&scratch, &state->session->workspace, result, &step->outcome->result);
}

struct error *run_complete_metrics(struct run_state *state, struct step *step)
{
    const struct result *known = step->outcome->value;
    if (!known || !step->outcome->recipe)
        return NULL;
    struct result completed = *known;
    for (size_t i = 0; i < known->out_count; i++) {
        if (is_unread(known, &known->outs[i], step->stage))
            TRY(read_known(state, step->stage, &known->outs[i], &completed.metrics));
    }
    if (completed.metrics.len == known->metrics.len)
        return NULL;
    return put_completed(state, step, &completed);
}
