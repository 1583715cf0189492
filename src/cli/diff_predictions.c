#include "mlops/cli/diff_predictions.h"

#include "mlops/base/arena.h"
#include "mlops/cli/diff_guides.h"
#include "mlops/data/compare.h"
#include "mlops/engine/evaluation.h"
#include "mlops/host/path.h"

#include <math.h>

static const double LEVEL = 0.95;

FALLIBLE diff_session_open(struct context *context, struct session *ret)
{
    struct session_options options = {
        .is_read_only = true, .threads = -1, .observer = &context->observer};
    TRY(path_current(context->arena, &options.cwd));
    return session_open_data(context->arena, &options, ret);
}

struct evaluated diff_evaluated(const struct run_view *view, const struct run_view_stage *stage)
{
    return (struct evaluated){
        .title = view->title,
        .commit = view->is_workspace ? (struct str){0} : view->code.commit,
        .recipe = stage->recipe,
        .outs = stage->outs,
        .out_count = stage->out_count,
        .metrics = stage->metrics,
    };
}

const struct run_view_stage *diff_stage_named(const struct run_view *view, struct str name)
{
    size_t low = 0, high = view->stage_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(view->stages[middle].stage, name);
        if (order == 0)
            return &view->stages[middle];
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* --- one stage --- */

static struct diff_metric *metric_of(struct run_diff *diff, struct str file, const char *key)
{
    vec_each (struct diff_metric, metric, &diff->metrics)
        if (str_is(metric->key, key) && str_equal(metric->file, file))
            return metric;
    return NULL;
}

static bool differs(struct run_diff *diff, struct str file)
{
    vec_each (const struct diff_metric, metric, &diff->metrics)
        if (metric->change == DIFF_CHANGED && str_equal(metric->file, file))
            return true;
    return false;
}

static void take(struct run_diff *diff, struct str file, const struct comparison *comparison)
{
    size_t count = 0;
    const struct score_row *rows = score_rows(&count);
    for (size_t i = 0; i < comparison->metric_count; i++) {
        const struct compared_metric *compared = &comparison->metrics[i];
        struct diff_metric *metric = metric_of(diff, file, rows[compared->row].name);
        if (!metric || metric->change != DIFF_CHANGED || !compared->test || isnan(compared->p))
            continue;
        metric->test = compared->test;
        metric->low = compared->interval.low;
        metric->high = compared->interval.high;
        metric->level = compared->interval.level > 0 ? compared->interval.level : LEVEL;
        metric->p = compared->p;
    }
}

/* Resampling goes by the order of rows, so that which side comes first must not matter. */
static bool comes_first(const struct evaluated *a, const struct evaluated *b)
{
    struct digest one = recipe_key(a->recipe), other = recipe_key(b->recipe);
    return memcmp(one.at, other.at, sizeof one.at) <= 0;
}

static void turn_round(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->metric_count; i++) {
        struct interval *interval = &comparison->metrics[i].interval;
        double low = interval->low;
        interval->low = 0 - interval->high; /* 0, not -0 */
        interval->high = 0 - low;
    }
}

static FALLIBLE compare_stage(struct context *context, struct session *session,
                              const struct evaluated *before, const struct evaluated *after,
                              struct str stage, struct str file, struct run_diff *diff)
{
    AUTO(arena_drop) struct arena scratch = {0};
    bool is_turned = !comes_first(before, after);
    struct predictions first, second;
    struct comparison comparison;
    const char *why = NULL;
    TRY(evaluation_pair(session, is_turned ? after : before, is_turned ? before : after, &first,
                        &second, &why));
    if (why) {
        *vec_push(context->arena, &diff->notes) =
            str_print(context->arena, "metrics of %.*s are compared by their numbers alone: %s",
                      STR_FMT(stage), why);
        return NULL;
    }
    TRY(compare_predictions(&scratch, &first, &second, LEVEL, &comparison));
    if (is_turned)
        turn_round(&comparison);
    take(diff, file, &comparison);
    return NULL;
}

/* --- all of them --- */

static void correct(struct arena *arena, struct run_diff *diff, bool only_main)
{
    double *p = arena_new_array(arena, double, diff->metrics.len);
    size_t count = 0;
    vec_each (const struct diff_metric, metric, &diff->metrics)
        if (metric->test && (metric->is_main || !only_main))
            p[count++] = metric->p;
    compare_holm(p, count);
    count = 0;
    vec_each (struct diff_metric, metric, &diff->metrics) {
        if (!metric->test || (only_main && !metric->is_main))
            continue;
        if (metric->is_main == only_main)
            metric->p_holm = p[count];
        count++;
    }
}

FALLIBLE diff_predictions_fill(struct context *context, const struct run_view *before,
                               const struct run_view *after, struct run_diff *diff)
{
    AUTO(session_drop) struct session session = {0};
    bool is_open = false;
    for (size_t i = 0; i < after->stage_count; i++) {
        const struct run_view_stage *new = &after->stages[i];
        const struct run_view_stage *old = diff_stage_named(before, new->stage);
        struct evaluating how, earlier;
        bool is_built_in = old && diff_evaluating(context->arena, new, &how) &&
                           diff_evaluating(context->arena, old, &earlier);
        if (!is_built_in || !differs(diff, how.metrics))
            continue;
        if (!is_open)
            TRY(diff_session_open(context, &session));
        is_open = true;
        const struct evaluated a = diff_evaluated(before, old), b = diff_evaluated(after, new);
        TRY(compare_stage(context, &session, &a, &b, new->stage, how.metrics, diff));
    }
    correct(context->arena, diff, true);
    correct(context->arena, diff, false);
    return NULL;
}
