/* Metrics of right and wrong classes: they need the diagonal of the confusion matrix and its
 * margins only. */
#include <math.h>

#include "score_private.h"

/* Two classes: the four cells in several lanes, so that no sum waits for the one before. */
static void take_two(struct scorer *scorer)
{
    enum { LANES = 4 };
    const struct predictions *predictions = scorer->prepared->predictions;
    double cells[LANES][4] = {{0}};
    for (size_t i = 0; i < predictions->count; i++)
        cells[i % LANES][predictions->labels[i] << 1 | predictions->predicted[i]] +=
            scorer->weights[i];
    for (size_t i = 1; i < LANES; i++)
        for (size_t k = 0; k < 4; k++)
            cells[0][k] += cells[i][k];
    for (size_t i = 0; i < 2; i++) {
        scorer->right[i] = cells[0][3 * i];
        scorer->truth[i] = cells[0][2 * i] + cells[0][2 * i + 1];
        scorer->predicted[i] = cells[0][i] + cells[0][2 + i];
    }
}

static void take_all(struct scorer *scorer)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    for (size_t i = 0; i < predictions->count; i++) {
        uint32_t label = predictions->labels[i], found = predictions->predicted[i];
        double weight = scorer->weights[i];
        scorer->truth[label] += weight;
        scorer->predicted[found] += weight;
        scorer->right[label] += label == found ? weight : 0;
    }
}

void score_take_margins(struct scorer *scorer)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    size_t classes = predictions->class_count;
    if (scorer->has_margins)
        return;
    for (size_t i = 0; i < classes; i++)
        scorer->right[i] = scorer->truth[i] = scorer->predicted[i] = 0;
    if (classes == 2)
        take_two(scorer);
    else
        take_all(scorer);
    scorer->has_margins = true;
}

static size_t begin(struct scorer *scorer)
{
    score_take_margins(scorer);
    return scorer->prepared->predictions->class_count;
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* 0/0 is 0, as with scikit-learn's zero_division. */
static double rate(double right, double truth, double found, int what)
{
    if (what == SCORE_PRECISION)
        return share(right, found);
    if (what == SCORE_RECALL)
        return share(right, truth);
    double square = what == SCORE_F2 ? 4 : 1; /* beta squared */
    return share((1 + square) * right, square * truth + found);
}

static double class_rate(const struct scorer *scorer, size_t at, int what)
{
    return rate(scorer->right[at], scorer->truth[at], scorer->predicted[at], what);
}

/* Labels and predictions hold it: the others are no part of averages. */
static bool is_there(const struct scorer *scorer, size_t at)
{
    return scorer->is_own ? scorer->prepared->is_class_there[at]
                          : scorer->truth[at] > 0 || scorer->predicted[at] > 0;
}

static double all_right(struct scorer *scorer)
{
    size_t classes = begin(scorer);
    double sum = 0;
    for (size_t i = 0; i < classes; i++)
        sum += scorer->right[i];
    return sum;
}

double score_accuracy(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    (void)why;
    return all_right(scorer) / score_total(scorer);
}

double score_balanced_accuracy(struct scorer *scorer, int argument, const char **why)
{
    size_t classes = begin(scorer), count = 0;
    double sum = 0;
    (void)argument;
    (void)why;
    for (size_t i = 0; i < classes; i++) {
        if (!(scorer->truth[i] > 0))
            continue;
        sum += scorer->right[i] / scorer->truth[i];
        count++;
    }
    return sum / (double)count;
}

double score_positive(struct scorer *scorer, int what, const char **why)
{
    (void)why;
    begin(scorer);
    return class_rate(scorer, scorer->prepared->predictions->positive, what);
}

double score_specificity(struct scorer *scorer, int argument, const char **why)
{
    (void)argument;
    (void)why;
    begin(scorer);
    return class_rate(scorer, 1 - scorer->prepared->predictions->positive, SCORE_RECALL);
}

double score_macro(struct scorer *scorer, int what, const char **why)
{
    size_t classes = begin(scorer), count = 0;
    double sum = 0;
    (void)why;
    for (size_t i = 0; i < classes; i++) {
        if (!is_there(scorer, i))
            continue;
        sum += class_rate(scorer, i, what);
        count++;
    }
    return sum / (double)count;
}

/* Each row has one label and one prediction, so that all three are the accuracy. */
double score_micro(struct scorer *scorer, int what, const char **why)
{
    (void)what;
    return score_accuracy(scorer, 0, why);
}

double score_weighted(struct scorer *scorer, int what, const char **why)
{
    size_t classes = begin(scorer);
    double sum = 0;
    (void)why;
    for (size_t i = 0; i < classes; i++)
        sum += class_rate(scorer, i, what) * scorer->truth[i];
    return sum / score_total(scorer);
}

/* By the covariances of truth and prediction; 0 where one of them is constant. */
double score_mcc(struct scorer *scorer, int argument, const char **why)
{
    size_t classes = begin(scorer), labels = 0, found = 0;
    double total = score_total(scorer), both = 0, own = 0, other = 0;
    (void)argument;
    (void)why;
    for (size_t i = 0; i < classes; i++) {
        both += scorer->truth[i] * scorer->predicted[i];
        own += scorer->truth[i] * (total - scorer->truth[i]);
        other += scorer->predicted[i] * (total - scorer->predicted[i]);
        labels += scorer->truth[i] > 0;
        found += scorer->predicted[i] > 0;
    }
    if (labels < 2 || found < 2)
        return 0;
    return (all_right(scorer) * total - both) / sqrt(own * other);
}

double score_kappa(struct scorer *scorer, int argument, const char **why)
{
    size_t classes = begin(scorer), count = 0;
    double total = score_total(scorer), wrong = 0, expected = 0;
    (void)argument;
    for (size_t i = 0; i < classes; i++) {
        wrong += scorer->truth[i] - scorer->right[i];
        expected += scorer->truth[i] * (total - scorer->predicted[i]);
        count += scorer->truth[i] > 0 || scorer->predicted[i] > 0;
    }
    if (count < 2) {
        *why = "labels and predictions are all of one class";
        return 0;
    }
    return 1 - wrong * total / expected;
}
