#include "mlops/data/compare.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <math.h>
#include <stdlib.h>

#include "compare_private.h"

/* --- Holm ----------------------------------------------------------------------------------- */

static int by_p(const void *a, const void *b)
{
    double x = **(double *const *)a, y = **(double *const *)b;
    return (x > y) - (x < y);
}

/* S. Holm 1979: the smallest p is multiplied by the number of tests, the next by one less, and none
 * may come out below the one before it. */
void compare_holm(double *p, size_t count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    double **order = arena_new_array(&scratch, double *, count), least = 0;
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(p[i]))
            order[len++] = &p[i];
    qsort(order, len, sizeof(double *), by_p);
    for (size_t i = 0; i < len; i++)
        *order[i] = least = fmax(least, fmin(1, *order[i] * (double)(len - i)));
}

/* --- everything of two models --------------------------------------------------------------- */

struct work {
    struct comparison *comparison;
    struct scorer *a, *b;
    double level;
    bool has_weights;
};

/* The main ones first, then the others. */
static void take_values(struct arena *arena, struct work *work)
{
    size_t count;
    const struct score_row *rows = score_rows(&count);
    struct comparison *comparison = work->comparison;
    comparison->metrics = arena_new_array(arena, struct compared_metric, count);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t row = 0; row < count; row++) {
            if (!(rows[row].tasks & 1u << comparison->task) || rows[row].is_main != (pass == 0))
                continue;
            double a = scorer_value(work->a, row, NULL, NULL);
            double b = scorer_value(work->b, row, NULL, NULL);
            if (isnan(a) && isnan(b))
                continue;
            comparison->metrics[comparison->metric_count++] = (struct compared_metric){
                .row = row,
                .a = a,
                .b = b,
                .delta = b - a,
                .interval = {nan(""), nan(""), 0, NULL, 0},
                .p = nan(""),
            };
        }
    }
}

static FALLIBLE resample(struct arena *arena, struct work *work)
{
    size_t all, count = 0;
    const struct score_row *rows = score_rows(&all);
    struct comparison *comparison = work->comparison;
    size_t *wanted = arena_new_array(arena, size_t, comparison->metric_count);
    while (count < comparison->metric_count && rows[comparison->metrics[count].row].is_main) {
        wanted[count] = comparison->metrics[count].row;
        count++;
    }
    struct interval *intervals = arena_new_array(arena, struct interval, count);
    double *p = arena_new_array(arena, double, count);
    TRY(resample_differences(work->a, work->b, wanted, count, NULL, work->level, intervals, p));
    for (size_t i = 0; i < count; i++) {
        comparison->metrics[i].interval = intervals[i];
        comparison->metrics[i].p = p[i];
        comparison->metrics[i].test = isnan(p[i]) ? NULL : "bootstrap";
    }
    return NULL;
}

static struct compared_metric *find(struct comparison *comparison, const char *name)
{
    size_t row;
    if (!score_find(comparison->task, str_of(name), &row))
        return NULL;
    for (size_t i = 0; i < comparison->metric_count; i++)
        if (comparison->metrics[i].row == row)
            return &comparison->metrics[i];
    return NULL;
}

/* Takes the place of the bootstrap. `interval` may be NULL. */
static void judge(struct comparison *comparison, const char *name, const char *test, double p,
                  const struct interval *interval)
{
    struct compared_metric *metric = find(comparison, name);
    if (!metric)
        return;
    metric->p = p;
    metric->test = test;
    if (interval)
        metric->interval = *interval;
}

static void take_tests(struct work *work, const struct predictions *a, const struct predictions *b)
{
    struct comparison *comparison = work->comparison;
    if (comparison->task != TASK_REGRESSION) {
        compare_mcnemar(a, b, &comparison->mcnemar);
        comparison->has_mcnemar = true;
        comparison->fixed = (uint64_t)comparison->mcnemar.only_b;
        comparison->broke = (uint64_t)comparison->mcnemar.only_a;
    }
    compare_delong(a, b, work->level, &comparison->delong);
    compare_losses(a, b, work->level, &comparison->losses);
    comparison->has_delong = !comparison->delong.why;
    comparison->has_losses = !comparison->losses.why;
    if (work->has_weights)
        return;
    if (comparison->has_mcnemar)
        judge(comparison, "accuracy", "mcnemar", comparison->mcnemar.p, NULL);
    if (comparison->has_delong)
        judge(comparison, "roc_auc", "delong", comparison->delong.p,
              &comparison->delong.difference);
    if (comparison->has_losses)
        judge(comparison, comparison->task == TASK_REGRESSION ? "mse" : "log_loss", "paired t",
              comparison->losses.t_p, &comparison->losses.difference);
}

static void correct(struct arena *arena, struct comparison *comparison)
{
    double *p = arena_new_array(arena, double, comparison->metric_count);
    for (size_t i = 0; i < comparison->metric_count; i++)
        p[i] = comparison->metrics[i].p;
    compare_holm(p, comparison->metric_count);
    for (size_t i = 0; i < comparison->metric_count; i++)
        comparison->metrics[i].p_holm = p[i];
}

FALLIBLE compare_predictions(struct arena *arena, const struct predictions *a,
                             const struct predictions *b, double level, struct comparison *ret)
{
    struct comparison comparison = {.task = a->task, .rows = a->count};
    AUTO(arena_drop) struct arena scratch = {0};
    check(a->count == b->count && a->task == b->task);
    struct work work = {
        .comparison = &comparison,
        .a = scorer_make(&scratch, a),
        .b = scorer_make(&scratch, b),
        .level = level,
        .has_weights = a->weights || b->weights,
    };
    take_values(arena, &work);
    TRY(resample(&scratch, &work));
    take_tests(&work, a, b);
    correct(&scratch, &comparison);
    *ret = comparison;
    return NULL;
}
