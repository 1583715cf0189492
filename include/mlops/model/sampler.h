/* Which values a trial of a sweep takes: pure functions of the sweep, the trial's number and what
 * earlier trials came to. The same sweep with the same seed gives the same trials, whatever ran
 * side by side (TPE: see sweep.lag; halving: rounds). Sources: Bergstra et al., "Algorithms for
 * Hyper-Parameter Optimization", 2011, and "Making a Science of Model Search", 2013 (TPE); Jamieson
 * and Talwalkar, 2016 (successive halving). */
#pragma once

#include "mlops/model/sweep.h"

/* What an earlier trial came to. */
struct trial_past {
    int64_t number; /* from 0 */
    const struct override_vec *overrides;
    bool has_score, is_done; /* done without a score: failed, or the metric was not there */
    double score;
};

/* How many trials there will be: grid x repeats, listed x repeats, trials_most; 0: there is no end
 * but trials_most or time. An overflow or more than LIMIT_SWEEP_TRIALS is an error that says how
 * many there would be. */
FALLIBLE sampler_count(const struct sweep *sweep, int64_t *ret);

/* How many trials may run side by side: a proposal waits for those before; 0: any number. */
int64_t sampler_width(const struct sweep *sweep);

/* Everything that trial `number` changes: fixed, dimensions, seed of the repeat, budget of its
 * round, sorted by file and key. `past`: all trials before it that exist, by number. *ret_waits:
 * the number of a trial that has to be done first (TPE's lag, a round of halving), or -1. */
FALLIBLE sampler_propose(struct arena *arena, const struct sweep *sweep, int64_t number,
                         const struct trial_past *past, size_t past_count, struct override_vec *ret,
                         int64_t *ret_waits);

/* Which combination and repeat a number is (combination of a grid, list, random draw). */
void sampler_split(const struct sweep *sweep, int64_t number, int64_t *ret_combination,
                   int64_t *ret_repeat);
