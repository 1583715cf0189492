/* Shared by the files of module sweeps. */
#pragma once

#include "mlops/host/sql.h"
#include "mlops/store/sweeps.h"

/* Columns of a sweep in the order that sweeps_read_row takes them. */
#define SWEEP_COLUMNS                                                                              \
    "sweep.id, sweep.ulid, sweep.spec, sweep.status, sweep.single, sweep.parent, "                 \
    "sweep.snapshot, sweep.commit_id, sweep.branch, sweep.remote, sweep.dirty, sweep.patch, "      \
    "sweep.argv, sweep.created_ns, sweep.spent_ns"
FALLIBLE sweeps_read_row(struct ledger *ledger, struct arena *arena, struct sql_row *row,
                         struct sweep_row *ret);

/* The same for trials. */
#define TRIAL_COLUMNS                                                                              \
    "trial.number, trial.status, trial.overrides, trial.run, trial.score, trial.note, "            \
    "trial.isolation, trial.started_ns, trial.duration_ns, trial.attempts"
FALLIBLE sweeps_read_trial(struct arena *arena, struct sql_row *row, struct trial *ret);

/* Overrides as the JSON of their column, and back. */
struct str overrides_print(struct arena *arena, const struct override_vec *overrides);
FALLIBLE overrides_parse(struct arena *arena, struct str json, struct override_vec *ret);

/* Text that may be absent: NULL for "". */
static inline struct str optional(struct str text)
{
    return text.len ? text : (struct str){0};
}

static inline struct str required(struct str text)
{
    return text.at ? text : STR("");
}
