/* A stream of random numbers that nothing but its key decides: SplitMix64 (Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", 2014), started at a hash of what it is for. */
#pragma once

#include "mlops/base/lang.h"

#include <stdint.h>

struct draws {
    uint64_t state;
};

enum draws_purpose { DRAWS_POINT, DRAWS_ORDER, DRAWS_CANDIDATES, DRAWS_FOREST };

/* Of one trial's one dimension (or other part), for one purpose and attempt. */
struct draws draws_begin(uint64_t seed, enum draws_purpose purpose, uint64_t combination,
                         uint64_t part, uint64_t attempt);
double draws_uniform(struct draws *draws); /* [0, 1) */
double draws_normal(struct draws *draws);  /* Box and Muller */

/* A number's bits stirred: another number, each from one only. */
uint64_t draws_mix(uint64_t x);
