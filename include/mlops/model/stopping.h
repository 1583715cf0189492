/* Whether a running trial is hopeless: pure rules over what trials have reported step by step.
 * Sources: Golovin et al., "Google Vizier", KDD 2017, 3.2.2 (median rule); Li et al., "A System for
 * Massively Parallel Hyperparameter Tuning", 2020 (ASHA, the stopping variant). */
#pragma once

#include "mlops/model/sweep.h"

struct trial_report {
    int64_t trial; /* number */
    int64_t step;
    double value; /* NaN counts as worst */
};

/* `reports`: of all trials of the sweep, by trial, then step. *ret_stop: trial `number` should end
 * now; *ret_why: in words ("at step 9 0.61, the median of 7 trials is 0.74"), else empty. */
void stopping_judge(struct arena *arena, const struct sweep *sweep, int64_t number,
                    const struct trial_report *reports, size_t count, bool *ret_stop,
                    struct str *ret_why);
