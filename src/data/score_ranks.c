/* Metrics of the order of scores: one walk from the highest down, rows of equal scores in one step.
 * Areas are sums over pairs of rows, so that ties count half (Hanley and McNeil 1982). */
#include "mlops/base/check.h"

#include <math.h>

#include "score_private.h"

static const char one_class[] = "only one class in the labels";

/* Where a walk is: weights of positives and negatives at or above the score. */
struct place {
    double positives, negatives;
};

/* Area between two points, left of `limit`. */
static double area_left(struct place from, struct place to, double limit)
{
    double wide = to.negatives - from.negatives, end = to.positives;
    if (!(wide > 0))
        return 0;
    if (to.negatives > limit) {
        double part = limit - from.negatives;
        end = from.positives + (to.positives - from.positives) * part / wide;
        wide = part;
    }
    return wide * (from.positives + end) / 2;
}

/* `all`: at the lowest score. What is a share of it is divided by it at the end. */
static void add_step(struct curve_sums *sums, struct place from, struct place to, struct place all)
{
    double more = to.positives - from.positives, wide = to.negatives - from.negatives;
    double limit = PARTIAL_FPR * all.negatives;
    double apart = fabs(to.positives * all.negatives - to.negatives * all.positives);
    sums->auc += wide * (from.positives + to.positives) / 2;
    double found = to.positives + to.negatives; /* 0 only while nothing is found, `more` included */
    sums->average_precision += more * to.positives / (found > 0 ? found : 1);
    if (from.negatives < limit)
        sums->partial_auc += area_left(from, to, limit);
    if (apart > sums->ks)
        sums->ks = apart;
}

static struct place take_all(struct scorer *scorer)
{
    size_t positive = scorer->prepared->predictions->positive;
    score_take_margins(scorer);
    return (struct place){scorer->truth[positive], scorer->truth[1 - positive]};
}

static void take_curve(struct scorer *scorer)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    const uint32_t *order = scorer->prepared->by_class[0].at;
    struct place all = take_all(scorer), from = {0}, to = {0};
    struct curve_sums sums = {0};
    if (scorer->has_curve)
        return;
    for (size_t i = 0; i < predictions->count; i++) {
        double weight = scorer->weights[order[i] & ORDER_ROW];
        double own = weight * order_own(order[i]);
        to.positives += own;
        to.negatives += weight - own;
        if (!(order[i] & ORDER_END))
            continue;
        add_step(&sums, from, to, all);
        from = to;
    }
    scorer->curve = sums;
    scorer->has_curve = true;
}

/* Both classes are there; *ret holds their weights. */
static bool take_both(struct scorer *scorer, const char **why, struct place *ret)
{
    *ret = take_all(scorer);
    if (!(ret->positives > 0) || !(ret->negatives > 0)) {
        *why = one_class;
        return false;
    }
    take_curve(scorer);
    return true;
}

double score_roc_auc(struct scorer *scorer, int argument, const char **why)
{
    struct place all;
    (void)argument;
    return take_both(scorer, why, &all) ? scorer->curve.auc / (all.positives * all.negatives) : 0;
}

/* McClish's standardisation (1989): 0.5 is chance, 1 the best. */
double score_partial_auc(struct scorer *scorer, int argument, const char **why)
{
    struct place all;
    const double least = PARTIAL_FPR * PARTIAL_FPR / 2, most = PARTIAL_FPR;
    (void)argument;
    if (!take_both(scorer, why, &all))
        return 0;
    double area = scorer->curve.partial_auc / (all.positives * all.negatives);
    return (1 + (area - least) / (most - least)) / 2;
}

double score_ks(struct scorer *scorer, int argument, const char **why)
{
    struct place all;
    (void)argument;
    return take_both(scorer, why, &all) ? scorer->curve.ks / (all.positives * all.negatives) : 0;
}

/* Without a positive row it is 0. */
double score_average_precision(struct scorer *scorer, int argument, const char **why)
{
    struct place all = take_all(scorer);
    (void)argument;
    (void)why;
    if (!(all.positives > 0))
        return 0;
    take_curve(scorer);
    return scorer->curve.average_precision / all.positives;
}

/* --- several classes --- */

