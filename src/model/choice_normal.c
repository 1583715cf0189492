#include <math.h>

#include "choice_private.h"

#define SQRT_HALF 0.7071067811865476
#define PI 3.141592653589793
#define BOUND_NORMAL 1.959963984540054

enum { SERIES_MOST = 200, STEPS = 4000, HALVINGS = 200 };

static double normal_cdf(double z)
{
    return 0.5 * erfc(-z * SQRT_HALF);
}

/* P(-t < T < t) for whole degrees of freedom, a finite series: Abramowitz and Stegun 26.7.3 (odd)
 * and 26.7.4 (even). */
static double student_within(double t, int64_t freedom)
{
    double angle = atan(t / sqrt((double)freedom));
    double square = cos(angle) * cos(angle);
    bool is_odd = freedom % 2 == 1;
    double term = is_odd ? cos(angle) : 1, sum = freedom > 1 ? term : 0;
    for (int64_t i = is_odd ? 3 : 2; i <= freedom - 2; i += 2) {
        term *= square * (double)(i - 1) / (double)i;
        sum += term;
    }
    return is_odd ? (angle + sin(angle) * sum) * 2 / PI : sin(angle) * sum;
}

/* By bisection of the series; for many degrees of freedom the expansion 26.7.5 is exact to 1e-9. */
double student_bound(int64_t freedom)
{
    double z = BOUND_NORMAL, n = (double)freedom, low = z, high = 13;
    if (freedom < 1)
        return nan("");
    if (freedom > SERIES_MOST)
        return z + (z * z * z + z) / (4 * n) +
               (5 * pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * n * n) +
               (3 * pow(z, 7) + 19 * pow(z, 5) + 17 * z * z * z - 15 * z) / (384 * n * n * n);
    for (int i = 0; i < HALVINGS && high - low > 1e-14 * high; i++) {
        double middle = low + (high - low) / 2;
        if (student_within(middle, freedom) < 0.95)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

/* E = integral over z > 0 of 1 - P(all below z) - P(all below -z), which is
 * 1 - F(z)^k - (1 - F(z))^k; by Simpson's rule to z = 12. */
double normal_maximum(int64_t count)
{
    double step = 12.0 / STEPS, sum = 0;
    if (count < 2)
        return 0;
    for (int i = 0; i <= STEPS; i++) {
        double above = normal_cdf(-i * step); /* 1 - F(z) */
        double value = -expm1((double)count * log1p(-above)) - pow(above, (double)count);
        bool is_end = i == 0 || i == STEPS;
        sum += value * (is_end ? 1 : i % 2 ? 4 : 2);
    }
    return sum * step / 3;
}
