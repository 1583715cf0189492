/* Bootstrap: percentile intervals of a metric and of the difference of a metric between two models
 * on the same rows. Deterministic: the seed is fixed (docs/evaluation.md), each replicate has its
 * own stream, so the answer does not depend on threads. */
#pragma once

#include "mlops/data/score.h"

#define RESAMPLE_SEED 20240601

struct interval {
    double low, high; /* NaN: could not be had, or fewer than a quarter of replicates has a value */
    double level;     /* 0.95 */
    const char *method; /* "wilson", "bootstrap" */
    size_t replicates;  /* of a bootstrap, those with a defined value */
};

/* How many replicates for so many rows: 2000, fewer (200 at least) where rows x replicates would
 * go beyond LIMIT_RESAMPLE_ROWS. */
size_t resample_replicates(size_t rows);

/* Both below draw rows of a weight above 0, each with the same probability, and let every drawn one
 * count with its weight. Replicates are spread over a pool of threads of their own. */

/* Intervals of the metrics `rows[0 .. count)` (numbers of score_rows), in ret[0 .. count). Wilson's
 * for shares of unweighted rows, else bootstrap. `weights` as in scorer_value (a slice). */
FALLIBLE resample_intervals(struct scorer *scorer, const size_t *rows, size_t count,
                            const double *weights, double level, struct interval *ret);

/* Of value(b) - value(a), the same rows drawn for both. The predictions must be aligned: row i of
 * both is the same example (compare_align). ret_p: two-sided bootstrap p (twice the smaller share
 * of replicates at or beyond 0, at least 1 / replicates). */
FALLIBLE resample_differences(struct scorer *a, struct scorer *b, const size_t *rows, size_t count,
                              const double *weights, double level, struct interval *ret,
                              double *ret_p);

/* Wilson's score interval of a share p of n rows. */
struct interval resample_wilson(double share, double n, double level);
