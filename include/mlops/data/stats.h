/* Tail probabilities of the tests that drift is judged by. Undefined arguments give NaN. */
#pragma once

#include "mlops/base/str.h"

struct arena;

/* Pairwise sum: the rounding error grows with the logarithm of the count. */
double stats_sum(const double *at, size_t count);

/* P(Z > z) of the standard normal. */
double stats_normal_sf(double z);

/* The z with P(Z > z) = p, the t with P(T > t) = p: by bisection of the tails above, down to
 * neighbouring numbers. Infinite at 0 and 1. */
double stats_normal_isf(double p);
double stats_student_isf(double p, double df);

/* P(X <= k) of n tosses of a fair coin: a sum of terms that shrink, the first by logarithms. */
double stats_coin_cdf(uint64_t k, uint64_t n);

/* P(X > x) of chi-squared with `df` degrees of freedom: the regularised upper incomplete gamma
 * function (series, continued fraction; Numerical Recipes 6.2). */
double stats_chi2_sf(double x, double df);

/* P(T > t), t >= 0, of Student's t: the regularised incomplete beta function (continued fraction,
 * modified Lentz). */
double stats_student_sf(double t, double df);

/* P(K > x) of Kolmogorov's limit distribution, 2 sum (-1)^(k-1) exp(-2 k^2 x^2). */
double stats_kolmogorov_limit_sf(double x);

/* P(D_n >= d) of the two-sided one-sample statistic: exact by Durbin's matrix (Marsaglia, Tsang,
 * Wang 2003), by Smirnov's sum in the tail, else the approximation of Pelz and Good (1976); chosen
 * as Simard and L'Ecuyer (2011) do. NaN if n < 1. */
double stats_kolmogorov_sf(struct arena *scratch, uint64_t n, double d);

/* P(D_{n,m} >= d) of the two-sided two-sample statistic, exactly: all orders of n + m values are
 * equally likely (Hodges 1957; the recursion for 1 - p of Viehmann 2021). Takes n * m steps at
 * most; n, m >= 1. */
double stats_kolmogorov_pair_sf(struct arena *scratch, uint64_t n, uint64_t m, double d);

/* P(U >= u) of the Mann-Whitney statistic without ties, exactly; n is the smaller sample and at
 * most 8 or so: n * m numbers in `scratch`. */
double stats_mann_whitney_sf(struct arena *scratch, uint64_t n, uint64_t m, double u);
