#include "mlops/cli/diff.h"

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
    diff_conclude(context->arena, ret);
    return NULL;
}
