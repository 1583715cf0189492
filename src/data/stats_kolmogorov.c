/* Distributions of the Kolmogorov-Smirnov statistics. */
#include "mlops/base/arena.h"
#include "mlops/data/stats.h"

#include <math.h>

#define SCALE_BITS 128
static const double pi = 3.14159265358979323846;

double stats_kolmogorov_limit_sf(double x)
{
    if (isnan(x))
        return (double)NAN;
    if (x <= 0.04)
        return 1;
    double sum = 0;
    if (x < 1) { /* the same by Jacobi's theta function: both converge within a few terms */
        for (int k = 9; k >= 1; k--)
            sum += exp(-(2 * k - 1) * (2 * k - 1) * pi * pi / (8 * x * x));
        return 1 - sqrt(2 * pi) / x * sum;
    }
    for (int k = 9; k >= 1; k--)
        sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * x * x);
    return sum;
}

/* Beyond this many values the sum takes longer than 0.2 s and its expansion is as good. */
#define SMIRNOV_TERMS_MOST 1000000

/* U. Maag and G. Dicaire 1971; relative error of the order of (n x^2)^3 / n^2. */
static double smirnov_expansion(double n, double x)
{
    double lambda = (6 * n * x + 1) * (6 * n * x + 1) / (18 * n);
    return exp(-lambda) * (1 - (2 * lambda * lambda - 4 * lambda - 1) / (18 * n));
}

/* P(D+_n >= x) by Smirnov's sum, all terms of which are positive. */
static double smirnov_sf(uint64_t n, double x)
{
    if (n > SMIRNOV_TERMS_MOST)
        return smirnov_expansion((double)n, x);
    long double size = (long double)n, binomial = 0, sum = 0;
    uint64_t last = (uint64_t)floorl(size * (1 - (long double)x));
    for (uint64_t j = 0; j <= last; j++) {
        long double share = (long double)j / size, rest = 1 - (long double)x - share;
        if (j)
            binomial += logl((size - (long double)j + 1) / (long double)j);
        if (rest <= 0)
            break;
        sum += expl(binomial + ((long double)j - 1) * logl((long double)x + share) +
                    (size - (long double)j) * logl(rest));
    }
    return (double)(sum * (long double)x);
}

struct matrix {
    double *at;
    size_t side;
    int exponent; /* of two: the values are scaled by it */
};

static void matrix_rescale(struct matrix *matrix, double probe)
{
    if (!(fabs(probe) > ldexp(1, SCALE_BITS)))
        return;
    for (size_t i = 0; i < matrix->side * matrix->side; i++)
        matrix->at[i] = ldexp(matrix->at[i], -SCALE_BITS);
    matrix->exponent += SCALE_BITS;
}

/* *a = *a * *b, by way of `room`. */
static void matrix_multiply(struct matrix *a, const struct matrix *b, double *room)
{
    size_t side = a->side;
    for (size_t i = 0; i < side; i++) {
        for (size_t j = 0; j < side; j++) {
            double sum = 0;
            for (size_t k = 0; k < side; k++)
                sum += a->at[i * side + k] * b->at[k * side + j];
            room[i * side + j] = sum;
        }
    }
    memcpy(a->at, room, side * side * sizeof *room);
    a->exponent += b->exponent;
}

/* Durbin's matrix H for d = (k - h) / n. */
static struct matrix durbin_matrix(struct arena *scratch, size_t side, double h)
{
    struct matrix matrix = {arena_new_array(scratch, double, side *side), side, 0};
    double factor = 1; /* 1 / (i - 1)! */
    for (size_t i = 1; i <= side; i++) {
        for (size_t j = 1; j + i <= side + 1; j++)
            if (j + i < side + 1 && j < side)
                matrix.at[(j + i - 2) * side + j] = factor;
        factor /= (double)i;
        double first = (1 - pow(h, (double)i)) * factor;
        if (i == side)
            first = (1 - 2 * pow(h, (double)side) + pow(fmax(2 * h - 1, 0), (double)side)) * factor;
        matrix.at[(i - 1) * side] = first;
        matrix.at[(side - 1) * side + (side - i)] = first;
    }
    return matrix;
}

