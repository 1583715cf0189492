/* Quantiles, and the binomial of a fair coin. */
#include "mlops/data/stats.h"

#include <math.h>

#define DF_MOST 1e12 /* beyond it Student's t is the normal */

static double tail(double x, double df)
{
    return df > DF_MOST ? stats_normal_sf(x) : stats_student_sf(x, df);
}

/* Of a tail that falls from 1/2 at 0. */
static double invert(double p, double df)
{
    double low = 0, high = 1;
    if (!(p >= 0 && p <= 1) || !(df > 0))
        return nan("");
    if (p >= 0.5)
        return p == 0.5 ? 0 : -invert(1 - p, df);
    while (isfinite(high) && tail(high, df) > p)
        high *= 2;
    for (;;) {
        double middle = low + (high - low) / 2;
        if (!isfinite(high) || !(middle > low && middle < high))
            return high;
        if (tail(middle, df) > p)
            low = middle;
        else
            high = middle;
    }
}

double stats_normal_isf(double p)
{
    return p == 0 ? HUGE_VAL : p == 1 ? -HUGE_VAL : invert(p, 2 * DF_MOST);
}

double stats_student_isf(double p, double df)
{
    return p == 0 ? HUGE_VAL : p == 1 ? -HUGE_VAL : invert(p, df);
}

static long double log_factorial(uint64_t n)
{
    int sign;
    return lgammal_r((long double)n + 1, &sign);
}

double stats_coin_cdf(uint64_t k, uint64_t n)
{
    if (k >= n)
        return 1;
    if (k > n / 2) /* P(X <= k) = 1 - P(X <= n - k - 1) */
        return 1 - stats_coin_cdf(n - k - 1, n);
    long double term = expl(log_factorial(n) - log_factorial(k) - log_factorial(n - k) -
                            (long double)n * logl(2.0L));
    long double sum = 0;
    for (uint64_t i = k; term > sum * 1e-21L; i--) {
        sum += term;
        if (i == 0)
            break;
        term *= (long double)i / (long double)(n - i + 1);
    }
    return (double)sum;
}
