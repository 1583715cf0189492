#include "mlops/base/arena.h"

#include <math.h>
#include <stdlib.h>

#include "choice_private.h"

enum {
    TRIALS_LEAST = 10,  /* fewer say nothing about shares */
    TRIALS_MOST = 2000, /* of more, so many evenly spread: a second's work for 100 parameters */
};

struct place {
    double value;
    size_t index;
};

static int place_compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return (left->value > right->value) - (left->value < right->value);
}

/* Ranks from 1; what is equal shares the mean of its places. */
static double *ranks_of(struct arena *arena, const double *values, size_t count)
{
    double *ranks = arena_new_array(arena, double, count);
    struct place *places = arena_new_array(arena, struct place, count);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){values[i], i};
    qsort(places, count, sizeof *places, place_compare);
    for (size_t at = 0, end; at < count; at = end) {
        for (end = at + 1; end < count && !(places[end].value > places[at].value);)
            end++;
        for (size_t i = at; i < end; i++)
            ranks[places[i].index] = (double)(at + 1 + end) / 2;
    }
    return ranks;
}

/* Spearman's coefficient: Pearson's of the ranks. NaN: one of them is constant. */
static double rank_correlation(struct arena *arena, const double *left, const double *right,
                               size_t count)
{
    const double *a = ranks_of(arena, left, count), *b = ranks_of(arena, right, count);
    double middle = ((double)count + 1) / 2, ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += (a[i] - middle) * (b[i] - middle);
        aa += (a[i] - middle) * (a[i] - middle);
        bb += (b[i] - middle) * (b[i] - middle);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : nan("");
}

static bool is_known(const struct factor *factors, size_t factor_count, size_t trial)
{
    for (size_t f = 0; f < factor_count; f++)
        if (isnan(factors[f].at[trial]))
            return false;
    return true;
}

/* Those with a score, at most TRIALS_MOST of them. */
static struct choice_trial *select_scored(struct arena *arena, const struct choice_trial *trials,
                                          size_t count, size_t *ret_count)
{
    struct choice_trial *scored = arena_new_array(arena, struct choice_trial, count);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(trials[i].score))
            scored[kept++] = trials[i];
    *ret_count = MIN_OF(kept, (size_t)TRIALS_MOST);
    for (size_t i = 0; kept > TRIALS_MOST && i < *ret_count; i++)
        scored[i] = scored[i * kept / TRIALS_MOST];
    return scored;
}

/* Leaves out trials whose values are none of the space; scores are centred, so that sums of squares
 * lose no digits, and scaled, as shares do not depend on it. */
static size_t take_scores(struct factor *factors, size_t factor_count,
                          const struct choice_trial *trials, size_t count, double *ret)
{
    size_t kept = 0;
    double mean = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_known(factors, factor_count, i))
            continue;
        for (size_t f = 0; f < factor_count; f++)
            factors[f].at[kept] = factors[f].at[i];
        ret[kept++] = trials[i].score;
    }
    for (size_t i = 0; i < kept; i++)
        mean += ret[i] / (double)kept;
    for (size_t i = 0; i < kept; i++)
        most = fmax(most, fabs(ret[i] - mean));
    for (size_t i = 0; i < kept; i++)
        ret[i] = most > 0 && isfinite(most) ? (ret[i] - mean) / most : 0;
    return kept;
}

static int importance_compare(const void *a, const void *b)
{
    const struct importance *left = a, *right = b;
    bool is_left_known = !isnan(left->share), is_right_known = !isnan(right->share);
    if (is_left_known != is_right_known)
        return is_left_known ? -1 : 1;
    if (left->share > right->share || left->share < right->share)
        return left->share > right->share ? -1 : 1;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

FALLIBLE importance_compute(struct arena *arena, const struct sweep *sweep,
                            const struct choice_trial *trials, size_t count,
                            struct importance **ret, size_t *ret_count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct factor *factors = NULL;
    size_t scored = 0;
    const struct choice_trial *all = select_scored(&scratch, trials, count, &scored);
    factors_make(&scratch, sweep, all, scored, &factors, ret_count);
    double *scores = arena_new_array(&scratch, double, scored);
    double *shares = arena_new_array(&scratch, double, *ret_count + 1);
    size_t kept = take_scores(factors, *ret_count, all, scored, scores);
    bool is_enough = kept >= TRIALS_LEAST;
    if (is_enough)
        forest_explain(&scratch, factors, *ret_count, scores, kept, shares);
    *ret = arena_new_array(arena, struct importance, *ret_count);
    for (size_t f = 0; f < *ret_count; f++) {
        bool has_correlation = is_enough && factors[f].is_ordered;
        (*ret)[f] = (struct importance){
            .file = str_copy(arena, factors[f].file),
            .key = str_copy(arena, factors[f].key),
            .share = is_enough ? shares[f] : nan(""),
            .correlation =
                has_correlation ? rank_correlation(&scratch, factors[f].at, scores, kept) : nan(""),
        };
    }
    if (*ret_count > 1)
        qsort(*ret, *ret_count, sizeof **ret, importance_compare);
    return NULL;
}
