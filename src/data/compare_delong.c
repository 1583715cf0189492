/* E. DeLong, D. DeLong, D. Clarke-Pearson 1988, by ranks: X. Sun, W. Xu 2014. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/data/stats.h"

#include <math.h>
#include <stdlib.h>

#include "compare_private.h"

struct scored {
    double score;
    uint32_t row;
    bool is_positive;
};

static int by_score(const void *a, const void *b)
{
    double x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return (x > y) - (x < y);
}

struct classes {
    const struct predictions *truth;
    double positives, negatives;
};

static bool is_positive(const struct classes *classes, size_t row)
{
    return classes->truth->labels[row] == classes->truth->positive;
}

/* Of each row the share of the other class that its score stands on the right side of, ties one
 * half; returns the AUC, their mean over the positives. */
static double place(struct arena *arena, const struct classes *classes, const double *scores,
                    double *places)
{
    size_t count = classes->truth->count;
    struct scored *order = arena_new_array(arena, struct scored, count);
    for (size_t i = 0; i < count; i++)
        order[i] = (struct scored){scores[i], (uint32_t)i, is_positive(classes, i)};
    qsort(order, count, sizeof *order, by_score);
    double positives = 0, negatives = 0, wins = 0; /* below */
    for (size_t from = 0, to; from < count; from = to) {
        double ties[2] = {0};
        for (to = from; to < count && order[to].score == order[from].score; to++)
            ties[order[to].is_positive]++;
        for (size_t i = from; i < to; i++)
            places[order[i].row] = order[i].is_positive
                                       ? (negatives + ties[0] / 2) / classes->negatives
                                       : 1 - (positives + ties[1] / 2) / classes->positives;
        wins += ties[1] * (negatives + ties[0] / 2);
        positives += ties[1];
        negatives += ties[0];
    }
    return wins / (classes->positives * classes->negatives);
}

/* Sum over both classes of the sample covariance of the places, divided by the number of rows.
 * `room`: count numbers. */
static double covariance(const struct classes *classes, const double *x, const double *y,
                         double x_mean, double y_mean, double *room)
{
    double total = 0;
    for (int side = 0; side < 2; side++) {
        double count = side ? classes->positives : classes->negatives;
        size_t len = 0;
        for (size_t i = 0; i < classes->truth->count; i++)
            if (is_positive(classes, i) == (side == 1))
                room[len++] = (x[i] - x_mean) * (y[i] - y_mean);
        total += stats_sum(room, len) / (count - 1) / count;
    }
    return total;
}

static struct interval interval_around(double middle, double variance, double level, double least,
                                       double most)
{
    double reach = stats_normal_isf((1 - level) / 2) * sqrt(variance);
    return (struct interval){
        .low = fmax(least, middle - reach),
        .high = fmin(most, middle + reach),
        .level = level,
        .method = "delong",
    };
}

/* The variance of the difference is taken of the differences, which loses nothing where both models
 * are nearly the same. */
static void finish(struct delong *test, double variance, double level)
{
    double difference = test->auc_a - test->auc_b;
    test->z = difference == 0 && !(variance > 0) ? 0 : difference / sqrt(variance);
    test->p = fmin(1, 2 * stats_normal_sf(fabs(test->z)));
    test->interval_a = interval_around(test->auc_a, test->var_a, level, 0, 1);
    test->interval_b = interval_around(test->auc_b, test->var_b, level, 0, 1);
    test->difference = interval_around(-difference, variance, level, -1, 1);
}

static const char *why_not(const struct predictions *a, const struct predictions *b,
                           const struct classes *classes)
{
    if (a->task != TASK_BINARY)
        return "only of two classes";
    if (!a->scores || !b->scores)
        return "no scores";
    if (classes->positives < 1 || classes->negatives < 1)
        return "only one class";
    if (classes->positives < 2 || classes->negatives < 2)
        return "fewer than two rows of a class";
    return NULL;
}

static struct classes count_classes(const struct predictions *truth)
{
    struct classes classes = {.truth = truth};
    for (size_t i = 0; i < truth->count && truth->task == TASK_BINARY; i++)
        classes.positives += is_positive(&classes, i);
    classes.negatives = (double)truth->count - classes.positives;
    return classes;
}

static struct delong undefined(double level, const char *why)
{
    const struct interval none = {nan(""), nan(""), level, "delong", 0};
    return (struct delong){
        .auc_a = nan(""),
        .auc_b = nan(""),
        .var_a = nan(""),
        .var_b = nan(""),
        .cov = nan(""),
        .z = nan(""),
        .p = nan(""),
        .interval_a = none,
        .interval_b = none,
        .difference = none,
        .why = why,
    };
}

void compare_delong(const struct predictions *a, const struct predictions *b, double level,
                    struct delong *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    check(a->count == b->count);
    struct classes classes = count_classes(a);
    const char *why = why_not(a, b, &classes);
    *ret = undefined(level, why);
    if (why)
        return;
    double *of_a = arena_new_array(&scratch, double, a->count);
    double *of_b = arena_new_array(&scratch, double, a->count);
    double *room = arena_new_array(&scratch, double, a->count);
    ret->auc_a = place(&scratch, &classes, a->scores, of_a);
    ret->auc_b = place(&scratch, &classes, b->scores, of_b);
    ret->var_a = covariance(&classes, of_a, of_a, ret->auc_a, ret->auc_a, room);
    ret->var_b = covariance(&classes, of_b, of_b, ret->auc_b, ret->auc_b, room);
    ret->cov = covariance(&classes, of_a, of_b, ret->auc_a, ret->auc_b, room);
    for (size_t i = 0; i < a->count; i++)
        of_a[i] -= of_b[i];
    double mean = ret->auc_a - ret->auc_b;
    finish(ret, covariance(&classes, of_a, of_a, mean, mean, room), level);
}
