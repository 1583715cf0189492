/* What a sweep's results say: which parameters mattered, repeats as mean and spread, and how much
 * the winner owes to luck. Pure. Each function states its formula and source where it is defined.
 */
#pragma once

#include "mlops/model/sweep.h"

struct choice_trial {
    int64_t number, combination;
    const struct override_vec *overrides;
    double score;
};

/* Share of the scores' variance that a parameter explains by itself (fANOVA's main effect, Hutter
 * et al. 2014), 0..1; NaN: too few trials to say. */
struct importance {
    struct str file, key;
    double share;
    double correlation; /* Spearman's rank correlation with the score; NaN for words */
};
FALLIBLE importance_compute(struct arena *arena, const struct sweep *sweep,
                            const struct choice_trial *trials, size_t count,
                            struct importance **ret, size_t *ret_count);

/* A combination with all its repeats. */
struct combination {
    int64_t combination, first_trial;
    int64_t count;
    double mean, deviation; /* of a sample; NaN for one */
    double error;           /* standard error of the mean: own spread, or pooled over all
                               combinations if it has one repeat only; NaN: not known */
    double low, high;       /* 95 % by Student's t; NaN: not known */
    bool is_within_error;   /* as good as the best by the one-standard-error rule (Breiman 1984) */
};

/* Best first. *ret_optimism: by how much the best of so many equally good candidates would look
 * better than it is by chance alone (expected maximum of normal errors); NaN: no spread is known.
 */
FALLIBLE combinations_rank(struct arena *arena, const struct choice_trial *trials, size_t count,
                           enum metric_direction direction, struct combination **ret,
                           size_t *ret_count, double *ret_optimism);
