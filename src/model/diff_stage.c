/* Stages of two sides: which there are, how they are defined, what their executions took. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/moment.h"

#include "diff_private.h"
#include "join_private.h"

/* What executions of one stage differ by without a reason is not told. */
enum { NOTICEABLE_NUMERATOR = 5, NOTICEABLE_DENOMINATOR = 4 }; /* by a quarter of the smaller */
static const int64_t NOTICEABLE_NS = NS_PER_S;
static const int64_t NOTICEABLE_BYTES = INT64_C(16) << 20;

int diff_compare_stages(const void *a, const void *b)
{
    const struct run_view_stage *left = a, *right = b;
    return str_compare(left->stage, right->stage);
}

static void check_sorted(const struct run_view *view)
{
    for (size_t i = 1; i < view->stage_count; i++)
        check(diff_compare_stages(&view->stages[i - 1], &view->stages[i]) < 0);
}

static bool is_noticeable(int64_t before, int64_t after, int64_t least)
{
    int64_t low = before < after ? before : after, high = before < after ? after : before;
    return high - low >= least && high / NOTICEABLE_NUMERATOR >= low / NOTICEABLE_DENOMINATOR;
}

static int64_t duration_of(const struct run_view_stage *stage)
{
    return stage->usage.attempts ? stage->usage.duration_ns : stage->duration_ns;
}

static void compare_usage(struct diff_stage *row)
{
    bool knows_times = row->before_ns >= 0 && row->after_ns >= 0;
    bool knows_peaks = row->before_peak > 0 && row->after_peak > 0;
    row->is_noticeable =
        (knows_times && is_noticeable(row->before_ns, row->after_ns, NOTICEABLE_NS)) ||
        (knows_peaks && is_noticeable(row->before_peak, row->after_peak, NOTICEABLE_BYTES));
}

static struct diff_stage compare_stage(struct arena *arena, const struct run_view_stage *before,
                                       const struct run_view_stage *after)
{
    struct diff_stage row = {
        .change = !before ? DIFF_ADDED : DIFF_REMOVED,
        .stage = before ? before->stage : after->stage,
        .before_ns = before ? duration_of(before) : -1,
        .after_ns = after ? duration_of(after) : -1,
        .before_peak = before ? before->usage.peak_bytes : 0,
        .after_peak = after ? after->usage.peak_bytes : 0,
    };
    if (!before || !after)
        return row;
    compare_usage(&row);
    bool is_known = !digest_is_zero(before->key) && !digest_is_zero(after->key);
    bool is_equal = digest_equal(before->key, after->key);
    if (!(is_known && is_equal) && before->recipe && after->recipe)
        recipe_diff(arena, before->recipe, after->recipe, &row.reasons);
    row.change = is_equal && !row.reasons.len ? DIFF_SAME : DIFF_CHANGED;
    row.is_by_params = diff_is_by_params(before, after, &row.reasons);
    return row;
}

void diff_add_stages(struct arena *arena, const struct run_view *before,
                     const struct run_view *after, const struct diff_wish *wish,
                     struct run_diff *ret)
{
    struct join join = {before->stages,     after->stages,         before->stage_count,
                        after->stage_count, sizeof *after->stages, diff_compare_stages};
    const void *from = NULL, *to = NULL;
    check_sorted(before);
    check_sorted(after);
    while (join_next(&join, &from, &to)) {
        struct diff_stage row = compare_stage(arena, from, to);
        if (wish->all || row.change != DIFF_SAME || row.is_noticeable)
            *vec_push(arena, &ret->stages) = row;
    }
}

bool diff_redefines(const struct reason *reason)
{
    switch (reason->part) {
    case REASON_CMD:
    case REASON_WDIR:
    case REASON_SHELL:
    case REASON_ENV:
    case REASON_OUT:
        return true;
    case REASON_DEP:
    case REASON_PARAM:
    case REASON_ENVIRONMENT:
    case REASON_OUTPUT:
    case REASON_FORCED:
    case REASON_ALWAYS:
    case REASON_NEVER_RUN:
    case REASON_NOT_STORED:
    case REASON_REJECTED:
    case REASON_TEMPLATE:
    case REASON_UPSTREAM:
        break;
    }
    return false;
}

bool diff_is_redefined(const struct diff_stage *stage)
{
    vec_each (const struct reason, reason, &stage->reasons)
        if (diff_redefines(reason))
            return true;
    return false;
}
