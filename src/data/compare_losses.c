/* Losses per row of two models: paired t test and signed ranks. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/data/stats.h"

#include <float.h>
#include <math.h>

#include "compare_private.h"

static double clip(double p)
{
    return p < DBL_EPSILON ? DBL_EPSILON : p > 1 - DBL_EPSILON ? 1 - DBL_EPSILON : p;
}

/* -ln of the probability of the true class, clipped and made to sum to 1 as scikit-learn does. */
static double log_loss(const struct predictions *predictions, size_t row)
{
    uint32_t label = predictions->labels[row];
    if (predictions->task == TASK_BINARY) {
        double p = clip(predictions->scores[row]);
        return -log(label == predictions->positive ? p : 1 - p);
    }
    const double *all = &predictions->probabilities[row * predictions->class_count];
    double sum = 0;
    for (size_t c = 0; c < predictions->class_count; c++)
        sum += clip(all[c]);
    return -log(clip(all[label]) / sum);
}

static double loss(const struct predictions *predictions, size_t row)
{
    if (predictions->task != TASK_REGRESSION)
        return log_loss(predictions, row);
    double error = predictions->values[row] - predictions->targets[row];
    return error * error;
}

static bool has_loss(const struct predictions *predictions)
{
    switch (predictions->task) {
    case TASK_BINARY:
        return predictions->scores && predictions->scores_are_probabilities;
    case TASK_MULTICLASS:
        return predictions->probabilities != NULL;
    case TASK_REGRESSION:
        return true;
    case TASK_COUNT:
        break;
    }
    return false;
}

static double mean_square(struct arena *arena, const double *values, size_t count, double mean)
{
    double *squares = arena_new_array(arena, double, count);
    for (size_t i = 0; i < count; i++)
        squares[i] = (values[i] - mean) * (values[i] - mean);
    return stats_sum(squares, count) / (double)(count - 1);
}

/* Of losses of a less those of b. */
static void student(struct paired_loss *test, struct arena *arena, const double *differences,
                    size_t count, double level)
{
    double mean = stats_sum(differences, count) / (double)count;
    double error = sqrt(mean_square(arena, differences, count, mean) / (double)count);
    double reach = stats_student_isf((1 - level) / 2, test->t_df) * error;
    test->mean_difference = -mean;
    test->difference.low = -mean - reach;
    test->difference.high = -mean + reach;
    if (mean == 0 && error == 0)
        test->why = "no loss differs";
    else
        test->t = mean / error;
    test->t_p = test->why ? nan("") : 2 * stats_student_sf(fabs(test->t), test->t_df);
}

void compare_losses(const struct predictions *a, const struct predictions *b, double level,
                    struct paired_loss *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    check(a->count == b->count && a->task == b->task);
    *ret = (struct paired_loss){
        .t = nan(""),
        .t_p = nan(""),
        .t_df = (double)a->count - 1,
        .w = nan(""),
        .w_p = nan(""),
        .mean_difference = nan(""),
        .difference = {nan(""), nan(""), level, "t", 0},
        .loss = a->task == TASK_REGRESSION ? "squared_error" : "log_loss",
    };
    if (!has_loss(a) || !has_loss(b))
        ret->why = "no probabilities";
    else if (a->count < 2)
        ret->why = "fewer than two rows";
    if (ret->why)
        return;
    double *differences = arena_new_array(&scratch, double, a->count);
    for (size_t i = 0; i < a->count; i++)
        differences[i] = loss(a, i) - loss(b, i);
    student(ret, &scratch, differences, a->count, level);
    compare_wilcoxon(differences, a->count, &ret->w, &ret->w_p);
}
