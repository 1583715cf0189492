/* Inside model/sampler: points of the space and where they come from. A point has a coordinate for
 * each dimension: the index of the value where there is a finite number of them, else the value. */
#pragma once

#include "mlops/model/sampler.h"

#include "sweep_private.h"

/* A stream of random numbers that nothing but its key decides: SplitMix64 (Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", 2014), started at a hash of what it is for. */
struct draws {
    uint64_t state;
};

enum draws_purpose { DRAWS_POINT, DRAWS_ORDER, DRAWS_CANDIDATES };

/* Of one trial's one dimension (or other part), for one purpose and attempt. */
struct draws draws_begin(uint64_t seed, enum draws_purpose purpose, uint64_t combination,
                         uint64_t part, uint64_t attempt);
double draws_uniform(struct draws *draws); /* [0, 1) */
double draws_normal(struct draws *draws);  /* Box and Muller */

/* What tells a dimension from the others, whatever their order: a hash of its key. */
uint64_t dimension_part(const struct sweep *sweep, size_t index);

/* How many points the space has; 0: a continuum, or more than doubles count exactly. */
double space_count(const struct sweep *sweep);

/* The point of the grid with that number, the first dimension slowest. */
void space_point(const struct sweep *sweep, double index, double *ret);

/* The random point of a combination. Points of a finite space are drawn without putting back: each
 * comes once before any comes again. */
void space_draw(struct arena *scratch, const struct sweep *sweep, int64_t combination, double *ret);

/* One draw, whatever was drawn before. */
void space_draw_once(const struct sweep *sweep, int64_t combination, uint64_t attempt, double *ret);

/* The number of combinations, without repeats and rounds; 0: endless. */
double combinations_count(const struct sweep *sweep);

int64_t repeat_of(const struct sweep *sweep);

/* Mean score of a combination's trials so that less is better; infinite: none has a score. False
 * if one of them is not done (its number in *ret_waits). `by_number`: NULL where there is none. */
bool combination_loss(const struct sweep *sweep, const struct trial_past *const *by_number,
                      int64_t combination, double *ret, int64_t *ret_waits);

/* Rounds of halving: how many, how many combinations each has, its budget. */
struct rounds {
    int count;
    int64_t sizes[64], budgets[64];
};
FALLIBLE rounds_plan(const struct sweep *sweep, struct rounds *ret);
void rounds_shape(const struct sweep *sweep, int64_t first, struct rounds *ret);

/* Which combination of the first round a trial's combination goes on with. */
bool rounds_origin(struct arena *scratch, const struct sweep *sweep, const struct rounds *rounds,
                   const struct trial_past *const *by_number, int64_t combination,
                   int64_t *ret_origin, int64_t *ret_round, int64_t *ret_waits);

/* TPE's point; false: *ret_waits has to be done first. */
bool tpe_point(struct arena *scratch, const struct sweep *sweep,
               const struct trial_past *const *by_number, int64_t combination, double *ret,
               int64_t *ret_waits);

/* An earlier combination as TPE sees it. */
struct parzen_member {
    double *point;
    double loss;
    int64_t combination;
    bool is_good;
};

/* The density of one group of them, by their order; what it is made of is told in its file. */
struct parzen;
struct parzen *parzen_make(struct arena *arena, const struct sweep *sweep,
                           const struct parzen_member *members, size_t count, bool is_good);
void parzen_draw(const struct parzen *parzen, struct draws *draws, double *ret);

/* Logarithm of the density (mass, where values are finite in number) at a point. */
double parzen_log(const struct parzen *parzen, const double *point);
