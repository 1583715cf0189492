/* Inside model/sampler. */
#pragma once

#include "mlops/model/sampler.h"

#include "space_private.h"

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
