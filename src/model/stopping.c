#include "mlops/model/stopping.h"

#include "mlops/base/arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { OTHERS_LEAST = 5 }; /* a median of fewer says nothing */

/* What one trial has reported up to a step; values are turned so that less is better. */
struct progress {
    double best, sum, last; /* last: of the first report at or behind the step */
    int64_t count, step;    /* step: of the newest report of all */
    bool has_reached;
};

static double loss_of(const struct trial_report *report, bool is_higher_better)
{
    if (isnan(report->value))
        return HUGE_VAL;
    return is_higher_better ? -report->value : report->value;
}

/* The column may be another metric than the one that is optimised: then its name tells. */
static bool is_higher_better(const struct sweep *sweep)
{
    struct str key = sweep->metric_key;
    ptrdiff_t dot = str_find_last_char(key, '.');
    struct str last = str_slice(key, (size_t)(dot + 1), key.len);
    enum metric_direction own = metric_direction_of(sweep->steps.metric);
    if (sweep->steps.metric.len && !str_equal(sweep->steps.metric, last) &&
        own != DIRECTION_UNKNOWN)
        return own == HIGHER_IS_BETTER;
    return (sweep->direction != DIRECTION_UNKNOWN ? sweep->direction : metric_direction_of(key)) ==
           HIGHER_IS_BETTER;
}

/* Of the reports of one trial, which begin at `at` (moved behind them). */
static struct progress progress_of(const struct trial_report *reports, size_t count, size_t *at,
                                   int64_t step, bool is_higher)
{
    struct progress progress = {.best = HUGE_VAL};
    for (int64_t trial = reports[*at].trial; *at < count && reports[*at].trial == trial; ++*at) {
        const struct trial_report *report = &reports[*at];
        double loss = loss_of(report, is_higher);
        progress.step = report->step;
        if (report->step >= step && !progress.has_reached) {
            progress.has_reached = true;
            progress.last = loss;
        }
        if (report->step > step)
            continue;
        progress.best = fmin(progress.best, loss);
        progress.sum += loss;
        progress.count++;
    }
    return progress;
}

static bool find_trial(const struct trial_report *reports, size_t count, int64_t number,
                       size_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (reports[i].trial != number)
            continue;
        *ret = i;
        return true;
    }
    return false;
}

static int loss_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *losses, size_t count)
{
    qsort(losses, count, sizeof *losses, loss_compare);
    double high = losses[count / 2], low = losses[(count - 1) / 2];
    return low < high ? low + (high - low) / 2 : high;
}

/* Of a judgement: what is asked and what is known. */
struct question {
    struct arena *arena;
    const struct trial_report *reports;
    size_t count, own_at;
    int64_t number;
    bool is_higher;
    const struct sweep *sweep;
};

static struct str shown(struct arena *arena, double loss, bool is_higher)
{
    if (!isfinite(loss))
        return STR("nothing finite");
    return metric_print(arena, is_higher ? -loss : loss, 4);
}

/* Google Vizier's rule: the best value so far is worse than the median of the means, up to the
 * same step, of the others that came as far. */
static bool judge_median(const struct question *question, int64_t step, struct str *ret_why)
{
    double *means = arena_new_array(question->arena, double, question->count);
    size_t others = 0, own_at = question->own_at;
    struct progress own =
        progress_of(question->reports, question->count, &own_at, step, question->is_higher);
    for (size_t at = 0; at < question->count;) {
        bool is_own = question->reports[at].trial == question->number;
        struct progress other =
            progress_of(question->reports, question->count, &at, step, question->is_higher);
        if (!is_own && other.has_reached && other.count)
            means[others++] = other.sum / (double)other.count;
    }
    if (others < OTHERS_LEAST)
        return false;
    double middle = median(means, others);
    if (!(own.best > middle))
        return false;
    *ret_why =
        str_print(question->arena, "%.*s at step %" PRId64 ", the median of %zu trials is %.*s",
                  STR_FMT(shown(question->arena, own.best, question->is_higher)), step, others,
                  STR_FMT(shown(question->arena, middle, question->is_higher)));
    return true;
}

static int64_t reduction_of(const struct sweep *sweep)
{
    return sweep->reduction > 1 ? sweep->reduction : 3;
}

/* The highest rung at or below a step: least, least * eta, least * eta^2...; 0: none. */
static int64_t rung_below(const struct sweep *sweep, int64_t step)
{
    int64_t rung = sweep->least_steps > 0 ? sweep->least_steps : 1;
    if (step < rung)
        return 0;
    while (rung <= step / reduction_of(sweep))
        rung *= reduction_of(sweep);
    return rung;
}

/* ASHA's rule: of those that came to the rung the best 1/eta go on, at least one; while fewer than
 * eta came there, all do. It is asked again whenever more is known. */
static bool judge_asha(const struct question *question, int64_t step, struct str *ret_why)
{
    int64_t rung = rung_below(question->sweep, step);
    if (!rung)
        return false;
    size_t own_at = question->own_at;
    struct progress own =
        progress_of(question->reports, question->count, &own_at, rung, question->is_higher);
    int64_t reached = 0, better = 0;
    for (size_t at = 0; at < question->count;) {
        struct progress other =
            progress_of(question->reports, question->count, &at, rung, question->is_higher);
        reached += other.has_reached;
        better += other.has_reached && other.last < own.last;
    }
    int64_t go_on = reached / reduction_of(question->sweep);
    if (go_on < 1 || better < go_on)
        return false;
    *ret_why = str_print(question->arena,
                         "%.*s at step %" PRId64 ", place %" PRId64 " of %" PRId64
                         " trials, of which %" PRId64 " go%s on",
                         STR_FMT(shown(question->arena, own.last, question->is_higher)), rung,
                         better + 1, reached, go_on, go_on == 1 ? "es" : "");
    return true;
}

void stopping_judge(struct arena *arena, const struct sweep *sweep, int64_t number,
                    const struct trial_report *reports, size_t count, bool *ret_stop,
                    struct str *ret_why)
{
    struct question question = {.arena = arena,
                                .reports = reports,
                                .count = count,
                                .number = number,
                                .is_higher = is_higher_better(sweep),
                                .sweep = sweep};
    *ret_stop = false;
    *ret_why = (struct str){0};
    bool judges = sweep->stop == STOP_MEDIAN || sweep->stop == STOP_ASHA;
    if (!judges || !find_trial(reports, count, number, &question.own_at))
        return;
    size_t at = question.own_at;
    int64_t step = progress_of(reports, count, &at, 0, false).step;
    if (step < sweep->least_steps)
        return;
    *ret_stop = sweep->stop == STOP_MEDIAN ? judge_median(&question, step, ret_why)
                                           : judge_asha(&question, step, ret_why);
}
