/* A distribution of numbers as sorted points with weights: all values of a small column, or points
 * that stand for equal shares of a large one. */
#pragma once

#include "mlops/base/str.h"

struct arena;

struct distribution {
    const double *values;  /* ascending, different, finite */
    const double *weights; /* > 0: how many values of the column each stands for */
    size_t len;
    double total;  /* sum of the weights */
    bool is_exact; /* the points are the column's values with their counts */
};

/* From `count` finite numbers (sorted in place); each stands for `weight` values. */
struct distribution distribution_make(struct arena *arena, double *numbers, size_t count,
                                      double weight, bool is_exact);

/* At most `most` points (2 at least: the ends stay), each standing for about the same share. */
struct distribution distribution_thin(struct arena *arena, const struct distribution *from,
                                      size_t most);

/* The q-quantile as numpy's default (linear between order statistics, Hyndman and Fan's type 7),
 * weights counted as repetitions. NaN if empty. */
double distribution_quantile(const struct distribution *from, double q);

/* Share of values <= x; F, right-continuous. */
double distribution_share(const struct distribution *from, double x);

double distribution_mean(const struct distribution *from);
double distribution_sd(const struct distribution *from, bool is_population);
