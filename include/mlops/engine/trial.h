/* One trial in its process: makes the work directory, goes in, runs the pipeline there, records the
 * run (parent, name, code of the sweep) and what the trial came to. */
#pragma once

#include "mlops/engine/run.h"
#include "mlops/engine/steps.h"
#include "mlops/engine/work_dir.h"
#include "mlops/store/sweeps.h"

/* What the note of a trial that diverged ends in: the metric is there, and is the worst. */
#define TRIAL_DIVERGED "' is NaN"

struct trial_options {
    struct str sweep; /* ULID */
    int64_t number;
    int64_t parent;  /* process whose end ends this one; 0: none */
    const int *held; /* what the driver left open for this process: nothing for its stages */
    size_t held_count;
    enum isolation isolation;
    bool allows_shared, keeps_work;
    bool side_by_side; /* stages of a dvc.yaml, too; else they run one by one, as in a run */
    struct plan_choice choice;
    int64_t lock_timeout_ns; /* < 0: the setting */
    struct run_options run;  /* of it the flags that `mlops run` takes, too, jobs, slots, version */
};

/* A trial in its work directory, ready to run. Stays where it is: what is opened points into it. */
struct trial_work {
    struct arena *arena;
    struct trial_options options;
    struct work_dir work_dir;
    struct session session; /* in it */
    struct sweep_row row;
    struct trial trial;
    struct steps steps;
    const struct observer *inner;
    struct observer observer; /* reads steps, tells them and all else to the inner one */
};

/* From the project at `cwd` into the work directory; the process stays there. */
FALLIBLE trial_open(struct arena *arena, struct str cwd, const struct trial_options *options,
                    const struct observer *observer, struct trial_work *ret);

/* Runs it and saves what it came to, unless it was interrupted: what that means its driver knows.
 */
FALLIBLE trial_run(struct trial_work *work, struct run_report *ret);
void trial_drop(struct trial_work *work);

/* Name of its work directory, and of its run: "8QK2M1VD-12", where trials count from 1. */
struct str trial_folder(struct arena *arena, const struct sweep_row *row, int64_t number);
struct str trial_name(struct arena *arena, const struct sweep_row *row, int64_t number);
