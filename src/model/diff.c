#include "mlops/model/diff.h"

#include "mlops/base/arena.h"

#include "diff_private.h"

static const char *const CHANGE_NAMES[] = {
    [DIFF_ADDED] = "added",
    [DIFF_REMOVED] = "removed",
    [DIFF_CHANGED] = "changed",
    [DIFF_SAME] = "same",
};

const char *diff_change_name(enum diff_change change)
{
    return CHANGE_NAMES[change];
}

const char *diff_judgement_name(enum diff_judgement judgement)
{
    static const char *const names[] = {
        [DIFF_NEITHER] = "", [DIFF_BETTER] = "better", [DIFF_WORSE] = "worse"};
    return names[judgement];
}

/* A tree that nobody examined is no difference by itself. */
static bool code_differs(const struct code_state *before, const struct code_state *after)
{
    if (!str_equal(before->commit, after->commit))
        return true;
    if (before->is_dirty < 0 || after->is_dirty < 0)
        return false;
    return before->is_dirty != after->is_dirty || !digest_equal(before->patch, after->patch);
}

/* Gates judge what was measured then; other checks keep what follows from running. */
static bool is_refused_by_gates(const struct run *run, struct str stage)
{
    vec_each (const struct check_results, results, &run->checks)
        if (str_equal(results->stage, stage))
            return results->all.len && check_result_is_gate(&results->all.at[0]);
    return false;
}

bool diff_run_is_stale(const struct run *run)
{
    bool is_refused = false, is_skipped = false;
    vec_each (const struct run_stage, stage, &run->stages) {
        if (stage->status == STATUS_REJECTED)
            is_refused |= !is_refused_by_gates(run, stage->stage);
        else if (stage_made_nothing(stage->status))
            return true;
        is_skipped |= stage->status == STATUS_SKIPPED;
    }
    return is_refused && is_skipped;
}

static bool is_stale(const struct run_view *view)
{
    for (size_t i = 0; i < view->stage_count; i++)
        if (view->stages[i].status == STATUS_WOULD_RUN)
            return true;
    return view->run && diff_run_is_stale(view->run);
}

void diff_runs(struct arena *arena, const struct run_view *before, const struct run_view *after,
               const struct diff_wish *wish, struct run_diff *ret)
{
    struct run_diff diff = {
        .before_title = before->title,
        .after_title = after->title,
        .all = wish->all,
        .code = {.before = before->code, .after = after->code},
    };
    diff.is_stale = is_stale(before) || is_stale(after);
    diff.code.differs = code_differs(&before->code, &after->code);
    diff_add_metrics(arena, before, after, wish, &diff);
    diff_add_params(arena, before, after, wish, &diff);
    diff_add_data(arena, before, after, wish, &diff);
    diff_add_stages(arena, before, after, wish, &diff);
    diff_add_environments(arena, before, after, &diff);
    *ret = diff;
}

static bool environments_are_same(const struct run_diff *diff)
{
    vec_each (const struct diff_environment, environment, &diff->environments)
        vec_each (const struct environment_change, change, &environment->changes)
            if (diff_counts_environment(change))
                return false;
    return true;
}

bool diff_is_empty(const struct run_diff *diff)
{
    vec_each (const struct diff_metric, metric, &diff->metrics)
        if (metric->change != DIFF_SAME)
            return false;
    vec_each (const struct diff_param, param, &diff->params)
        if (param->change != DIFF_SAME)
            return false;
    vec_each (const struct diff_data, data, &diff->data)
        if (data->change != DIFF_SAME)
            return false;
    vec_each (const struct diff_stage, stage, &diff->stages)
        if (stage->change != DIFF_SAME)
            return false;
    return !diff->code.differs && !diff->code.files.len && environments_are_same(diff);
}