/* Rows of class `a`, seen by the score of `a`, against those of all others together. */
static double rest_of(const struct scorer *scorer, size_t a)
{
    const uint32_t *order = scorer->prepared->by_class[a].at;
    double above = 0, own = 0, others = 0, sum = 0;
    for (size_t i = 0; i < scorer->prepared->predictions->count; i++) {
        double weight = scorer->weights[order[i] & ORDER_ROW];
        double part = weight * order_own(order[i]);
        own += part;
        others += weight - part;
        if (!(order[i] & ORDER_END))
            continue;
        sum += others * (above + own / 2);
        above += own;
        own = others = 0;
    }
    return sum;
}

/* ... against those of each other class. */
static void take_pairs_of(struct scorer *scorer, size_t a)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    const uint32_t *order = scorer->prepared->by_class[a].at, *labels = predictions->labels;
    double *pairs = scorer->pairs + a * predictions->class_count, above = 0;
    for (size_t i = 0; i < predictions->count;) {
        size_t from = i;
        double here = 0;
        do
            here += scorer->weights[order[i] & ORDER_ROW] * order_own(order[i]);
        while (!(order[i++] & ORDER_END));
        for (size_t k = from; k < i; k++) {
            uint32_t row = order[k] & ORDER_ROW;
            if (labels[row] != a)
                pairs[labels[row]] += scorer->weights[row] * (above + here / 2);
        }
        above += here;
    }
}

/* Whether there is an area at all; *ret_all: every class has rows. */
static bool has_areas(struct scorer *scorer, const char **why, bool *ret_all)
{
    size_t classes = scorer->prepared->predictions->class_count, there = 0;
    score_take_margins(scorer);
    for (size_t i = 0; i < classes; i++)
        there += scorer->truth[i] > 0;
    *why = there < 2 ? one_class : scorer->prepared->no_auc;
    *ret_all = there == classes;
    return !*why;
}

/* A class without rows has no curve, so the mean of all curves is undefined. */
static bool take_rest(struct scorer *scorer, const char **why)
{
    bool has_all;
    if (!has_areas(scorer, why, &has_all))
        return false;
    if (!has_all)
        *why = "a class has no rows";
    for (size_t i = 0; !*why && !scorer->has_rest && i < scorer->prepared->predictions->class_count;
         i++)
        scorer->rest[i] = rest_of(scorer, i);
    scorer->has_rest = !*why;
    return !*why;
}

static bool take_pairs(struct scorer *scorer, const char **why)
{
    size_t classes = scorer->prepared->predictions->class_count;
    bool has_all;
    if (!has_areas(scorer, why, &has_all))
        return false;
    if (scorer->has_pairs)
        return true;
    for (size_t i = 0; i < classes * classes; i++)
        scorer->pairs[i] = 0;
    for (size_t i = 0; i < classes; i++)
        take_pairs_of(scorer, i);
    scorer->has_pairs = true;
    return true;
}

double score_one_versus_rest(struct scorer *scorer, int how, const char **why)
{
    size_t classes = scorer->prepared->predictions->class_count;
    double sum = 0, weights = 0, total = score_total(scorer);
    if (!take_rest(scorer, why))
        return 0;
    for (size_t i = 0; i < classes; i++) {
        double own = scorer->truth[i], weight = how == SCORE_BY_SUPPORT ? own : 1;
        sum += weight * scorer->rest[i] / (own * (total - own));
        weights += weight;
    }
    return sum / weights;
}

/* Hand and Till (2001): the mean of both directions of each pair of classes that have rows. */
double score_one_versus_one(struct scorer *scorer, int how, const char **why)
{
    size_t classes = scorer->prepared->predictions->class_count;
    double sum = 0, weights = 0;
    if (!take_pairs(scorer, why))
        return 0;
    for (size_t a = 0; a < classes; a++) {
        for (size_t b = a + 1; b < classes; b++) {
            double right = scorer->pairs[a * classes + b] + scorer->pairs[b * classes + a];
            double weight = how == SCORE_BY_SUPPORT ? scorer->truth[a] + scorer->truth[b] : 1;
            if (!(scorer->truth[a] > 0) || !(scorer->truth[b] > 0))
                continue;
            sum += weight * right / (2 * scorer->truth[a] * scorer->truth[b]);
            weights += weight;
        }
    }
    return sum / weights;
}
