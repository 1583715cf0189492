/* `mlops apply RUN`: what an experiment was made from and what it made comes into the work tree, so
 * that a run afterwards executes nothing. */
#pragma once

#include "mlops/engine/run.h"
#include "mlops/engine/snapshot.h"
#include "mlops/store/sweeps.h"

struct apply_options {
    bool force; /* unsaved changes move to .mlops/displaced instead of being refused */
    bool dry;
    bool only_params; /* neither code nor outputs */
    struct str version, argv;
};

enum apply_kind {
    APPLY_WRITE,
    APPLY_REMOVE,
    APPLY_OUTPUT, /* restored from the store */
};
struct apply_change {
    enum apply_kind kind;
    struct str path;
    bool is_unsaved; /* replaces what neither git nor the store holds */
    struct str what; /* "train.lr 0.1 -> 0.02" of a file of parameters; else empty */
};

struct apply_report {
    struct apply_change *changes; /* by path */
    size_t count;
    bool is_refused; /* unsaved changes are in the way: nothing was done */
    int displaced;
    struct run_report run; /* of the run that wrote the lock file: nothing executed */
};

FALLIBLE apply_run(struct session *session, const struct run *run,
                   const struct apply_options *options, struct apply_report *ret);
