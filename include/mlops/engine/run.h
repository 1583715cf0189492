/* Running a plan: the only function that knows the order of the arrows. Per ready stage:
 * fingerprint, lookup, then restore or run and capture, record. The same loop, dry, is the plan. */
#pragma once

#include "mlops/engine/lookup.h"
#include "mlops/model/run.h"

struct run_options {
    bool dry;        /* plan, status, why: nothing is made, written or started */
    bool keep_going; /* after a failure, what does not depend on it goes on */
    bool force;      /* run the selected stages whatever is known */
    bool no_restore;
    bool minimal;          /* restore only targets and inputs of stages that execute */
    bool only_known;       /* nothing executes: stages without a known result are skipped, which
                              is no failure; what always runs counts as known by its results */
    bool is_private;       /* no later run takes the results */
    bool force_downstream; /* run what uses a stage that ran or was restored */
    bool lazy_inputs; /* tracked inputs that are not there count as what their pointers say, and
                         are put in place only for stages that execute */
    const struct map *lost; /* names of stages. Given: what is known of all others may lie in a
                               remote and counts as restorable (dry, or put off by `minimal`) */
    bool takes_missing;     /* dry: an input that is not there is a reason, no error */
    bool explain;           /* reasons also for what follows from others; always on in dry runs */
    bool no_dvc_lock;       /* results that dvc.lock records are not taken over */
    int64_t jobs;           /* 0: the setting, else cpus (1 in the dvc dialect) */
    struct str argv;        /* for the record */
    struct str version;
    bool one_by_one;  /* never two stages of this run at once, whatever `jobs` (others) is */
    struct str slots; /* file of the budget that is shared with others, or empty: budget_share */
    /* Of an experiment: */
    struct str id;                 /* ULID of the run; empty: a new one */
    struct str parent, name;       /* of the record */
    struct str sweep;              /* ULID, of a trial */
    int64_t trial;                 /* its number */
    const struct code_state *code; /* known beforehand; NULL: examined */
};

struct run_report {
    struct run *run;
    struct outcome *outcomes; /* parallel to the pipeline's stages; WAITING: not selected */
    size_t count;
    int exit_status;         /* 0, 1, 3 (a stage's metrics file is no document), 128 + n */
    int64_t side_by_side_ns; /* one job by default where stages could have run at once: what
                                `side_by_side_jobs` jobs would have taken; 0: not known */
    int64_t side_by_side_jobs;
    int displaced; /* hand-edited files moved to .mlops/displaced/RUN */
    struct worktree_counts work;
};

/* Errors mean: could not find out or could not record. A failed stage is an outcome. */
FALLIBLE run_plan(struct session *session, const struct run_options *options,
                  struct run_report *ret);

/* Cached outputs are not git's: they go into the .gitignore beside them. */
FALLIBLE run_ignore_outputs(struct session *session, const struct stage *stage);

/* `mlops accept`: an unconfirmed stage's outputs count as made from the inputs it was fingerprinted
 * with. */
FALLIBLE run_accept(struct session *session, const struct stage *stage, struct str version,
                    struct run_report *ret);