static double durbin_finish(double p, int exponent, uint64_t n)
{
    for (uint64_t i = 1; i <= n && p != 0; i++) { /* n! / n^n */
        p = p * (double)i / (double)n;
        if (fabs(p) < ldexp(1, -SCALE_BITS)) {
            p = ldexp(p, SCALE_BITS);
            exponent -= SCALE_BITS;
        }
    }
    return ldexp(p, exponent);
}

/* P(D_n < d). */
static double durbin_cdf(struct arena *scratch, uint64_t n, double d)
{
    double reach = (double)n * d;
    if (reach <= 0.5)
        return 0;
    size_t k = (size_t)ceil(reach), side = 2 * k - 1, middle = (k - 1) * side + k - 1;
    struct matrix base = durbin_matrix(scratch, side, (double)k - reach);
    struct matrix power = {arena_new_array(scratch, double, side *side), side, 0};
    struct matrix other = {arena_new_array(scratch, double, side *side), side, 0};
    double *room = arena_new_array(scratch, double, side *side);
    for (size_t i = 0; i < side; i++)
        power.at[i * side + i] = 1;
    for (uint64_t left = n; left; left /= 2) {
        if (left % 2)
            matrix_multiply(&power, &base, room);
        matrix_rescale(&power, power.at[middle]);
        memcpy(other.at, base.at, side * side * sizeof *room);
        other.exponent = base.exponent;
        matrix_multiply(&base, &other, room);
        matrix_rescale(&base, base.at[middle]);
    }
    return durbin_finish(power.at[middle], power.exponent, n);
}

/* The four sums over odd integers, by Horner's scheme. */
static void pelz_good_odd(double z, double sums[4])
{
    double z2 = z * z, z4 = z2 * z2, z6 = z4 * z2, p2 = pi * pi, p4 = p2 * p2;
    double q = exp(-p2 / 8 / z2);
    for (int k = (int)ceil(16 * z / pi); k > 0; k--) {
        double m2 = (2.0 * k - 1) * (2.0 * k - 1), m4 = m2 * m2;
        double terms[4] = {
            1,
            -z2 + p2 / 4 * m2,
            6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * p2 / 4 * m2 + p4 * (1 - 2 * z2) / 16 * m4,
            -30 * z6 - 90 * z4 * z4 + p2 * (135 * z4 - 96 * z6) / 4 * m2 +
                p4 * (-60 * z2 + 212 * z4) / 16 * m4 + p4 * p2 * (5 - 30 * z2) / 64 * m4 * m2,
        };
        double power = pow(q, 8.0 * k);
        for (int i = 0; i < 4; i++)
            sums[i] = sums[i] * power + terms[i];
    }
    const double divisors[4] = {z, 6 * z4, 72 * z6 * z, 6480 * z6 * z4};
    for (int i = 0; i < 4; i++)
        sums[i] *= q * sqrt(2 * pi) / divisors[i];
}

static double pelz_good_cdf(double n, double d)
{
    double z = sqrt(n) * d, z2 = z * z, p2 = pi * pi, sums[4] = {0}, second = 0, third = 0;
    if (-p2 / 8 / z2 < -708)
        return 0;
    pelz_good_odd(z, sums);
    double q = exp(-p2 / 2 / z2);
    for (int k = (int)ceil(16 * z / pi); k > 0; k--) {
        double power = pow(q, (double)k * k);
        second += (double)k * k * power;
        third += (sqrt(3) * z + pi * k) * (sqrt(3) * z - pi * k) * ((double)k * k) * power;
    }
    sums[2] += second * p2 * sqrt(2 * pi) / (-36 * z2 * z);
    sums[3] += third * p2 * sqrt(2 * pi) / (216 * z2 * z2 * z2);
    return sums[0] + sums[1] / sqrt(n) + sums[2] / n + sums[3] / (n * sqrt(n));
}

