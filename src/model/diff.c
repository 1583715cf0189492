#include "mlops/model/diff.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include "diff_private.h"
#include "join_private.h"

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

static int compare_stages(const void *a, const void *b)
{
    const struct run_view_stage *left = a, *right = b;
    return str_compare(left->stage, right->stage);
}

static void check_sorted(const struct run_view *view)
{
    for (size_t i = 1; i < view->stage_count; i++)
        check(compare_stages(&view->stages[i - 1], &view->stages[i]) < 0);
}

static struct diff_stage compare_stage(struct arena *arena, const struct run_view_stage *before,
                                       const struct run_view_stage *after)
{
    struct diff_stage row = {
        .change = !before ? DIFF_ADDED : DIFF_REMOVED,
        .stage = before ? before->stage : after->stage,
        .before_ns = before ? before->duration_ns : -1,
        .after_ns = after ? after->duration_ns : -1,
    };
    if (!before || !after)
        return row;
    bool is_known = !digest_is_zero(before->key) && !digest_is_zero(after->key);
    bool is_equal = digest_equal(before->key, after->key);
    if (!(is_known && is_equal) && before->recipe && after->recipe)
        recipe_diff(arena, before->recipe, after->recipe, &row.reasons);
    row.change = is_equal && !row.reasons.len ? DIFF_SAME : DIFF_CHANGED;
    return row;
}

static void add_stages(struct arena *arena, const struct run_view *before,
                       const struct run_view *after, bool all, struct run_diff *ret)
{
    struct join join = {before->stages,     after->stages,         before->stage_count,
                        after->stage_count, sizeof *after->stages, compare_stages};
    const void *from = NULL, *to = NULL;
    check_sorted(before);
    check_sorted(after);
    while (join_next(&join, &from, &to)) {
        struct diff_stage row = compare_stage(arena, from, to);
        if (all || row.change != DIFF_SAME)
            *vec_push(arena, &ret->stages) = row;
    }
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

void diff_runs(struct arena *arena, const struct run_view *before, const struct run_view *after,
               bool all, struct run_diff *ret)
{
    struct run_diff diff = {
        .before_title = before->title,
        .after_title = after->title,
        .code = {.before = before->code, .after = after->code},
    };
    diff.code.differs = code_differs(&before->code, &after->code);
    diff_add_metrics(arena, before, after, all, &diff);
    diff_add_params(arena, before, after, all, &diff);
    diff_add_data(arena, before, after, all, &diff);
    add_stages(arena, before, after, all, &diff);
    *ret = diff;
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
    return !diff->code.differs && !diff->code.files.len;
}
