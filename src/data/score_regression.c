/* Metrics of numbers. What a row adds to them is computed once; correlations and the median go by
 * orders that are sorted once. */
#include "mlops/base/arena.h"

#include <float.h>
#include <math.h>

#include "score_private.h"

#define PINBALL_QUANTILE 0.9

static void prepare_row(struct prepared *prepared, size_t i)
{
    double truth = prepared->predictions->targets[i], value = prepared->predictions->values[i];
    double error = truth - value, absolute = fabs(error);
    prepared->errors[i] = error;
    prepared->absolutes[i] = absolute;
    prepared->squares[i] = error * error;
    prepared->relatives[i] = absolute / fmax(fabs(truth), DBL_EPSILON);
    prepared->pinballs[i] = error >= 0 ? PINBALL_QUANTILE * error : (PINBALL_QUANTILE - 1) * error;
    bool is_negative = truth < 0 || value < 0;
    double log_error = is_negative ? 0 : log1p(truth) - log1p(value);
    prepared->has_negative |= is_negative;
    prepared->logs[i] = is_negative ? nan("") : log_error * log_error;
}

void score_prepare_regression(struct arena *arena, struct prepared *prepared)
{
    const struct predictions *predictions = prepared->predictions;
    size_t count = predictions->count;
    double **const columns[] = {&prepared->errors,    &prepared->absolutes, &prepared->squares,
                                &prepared->relatives, &prepared->logs,      &prepared->pinballs};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        *columns[i] = arena_new_array(arena, double, count);
    for (size_t i = 0; i < count; i++)
        prepare_row(prepared, i);
    prepared->by_absolute = score_order(arena, prepared->absolutes, 1, count, false);
    prepared->by_target = score_order(arena, predictions->targets, 1, count, false);
    prepared->by_value = score_order(arena, predictions->values, 1, count, false);
}

static size_t row_count(const struct scorer *scorer)
{
    return scorer->prepared->predictions->count;
}

static double mean_of(struct scorer *scorer, const double *of_row)
{
    return score_dot(scorer->weights, of_row, row_count(scorer)) / score_total(scorer);
}

/* Whether all rows that are there have the same number. */
static bool is_constant(const struct scorer *scorer, const double *of_row)
{
    double first = nan("");
    for (size_t i = 0; i < row_count(scorer); i++) {
        if (!score_has_row(scorer, i))
            continue;
        if (isnan(first))
            first = of_row[i];
        if (of_row[i] != first)
            return false;
    }
    return true;
}

