#include "mlops/cli/diff.h"

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/diff_code.h"
#include "mlops/cli/diff_files.h"
#include "mlops/cli/diff_guides.h"
#include "mlops/cli/diff_predictions.h"
#include "mlops/cli/diff_tables.h"
#include "mlops/cli/diff_tried.h"
#include "mlops/host/path.h"
#include "mlops/store/workspace.h"

/* The pipeline that was named, else that of the run that is looked at, wherever the caller stands.
 */
static FALLIBLE pipeline_of(struct context *context, struct str named,
                            const struct run_view *before, const struct run_view *after,
                            struct str *ret)
{
    struct workspace *workspace = NULL;
    const struct run *run = after->run ? after->run : before->run;
    *ret = named;
    if (named.len || !run)
        return NULL;
    TRY(context_workspace(context, &workspace));
    *ret = path_join(context->arena, workspace->root, run->pipeline);
    return NULL;
}

static struct str change_print(struct arena *arena, const struct environment_change *change)
{
    return str_print(arena, "%.*s %.*s -> %.*s", STR_FMT(change->name),
                     STR_FMT(change->before.len ? change->before : STR("none")),
                     STR_FMT(change->after.len ? change->after : STR("none")));
}

/* Results in place are those of what was installed then: what has changed since is no difference of
 * the sides, but worth to know. */
static void note_environment(struct arena *arena, const struct run_view *view,
                             struct run_diff *diff)
{
    struct map seen = {0};
    struct str first = {0};
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct run_view_stage *stage = &view->stages[i];
        struct environment_changes changes = {0};
        if (stage->environment && stage->environment_now)
            environment_diff(arena, stage->environment, stage->environment_now, &changes);
        vec_each (const struct environment_change, change, &changes) {
            if (!diff_counts_environment(change) || map_put(arena, &seen, change->name, diff))
                continue;
            if (!first.len)
                first = change_print(arena, change);
        }
    }
    if (!first.len)
        return;
    struct str more = seen.len > 1 ? str_print(arena, " and %zu more", seen.len - 1) : STR("");
    *vec_push(arena, &diff->notes) =
        str_print(arena,
                  "the environment has changed since stages ran: %.*s%.*s (mlops run --force runs "
                  "them with it)",
                  STR_FMT(first), STR_FMT(more));
}

FALLIBLE diff_make(struct context *context, const struct diff_request *request,
                   const struct run_view *before, const struct run_view *after,
                   struct run_diff *ret)
{
    struct diff_guide_vec guides = {0};
    bool before_is_now = before->is_workspace, after_is_now = after->is_workspace;
    struct str pipeline;
    TRY(pipeline_of(context, request->pipeline, before, after, &pipeline));
    TRY(diff_guides_find(context, pipeline, before, after, &guides));
    const struct diff_wish wish = {request->all, guides.at, guides.len};
    diff_runs(context->arena, before, after, &wish, ret);
    TRY(diff_files_fill(context, before_is_now, after_is_now, ret));
    TRY(diff_tables_fill(context, before, after, ret));
    TRY(diff_code_fill(context, before, after, request->wants_patch, ret));
    if (!request->by_numbers)
        TRY(diff_predictions_fill(context, before, after, ret));
    TRY(diff_tried_fill(context, before, after, ret));
    if (before_is_now != after_is_now)
        note_environment(context->arena, before_is_now ? before : after, ret);
    diff_conclude(context->arena, ret);
    return NULL;
}
