/* Distances of two histograms over the same bins. */
#include "mlops/base/arena.h"
#include "mlops/data/stats.h"

#include <math.h>

#include "drift_private.h"

double drift_psi(const double *p, const double *q, size_t k)
{
    AUTO(arena_drop) struct arena scratch = {0};
    double *terms = arena_new_array(&scratch, double, k);
    for (size_t i = 0; i < k; i++)
        terms[i] = (p[i] - q[i]) * log(p[i] / q[i]);
    return stats_sum(terms, k);
}

double drift_psi_floored(struct arena *scratch, const struct share_pair *shares, double floor)
{
    double *p = arena_new_array(scratch, double, shares->len);
    double *q = arena_new_array(scratch, double, shares->len);
    for (size_t i = 0; i < shares->len; i++) {
        p[i] = fmax(shares->p[i], floor);
        q[i] = fmax(shares->q[i], floor);
    }
    return drift_psi(p, q, shares->len);
}

/* Zeros become 1e-4, or a millionth of the least share where that is no larger than 1e-4. */
static double *fill_zeros(struct arena *scratch, const double *shares, size_t len)
{
    double *filled = arena_new_array(scratch, double, len);
    double least = (double)INFINITY;
    for (size_t i = 0; i < len; i++)
        least = shares[i] > 0 ? fmin(least, shares[i]) : least;
    for (size_t i = 0; i < len; i++)
        filled[i] = shares[i] > 0 ? shares[i] : least <= 1e-4 ? least / 1e6 : 1e-4;
    return filled;
}

double drift_psi_evidently(struct arena *scratch, const struct share_pair *shares)
{
    return drift_psi(fill_zeros(scratch, shares->p, shares->len),
                     fill_zeros(scratch, shares->q, shares->len), shares->len);
}

/* p ln(p / m), summed: half of the divergence. */
static double relative_entropy(double *terms, const double *p, const double *q, size_t len)
{
    for (size_t i = 0; i < len; i++)
        terms[i] = p[i] > 0 ? p[i] * log(p[i] / ((p[i] + q[i]) / 2)) : 0;
    return stats_sum(terms, len);
}

double drift_js_nats(struct arena *scratch, const struct share_pair *shares)
{
    double *terms = arena_new_array(scratch, double, shares->len);
    double left = relative_entropy(terms, shares->p, shares->q, shares->len);
    double right = relative_entropy(terms, shares->q, shares->p, shares->len);
    return fmin(fmax((left + right) / 2, 0), log(2));
}

double drift_hellinger(struct arena *scratch, const struct share_pair *shares)
{
    double *terms = arena_new_array(scratch, double, shares->len);
    for (size_t i = 0; i < shares->len; i++)
        terms[i] = sqrt(shares->p[i] * shares->q[i]);
    return sqrt(fmax(1 - stats_sum(terms, shares->len), 0));
}

double drift_tvd(const struct share_pair *shares)
{
    double sum = 0;
    for (size_t i = 0; i < shares->len; i++)
        sum += fabs(shares->p[i] - shares->q[i]);
    return sum / 2;
}