/* Weighted sum of squares around the mean, 0 for a constant. In blocks, as score_dot. */
static double spread_of(struct scorer *scorer, const double *of_row)
{
    enum { LANES = 4, BLOCK = 1024 };
    size_t count = row_count(scorer);
    double mean = mean_of(scorer, of_row), sum = 0;
    if (is_constant(scorer, of_row))
        return 0;
    for (size_t from = 0; from < count; from += BLOCK) {
        double lanes[LANES] = {0};
        for (size_t i = from; i < MIN_OF(from + BLOCK, count); i++) {
            double off = of_row[i] - mean;
            lanes[i % LANES] += scorer->weights[i] * off * off;
        }
        sum += (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
    return sum;
}

/* 1 - part / whole; of a constant target 1 if all is right, else 0. */
static double explained(double part, double whole)
{
    if (part == 0)
        return 1;
    return whole > 0 ? 1 - part / whole : 0;
}

double score_mae(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    (void)why;
    return mean_of(scorer, scorer->prepared->absolutes);
}

double score_mse(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    (void)why;
    return mean_of(scorer, scorer->prepared->squares);
}

double score_rmse(struct scorer *scorer, int argument, const char **why)
{
    return sqrt(score_mse(scorer, argument, why));
}

double score_mape(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    (void)why;
    return mean_of(scorer, scorer->prepared->relatives);
}

double score_pinball(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    (void)why;
    return mean_of(scorer, scorer->prepared->pinballs);
}

double score_bias(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    (void)why;
    return 0 - mean_of(scorer, scorer->prepared->errors);
}

double score_msle(struct scorer *scorer, int argument, const char **why)
{
    const double *logs = scorer->prepared->logs;
    double sum = 0;
    (void)argument;
    if (!scorer->prepared->has_negative)
        return mean_of(scorer, logs);
    for (size_t i = 0; i < row_count(scorer); i++) {
        if (!score_has_row(scorer, i))
            continue;
        if (isnan(logs[i])) {
            *why = "a label or prediction is below 0";
            return 0;
        }
        sum += scorer->weights[i] * logs[i];
    }
    return sum / score_total(scorer);
}

static bool has_two_rows(const struct scorer *scorer)
{
    size_t rows = 0;
    for (size_t i = 0; rows < 2 && i < row_count(scorer); i++)
        rows += score_has_row(scorer, i);
    return rows == 2;
}

double score_r2(struct scorer *scorer, int argument, const char **why)
{
    const struct prepared *prepared = scorer->prepared;
    (void)argument;
    if (!has_two_rows(scorer)) {
        *why = "it takes two rows";
        return 0;
    }
    return explained(score_dot(scorer->weights, prepared->squares, row_count(scorer)),
                     spread_of(scorer, prepared->predictions->targets));
}

double score_explained_variance(struct scorer *scorer, int argument, const char **why)
{
    const struct prepared *prepared = scorer->prepared;
    (void)argument;
    (void)why;
    return explained(spread_of(scorer, prepared->errors),
                     spread_of(scorer, prepared->predictions->targets));
}

double score_max_error(struct scorer *scorer, int argument, const char **why)
{
    const uint32_t *order = scorer->prepared->by_absolute.at;
    (void)argument;
    (void)why;
    for (size_t i = row_count(scorer); i-- > 0;)
        if (score_has_row(scorer, order[i] & ORDER_ROW))
            return scorer->prepared->absolutes[order[i] & ORDER_ROW];
    return 0;
}

/* The least error at which half of the weight is reached, as scikit-learn has it. Where rows have
 * no weights of their own those of the pass are repetitions: numpy's median, the mean of two. */
double score_median_error(struct scorer *scorer, int argument, const char **why)
{
    const struct prepared *prepared = scorer->prepared;
    const uint32_t *order = prepared->by_absolute.at;
    bool takes_mean = !prepared->predictions->weights;
    double half = score_total(scorer) / 2, sum = 0, low = nan("");
    (void)argument;
    (void)why;
    for (size_t i = 0; i < row_count(scorer); i++) {
        uint32_t row = order[i] & ORDER_ROW;
        if (!(scorer->weights[row] > 0))
            continue;
        if (!isnan(low))
            return (low + prepared->absolutes[row]) / 2;
        sum += scorer->weights[row];
        if (sum == half && takes_mean)
            low = prepared->absolutes[row];
        else if (sum >= half)
            return prepared->absolutes[row];
    }
    return isnan(low) ? prepared->absolutes[order[row_count(scorer) - 1] & ORDER_ROW] : low;
}

/* --- correlations --- */

static double correlate(struct scorer *scorer, const double *x, const double *y, const char **why)
{
    double x_mean = mean_of(scorer, x), y_mean = mean_of(scorer, y);
    double xx = 0, yy = 0, xy = 0;
    if (is_constant(scorer, x) || is_constant(scorer, y)) {
        *why = has_two_rows(scorer) ? "labels or predictions are constant" : "it takes two rows";
        return 0;
    }
    for (size_t i = 0; i < row_count(scorer); i++) {
        double weight = scorer->weights[i], x_off = x[i] - x_mean, y_off = y[i] - y_mean;
        xx += weight * x_off * x_off;
        yy += weight * y_off * y_off;
        xy += weight * x_off * y_off;
    }
    return fmax(fmin(xy / (sqrt(xx) * sqrt(yy)), 1), -1);
}

double score_pearson(struct scorer *scorer, int argument, const char **why)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    (void)argument;
    return correlate(scorer, predictions->targets, predictions->values, why);
}

/* Middle ranks: the weight below and half of the weight of equal ones. */
static void fill_ranks(const struct scorer *scorer, const struct order *order, double *ranks)
{
    double below = 0;
    for (size_t i = 0; i < row_count(scorer);) {
        size_t from = i;
        double here = 0;
        do
            here += scorer->weights[order->at[i] & ORDER_ROW];
        while (!(order->at[i++] & ORDER_END));
        for (size_t k = from; k < i; k++)
            ranks[order->at[k] & ORDER_ROW] = below + here / 2;
        below += here;
    }
}

double score_spearman(struct scorer *scorer, int argument, const char **why)
{
    const struct prepared *prepared = scorer->prepared;
    double *x = scorer->room, *y = scorer->room + row_count(scorer);
    (void)argument;
    fill_ranks(scorer, &prepared->by_target, x);
    fill_ranks(scorer, &prepared->by_value, y);
    return correlate(scorer, x, y, why);
}