static double clip(double p)
{
    return p < 0 ? 0 : p > 1 ? 1 : p;
}

double stats_kolmogorov_sf(struct arena *scratch, uint64_t n, double d)
{
    double size = (double)n, reach = size * d, square = reach * d;
    if (n < 1 || isnan(d))
        return (double)NAN;
    if (d >= 1)
        return 0;
    if (reach <= 0.5)
        return 1;
    if (reach >= size - 1)
        return clip(2 * pow(1 - d, size));
    if (square >= 370)
        return 0;
    if (d >= 0.5 || square >= (n <= 140 ? 4 : 2.2))
        return clip(2 * smirnov_sf(n, d));
    if (n <= 140 || reach <= 1 || (n <= 100000 && size * pow(d, 1.5) <= 1.4))
        return clip(1 - durbin_cdf(scratch, n, d));
    return clip(1 - pelz_good_cdf(size, d));
}

/* n = m: P = 2 A0 (1 - A1 (1 - A2 (...))), all factors below one. */
static double square_outside(uint64_t n, uint64_t h)
{
    double p = 0;
    for (uint64_t k = n / h + 1; k-- > 0;) {
        double product = 1;
        for (uint64_t j = 0; j < h; j++)
            product =
                ((double)n - (double)(k * h) - (double)j) * product / (double)(n + k * h + j + 1);
        p = product * (1 - p);
    }
    return 2 * p;
}

static int64_t ceil_divide(int64_t a, int64_t b)
{
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

/* The share of paths from (0, 0) to (m, n), n <= m, that leave |x/m - y/n| < h / lcm. A window of
 * one column of the lattice slides along the diagonal. `inverses` holds 1 / i, twice as fast as to
 * divide. */
static double paths_outside(double *window, const double *inverses, int64_t m, int64_t n,
                            int64_t divisor, int64_t h)
{
    int64_t wide = m / divisor, high = n / divisor;
    int64_t from = 0, to = MIN_OF(ceil_divide(h, wide), n + 1);
    for (int64_t j = 0; j <= n; j++)
        window[j] = j < to ? 0 : 1;
    for (int64_t i = 1; i <= m; i++) {
        int64_t old_from = from, old_len = to - from;
        from = MIN_OF(MAX_OF(-ceil_divide(h - high * i, wide) + 1, 0), n);
        to = MIN_OF(ceil_divide(high * i + h, wide), n + 1);
        if (to <= from)
            return 1;
        double value = from == 0 ? 0 : 1;
        for (int64_t j = from; j < to; j++) {
            value = (window[j - old_from] * (double)i + value * (double)j) * inverses[i + j];
            window[j - from] = value;
        }
        for (int64_t j = to - from; j < old_len; j++)
            window[j] = 1;
    }
    return window[to - from - 1];
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

double stats_kolmogorov_pair_sf(struct arena *scratch, uint64_t n, uint64_t m, double d)
{
    if (n < 1 || m < 1 || isnan(d))
        return (double)NAN;
    uint64_t divisor = common_divisor(n, m), large = MAX_OF(n, m), small = MIN_OF(n, m);
    int64_t h = llrint(d * (double)(n / divisor) * (double)m);
    if (h <= 0)
        return 1;
    if (n == m)
        return square_outside(n, (uint64_t)h);
    double *window = arena_new_array(scratch, double, small + 2);
    double *inverses = arena_new_array(scratch, double, n + m + 1);
    for (uint64_t i = 1; i <= n + m; i++)
        inverses[i] = 1 / (double)i;
    return paths_outside(window, inverses, (int64_t)large, (int64_t)small, (int64_t)divisor, h);
}
