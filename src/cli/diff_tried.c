#include "mlops/cli/diff_tried.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/cli/view.h"
#include "mlops/model/name.h"

static const struct run_stage *find_stage(const struct run *run, struct str name)
{
    vec_each (const struct run_stage, stage, &run->stages)
        if (str_equal(stage->stage, name))
            return stage;
    return NULL;
}

/* Whether the run ran, or would have run behind another one, this stage as it is now. */
static bool is_tried(const struct run *run, const struct run_view_stage *stage)
{
    const struct run_stage *tried = find_stage(run, stage->stage);
    return tried && (tried->status == STATUS_SKIPPED ||
                     (stage_made_nothing(tried->status) && digest_equal(tried->key, stage->key)));
}

static struct str print_failures(struct arena *arena, const struct run *run, const char *with)
{
    struct buf out = buf_in(arena);
    vec_each (const struct run_stage, stage, &run->stages) {
        if (!stage_made_nothing(stage->status))
            continue;
        if (out.len)
            buf_add_text(&out, ", ");
        else
            buf_print(&out, "run %.*s%s: ", STR_FMT(ulid_short(run->id)), with);
        buf_print(&out, "%.*s %s", STR_FMT(stage->stage), stage_status_name(stage->status));
        if (stage->note.len)
            buf_print(&out, " (%.*s)", STR_FMT(stage->note));
    }
    return buf_str(&out);
}

bool diff_was_tried(const struct run *run, const struct run_view *workspace)
{
    bool is_stale = false;
    for (size_t i = 0; i < workspace->stage_count; i++) {
        if (workspace->stages[i].status != STATUS_WOULD_RUN)
            continue;
        is_stale = true;
        if (!is_tried(run, &workspace->stages[i]))
            return false;
    }
    return is_stale;
}

FALLIBLE diff_find_tried(struct context *context, const struct run_view *workspace,
                         const struct run **ret, struct str *ret_text)
{
    struct run *newest = NULL;
    *ret = NULL;
    *ret_text = (struct str){0};
    TRY(view_newest_run(context, &newest));
    if (!newest || !diff_was_tried(newest, workspace))
        return NULL;
    *ret_text = print_failures(context->arena, newest, " with that");
    *ret = ret_text->len ? newest : NULL;
    return NULL;
}

static void add_judgements(struct arena *arena, const struct run *run, struct run_diff *diff)
{
    vec_each (const struct check_results, results, &run->checks) {
        *vec_push(arena, &diff->judgements) =
            str_print(arena, "%.*s: %.*s", STR_FMT(results->stage),
                      STR_FMT(check_results_print(arena, results)));
        vec_each (const struct check_result, result, &results->all)
            if (check_result_is_failure(result))
                *vec_push(arena, &diff->judgements) =
                    str_print(arena, "  %.*s", STR_FMT(result->message));
    }
}

FALLIBLE diff_tried_fill(struct context *context, const struct run_view *before,
                         const struct run_view *after, struct run_diff *diff)
{
    const struct run_view *workspace = after->is_workspace    ? after
                                       : before->is_workspace ? before
                                                              : NULL;
    const struct run *run = after->run;
    if (workspace && diff->is_stale)
        TRY(diff_find_tried(context, workspace, &run, &diff->tried));
    if (workspace && run && diff->tried.len)
        diff->is_stale = diff_run_is_stale(run);
    if (workspace && !diff->is_stale && workspace == after) {
        struct run *newest = NULL;
        TRY(view_newest_run(context, &newest));
        run = newest;
    }
    if (!workspace && diff->is_stale && run)
        diff->tried = print_failures(context->arena, run, "");
    if (run && !before->is_workspace)
        add_judgements(context->arena, run, diff);
    return NULL;
}
