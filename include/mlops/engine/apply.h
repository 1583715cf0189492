/* `mlops apply RUN`: what an experiment was made from and what it made comes into the work tree, so
 * that a run afterwards executes nothing. Never git's index, HEAD, branches or stash. */
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
    APPLY_OUTPUT, /* restored from the store: an output, or data that a pointer tracks */
};
struct apply_change {
    enum apply_kind kind;
    struct str path;
    bool is_unsaved; /* replaces what neither git nor the store holds */
    struct str what; /* "train.lr 0.1 -> 0.02" of a file of parameters that is edited; else empty */
};
VEC(apply_change_vec, struct apply_change);

struct apply_report {
    struct apply_change_vec changes; /* by path */
    struct str_vec left;             /* outputs that are not cached, so that they are not known */
    struct str commit; /* the run's, if the work tree's HEAD is another: files that the
                          pipeline does not name stay as they are */
    bool is_refused;   /* unsaved changes are in the way: nothing was done */
    int displaced;
    struct str displaced_to; /* folder relative to .mlops */
    struct run_report run;   /* that wrote the lock file: nothing executed; run NULL: dry, params */
};

/* On a session without a pipeline (session_open_data). What is gone (code, data or results that gc
 * removed) is told as an ERROR_ANSWER before anything changes. After a kill the files are those of
 * before, or the next command completes them; 'mlops run' then restores the outputs. */
FALLIBLE apply_run(struct session *session, const struct run *run,
                   const struct apply_options *options, struct apply_report *ret);
