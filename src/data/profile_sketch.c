#include <math.h>

#include "profile_private.h"

/* x + sum over k >= 1 of x^(2^k) 2^(k-1) */
static double sigma(double x)
{
    if (x >= 1)
        return HUGE_VAL;
    double sum = x, before = 0;
    for (double factor = 1; sum > before; factor *= 2) {
        x *= x;
        before = sum;
        sum += x * factor;
    }
    return sum;
}

/* (1 - x - sum over k >= 1 of (1 - x^(2^-k))^2 2^-k) / 3 */
static double tau(double x)
{
    if (x <= 0 || x >= 1)
        return 0;
    double sum = 1 - x, before = HUGE_VAL;
    for (double factor = 0.5; sum < before; factor /= 2) {
        x = sqrt(x);
        before = sum;
        sum -= (1 - x) * (1 - x) * factor;
    }
    return sum / 3;
}

double sketch_estimate(const uint8_t *registers, unsigned bits)
{
    size_t counts[66] = {0};
    unsigned rank_most = 64 - bits;
    double count = (double)(1u << bits);
    for (size_t i = 0; i < 1u << bits; i++)
        counts[registers[i]]++;
    double sum = count * tau(1 - (double)counts[rank_most + 1] / count);
    for (unsigned rank = rank_most; rank >= 1; rank--)
        sum = (sum + (double)counts[rank]) / 2;
    sum += count * sigma((double)counts[0] / count);
    return count * count / (2 * log(2) * sum);
}
