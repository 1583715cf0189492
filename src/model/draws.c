/* Random numbers that nothing but their key decides. */
#include <math.h>

#include "draws_private.h"

#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)
#define TWO_PI 6.283185307179586

uint64_t draws_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static uint64_t absorb(uint64_t state, uint64_t value)
{
    return draws_mix(draws_mix(state + GOLDEN) ^ draws_mix(value * GOLDEN + 1));
}

struct draws draws_begin(uint64_t seed, enum draws_purpose purpose, uint64_t combination,
                         uint64_t part, uint64_t attempt)
{
    uint64_t state = absorb(seed, (uint64_t)purpose);
    state = absorb(state, combination);
    return (struct draws){absorb(absorb(state, part), attempt)};
}

static uint64_t draws_next(struct draws *draws)
{
    draws->state += GOLDEN;
    return draws_mix(draws->state);
}

double draws_uniform(struct draws *draws)
{
    return ldexp((double)(draws_next(draws) >> 11), -53);
}

double draws_normal(struct draws *draws)
{
    double radius = sqrt(-2 * log1p(-draws_uniform(draws)));
    return radius * cos(TWO_PI * draws_uniform(draws));
}
