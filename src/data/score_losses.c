/* Metrics of probabilities, a number per row: log loss, Brier score, calibration, the best k. */
#include "mlops/base/arena.h"

#include <float.h>
#include <math.h>

#include "score_private.h"

/* Clipped as scikit-learn does since 1.2. */
static double clip(double share)
{
    return fmin(fmax(share, DBL_EPSILON), 1 - DBL_EPSILON);
}

static void prepare_binary(struct arena *arena, struct prepared *prepared)
{
    const struct predictions *predictions = prepared->predictions;
    prepared->no_score = predictions->scores ? NULL : "no scores were given";
    if (prepared->no_score)
        return;
    if (!predictions->scores_are_probabilities)
        prepared->no_probability = "scores are not all within 0 and 1";
    if (prepared->no_probability)
        return;
    prepared->log_losses = arena_new_array(arena, double, predictions->count);
    prepared->squares = arena_new_array(arena, double, predictions->count);
    for (size_t i = 0; i < predictions->count; i++) {
        bool is_positive = predictions->labels[i] == predictions->positive;
        double share = clip(predictions->scores[i]);
        double off = predictions->scores[i] - (is_positive ? 1 : 0);
        prepared->log_losses[i] = -log(is_positive ? share : 1 - share);
        prepared->squares[i] = off * off;
    }
}

/* Probabilities of one row. */
static void prepare_row(struct prepared *prepared, size_t row)
{
    const struct predictions *predictions = prepared->predictions;
    size_t classes = predictions->class_count, label = predictions->labels[row];
    const double *shares = predictions->probabilities + row * classes;
    double sum = 0, clipped = 0;
    uint32_t before = 0;
    for (size_t k = 0; k < classes; k++) {
        sum += shares[k];
        clipped += clip(shares[k]);
        before += shares[k] > shares[label] || (shares[k] == shares[label] && k > label);
        if (shares[k] < 0 || shares[k] > 1)
            prepared->no_probability = "probabilities are not all within 0 and 1";
    }
    if (!(fabs(sum - 1) <= 1e-8 + 1e-5 * sum)) /* numpy's allclose */
        prepared->no_auc = "probabilities of a row do not sum to 1";
    prepared->log_losses[row] = -log(clip(shares[label]) / clipped);
    prepared->ranks[row] = before;
}

static void prepare_multiclass(struct arena *arena, struct prepared *prepared)
{
    const struct predictions *predictions = prepared->predictions;
    prepared->no_score = predictions->probabilities ? NULL : "no probabilities were given";
    if (prepared->no_score)
        return;
    prepared->log_losses = arena_new_array(arena, double, predictions->count);
    prepared->ranks = arena_new_array(arena, uint32_t, predictions->count);
    for (size_t i = 0; i < predictions->count; i++)
        prepare_row(prepared, i);
}

void score_prepare_losses(struct arena *arena, struct prepared *prepared)
{
    if (prepared->predictions->task == TASK_BINARY)
        prepare_binary(arena, prepared);
    else
        prepare_multiclass(arena, prepared);
}

static double mean_of(struct scorer *scorer, const double *of_row, const char **why)
{
    *why = scorer->prepared->no_probability;
    if (*why)
        return 0;
    return score_dot(scorer->weights, of_row, scorer->prepared->predictions->count) /
           score_total(scorer);
}

double score_log_loss(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    return mean_of(scorer, scorer->prepared->log_losses, why);
}

double score_brier(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    return mean_of(scorer, scorer->prepared->squares, why);
}

/* The true class is among the `most` most probable ones; of equal ones the last comes first. */
double score_top(struct scorer *scorer, int most, const char **why)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    double sum = 0;
    if (predictions->class_count <= (size_t)most) {
        *why = "there are no more classes than that";
        return 0;
    }
    for (size_t i = 0; i < predictions->count; i++)
        sum += scorer->prepared->ranks[i] < (uint32_t)most ? scorer->weights[i] : 0;
    return sum / score_total(scorer);
}

/* --- calibration --- */

struct bin {
    double weight, scores, positives;
};

/* A value on an edge belongs to the lower bin; edges as numpy's linspace has them. */
static size_t bin_of(double score, size_t bins)
{
    double step = 1.0 / (double)bins;
    size_t at = (size_t)fmin(fmax(score / step, 0), (double)(bins - 1));
    while (at > 0 && (double)at * step >= score)
        at--;
    while (at + 1 < bins && (double)(at + 1) * step < score)
        at++;
    return at;
}

static void fill_bins(const struct scorer *scorer, const double *scores, size_t stride,
                      size_t positive, struct bin *bins, size_t bin_count)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    for (size_t i = 0; i < predictions->count; i++) {
        double weight = scorer->weights[i], score = scores[i * stride];
        struct bin *bin = &bins[bin_of(score, bin_count)];
        if (!(weight > 0))
            continue;
        bin->weight += weight;
        bin->scores += weight * score;
        bin->positives += predictions->labels[i] == positive ? weight : 0;
    }
}

double score_calibration_error(struct scorer *scorer, int argument, const char **why)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    struct bin bins[CALIBRATION_BINS] = {{0}};
    double sum = 0;
    (void)argument;
    *why = scorer->prepared->no_probability;
    if (*why)
        return 0;
    fill_bins(scorer, predictions->scores, 1, predictions->positive, bins, CALIBRATION_BINS);
    for (size_t i = 0; i < CALIBRATION_BINS; i++)
        sum += fabs(bins[i].positives - bins[i].scores);
    return sum / score_total(scorer);
}

void scorer_calibration(struct arena *arena, struct scorer *scorer, size_t positive, size_t bins,
                        struct calibration *ret)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    bool is_binary = predictions->task == TASK_BINARY;
    double *predicted = arena_new_array(arena, double, bins);
    double *actual = arena_new_array(arena, double, bins);
    double *weight = arena_new_array(arena, double, bins);
    *ret = (struct calibration){0, predicted, actual, weight};
    if (scorer->prepared->no_score || scorer->prepared->no_probability)
        return;
    struct bin *all = arena_new_array(arena, struct bin, bins);
    fill_bins(scorer, is_binary ? predictions->scores : predictions->probabilities + positive,
              is_binary ? 1 : predictions->class_count, positive, all, bins);
    for (size_t i = 0; i < bins; i++) {
        if (!(all[i].weight > 0))
            continue;
        predicted[ret->count] = all[i].scores / all[i].weight;
        actual[ret->count] = all[i].positives / all[i].weight;
        weight[ret->count++] = all[i].weight;
    }
}
