/* A run as the ledger holds it, and the state a project was in: plain values. */
#pragma once

#include "mlops/model/environment.h"
#include "mlops/model/outcome.h"

enum run_status {
    RUN_RUNNING,
    RUN_SUCCEEDED,
    RUN_FAILED,
    RUN_REJECTED,
    RUN_UNCONFIRMED,
    RUN_INTERRUPTED,
    RUN_CRASHED, /* found running without a process: mlops itself was killed */
};

const char *run_status_name(enum run_status status);
bool run_status_parse(struct str name, enum run_status *ret);

/* Code of the project at the time of a run. */
struct code_state {
    struct str commit;   /* 40 hex, empty: no repository or no commit yet */
    struct str branch;   /* empty: detached */
    struct str remote;   /* URL of origin, without credentials */
    int is_dirty;        /* 1 yes, 0 no, -1 not examined (nothing was executed) */
    struct digest patch; /* object holding the diff of a dirty tree; zero: none */
};

struct run_counts {
    int stages, executed, restored, unchanged, failed, rejected, unconfirmed, skipped, interrupted;
    int64_t hashed_files, hashed_bytes;
    int measured_tables; /* read by built-in checks in this run; not in the ledger; -1: not known */
};

/* One stage of the state after a run: what the project's outputs came from. */
struct state_entry {
    struct str stage;
    struct digest key;
    struct digest result; /* zero: failed or never made */
};

/* The state: entries sorted by stage. Content-addressed, so an unchanged one is stored once. */
struct state {
    struct state_entry *entries;
    size_t count;
};

void state_encode(const struct state *state, struct buf *out);

/* Text borrows from `bytes`; ERROR_STORED if they differ in any way from what state_encode writes.
 */
FALLIBLE state_decode(struct arena *arena, struct str bytes, struct state *ret);

/* A stage of a run that was visited beyond "unchanged". */
struct run_stage {
    struct str stage;
    enum stage_status status;
    struct digest key, result;
    struct reason_vec reasons;
    struct usage usage;
    struct str note;     /* blocker or cause */
    struct str log_path; /* a file, or empty: the text is in the ledger */
    int64_t log_bytes;
    int64_t row_id; /* of the ledger, 0 when made in memory */
};

VEC(run_stage_vec, struct run_stage);
VEC(check_results_vec, struct check_results);

struct run {
    int64_t sequence;  /* the order of runs; never the clock */
    struct str id;     /* ULID */
    struct str parent; /* of an experiment, or empty */
    struct str name;
    struct str sweep; /* ULID of the sweep it is a trial of, or empty */
    int64_t trial;    /* its number there, from 0 */
    enum run_status status;
    struct str pipeline; /* path */
    struct digest pipeline_digest, lock_digest, state;
    int64_t started_ns, duration_ns; /* realtime start; monotonic duration */
    struct str host, user, version, argv;
    struct code_state code;
    struct run_counts counts;
    int64_t saved_ns;
    struct run_stage_vec stages;
    struct check_results_vec checks; /* by stage */
    struct str_vec tags;
};

/* Everything `diff`, `show`, `metrics` and `params` need of one side: a run, the workspace or a git
 * revision, with its results loaded. */
struct run_view {
    struct str title; /* "run 7Q4XM2VD", "workspace", "HEAD~1 (3fa1c2d)" */
    struct run *run;  /* NULL: workspace or a lock without a run */
    bool is_workspace;
    struct code_state code;
    struct run_view_stage {
        struct str stage;
        struct digest key;
        struct recipe *recipe;             /* NULL: not known */
        struct recipe_param_vec templates; /* values that `${...}` took; none: not known */
        struct artifact *outs;
        size_t out_count;
        struct metric_vec metrics;
        int64_t duration_ns;
        struct usage usage; /* of the execution that made it; attempts 0: not known */
        const struct environment *environment; /* it was made with; NULL: not known. Of a stage of
                                                * the workspace that keys it: would run with */
        const struct environment *environment_now; /* workspace: it would run with */
        enum stage_status status; /* workspace: STATUS_WOULD_RUN if its inputs are others than those
                                   * its outputs were made from; else STATUS_UNCHANGED */
    } * stages;                   /* sorted by name */
    size_t stage_count;
    bool knows_data;       /* what pointers track; runs don't say */
    struct artifact *data; /* what each tracked path holds there */
    size_t data_count;
};
