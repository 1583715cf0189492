/* One trial in its process: makes the work directory, goes in, runs the pipeline there, records the
 * run (parent, name, code of the sweep) and what the trial came to. */
#pragma once

#include "mlops/engine/run.h"
#include "mlops/engine/work_dir.h"
#include "mlops/store/sweeps.h"

struct trial_options {
    struct str sweep; /* ULID */
    int64_t number;
    int64_t jobs;
    struct str slots; /* absolute path of the driver's budget file; see budget_share */
    enum isolation isolation;
    bool allows_shared, keeps_work, force, no_restore;
    struct str version;
};
FALLIBLE trial_run(struct arena *arena, struct str cwd, const struct trial_options *options,
                   const struct observer *observer, struct run_report *ret);
