#include "mlops/data/stats.h"

#include "mlops/base/arena.h"

#include <math.h>

#define TERMS_MOST                                                                                 \
    100000 /* of a series; those that converge take about sqrt(degrees of freedom)                 \
            */
#define PAIRWISE_BLOCK 128

static double sum_block(const double *at, size_t count)
{
    double lanes[8] = {0}, sum = 0;
    size_t i = 0;
    if (count >= 8) {
        for (; i + 8 <= count; i += 8)
            for (size_t k = 0; k < 8; k++)
                lanes[k] += at[i + k];
        sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
              ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    }
    for (; i < count; i++)
        sum += at[i];
    return sum;
}

/* Recursion halves `count`: at most 64 levels. */
double stats_sum(const double *at, size_t count)
{
    if (count <= PAIRWISE_BLOCK)
        return sum_block(at, count);
    size_t half = count / 2 - count / 2 % 8;
    return stats_sum(at, half) + stats_sum(at + half, count - half);
}

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

double stats_normal_sf(double z)
{
    return 0.5 * erfc(z / sqrt(2.0));
}

/* The lower function by its series, for x < a + 1. */
static double gamma_series(double a, double x)
{
    double term = 1 / a, sum = term;
    for (int i = 1; i < TERMS_MOST && term > sum * 1e-17; i++) {
        term *= x / (a + i);
        sum += term;
    }
    return sum * exp(a * log(x) - x - log_gamma(a));
}

/* The upper function by its continued fraction, for x >= a + 1. */
static double gamma_fraction(double a, double x)
{
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (int i = 1; i < TERMS_MOST; i++) {
        double step = -i * (i - a);
        b += 2;
        d = step * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + step / c;
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 3e-16)
            break;
    }
    return h * exp(a * log(x) - x - log_gamma(a));
}

double stats_chi2_sf(double x, double df)
{
    if (!(df > 0) || isnan(x))
        return (double)NAN;
    if (x <= 0)
        return 1;
    if (isinf(x))
        return 0;
    return x < df + 2 ? 1 - gamma_series(df / 2, x / 2) : gamma_fraction(df / 2, x / 2);
}

/* One half step of Lentz's method. */
static double lentz(double step, double *c, double *d)
{
    const double tiny = 1e-300;
    *d = 1 + step * *d;
    *d = 1 / (fabs(*d) < tiny ? tiny : *d);
    *c = 1 + step / *c;
    *c = fabs(*c) < tiny ? tiny : *c;
    return *d * *c;
}

static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), h = d;
    for (int m = 1; m < TERMS_MOST; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        h *= lentz(even, &c, &d);
        double last = lentz(odd, &c, &d);
        h *= last;
        if (fabs(last - 1) < 3e-16)
            break;
    }
    return h;
}

/* ln of Gamma(a + b) / (Gamma(a) Gamma(b)): nearly all digits are lost where a is large, so that
 * more of them are wanted. */
static double log_beta_inverse(double a, double b)
{
    int sign;
    return (double)(lgammal_r((long double)a + (long double)b, &sign) -
                    lgammal_r((long double)a, &sign) - lgammal_r((long double)b, &sign));
}

/* ln x, where x = 1 - y. */
static double log_near(double x, double y)
{
    return y < 0.5 ? log1p(-y) : log(x);
}

/* I_x(a, b); `y` is 1 - x, given apart because it may be tiny. */
static double beta_regular(double a, double b, double x, double y)
{
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    double front = exp(log_beta_inverse(a, b) + a * log_near(x, y) + b * log_near(y, x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, y) / b;
}

double stats_student_sf(double t, double df)
{
    if (!(df > 0) || !(t >= 0))
        return (double)NAN;
    double square = t * t;
    if (isinf(square))
        return 0;
    double x = df / (df + square), y = square / (df + square);
    return 0.5 * beta_regular(df / 2, 0.5, x, y);
}

/* Coefficients of the Gaussian binomial up to q^most, divided by (1 - q^i) for i = 1..n, then
 * multiplied by (1 - q^(m+i)): numbers of ways in which U = k. */
static long double *count_ways(struct arena *scratch, uint64_t n, uint64_t m, size_t most)
{
    long double *ways = arena_new_array(scratch, long double, most + 1);
    ways[0] = 1;
    for (uint64_t i = 1; i <= n; i++)
        for (size_t k = i; k <= most; k++)
            ways[k] += ways[k - i];
    for (uint64_t i = 1; i <= n; i++)
        for (size_t k = most; k >= m + i; k--)
            ways[k] -= ways[k - m - i];
    return ways;
}

double stats_mann_whitney_sf(struct arena *scratch, uint64_t n, uint64_t m, double u)
{
    double product = (double)n * (double)m;
    if (n < 1 || m < 1 || !(u >= 0) || u > product)
        return (double)NAN;
    size_t most = (size_t)(product - u); /* U is symmetric: P(U >= u) = P(U <= nm - u) */
    const long double *ways = count_ways(scratch, n, m, most);
    long double sum = 0, all = 1;
    for (size_t k = 0; k <= most; k++)
        sum += ways[k];
    for (uint64_t i = 1; i <= n; i++)
        all = all * (long double)(m + i) / (long double)i;
    return (double)(sum / all);
}
