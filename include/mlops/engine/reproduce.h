/* `mlops reproduce RUN`: the same once more in a fresh directory, without the cache, and whether it
 * came to the same. */
#pragma once

#include "mlops/engine/run.h"
#include "mlops/engine/work_dir.h"
#include "mlops/store/sweeps.h"

enum reproduction {
    REPRODUCED_IDENTICAL, /* every output has the digest it had */
    REPRODUCED_EQUAL,     /* metrics agree within the tolerance */
    REPRODUCED_DIFFERS,
    REPRODUCED_FAILED, /* a stage failed that had not, or could not be tried */
};
const char *reproduction_name(enum reproduction reproduction);

/* Two numbers agree if |after - before| <= absolute + relative * |before|, as numpy.isclose says
 * it. */
struct tolerance {
    double relative, absolute;
};

/* What came of a stage this time. */
struct reproduced_now {
    struct str stage;
    enum stage_status status;
    const struct recipe *recipe; /* NULL: it was not tried */
    const struct artifact *outs;
    size_t out_count;
    struct metric_vec metrics;
    bool persists;    /* an output of it grows from run to run */
    struct str cause; /* why it failed or was skipped */
};

struct reproduced_output {
    struct str path;
    struct digest before, after; /* zero: it is not there */
};
struct reproduced_metric {
    struct str file, key, before_text, after_text; /* as in the files; empty: it is not there */
    double before, after;
    bool is_text, is_equal, is_within;
};
struct reproduced_stage {
    struct str stage;
    enum reproduction verdict;
    bool has_same_inputs; /* the recipe is what it was: a difference is this stage's own */
    bool is_consequence;  /* all that differs of its recipe is what stages before it made */
    struct str cause;     /* "the same inputs gave other outputs", what of the recipe differs */
    struct reproduced_output *outputs; /* those that differ */
    size_t output_count;               /* of them */
    size_t compared_count;             /* outputs that were compared */
    struct reproduced_metric *metrics;
    size_t metric_count;
};

struct reproduce_report {
    enum reproduction verdict;
    const struct reproduced_stage *first; /* whose difference is its own; NULL: none */
    struct reproduced_stage *stages;      /* in the order of the plan */
    size_t count;
    struct environment_changes environment; /* where both are known, each difference once */
    int64_t duration_ns;
    enum isolation isolation;
    int exit_status; /* 0 identical or equal, 1 differs or failed */
};

/* The comparison alone: pure. `now` in the order of the plan; stages that the original does not
 * have results of are left out. */
void reproduce_compare(struct arena *arena, const struct run_view *original,
                       const struct reproduced_now *now, size_t count,
                       const struct tolerance *tolerance, struct reproduce_report *ret);

struct reproduce_options {
    const struct run_view *original; /* a run, or a revision's lock file */
    struct str pipeline;             /* path in the project; empty: that of the run */
    struct tolerance tolerance;
    int64_t jobs;
    enum isolation isolation;
    bool allows_shared, keeps_work;
    struct str name; /* of the work directory */
    struct str version, argv;
    const struct observer *observer;
};

/* What it is made from. */
struct reproduce_source {
    struct digest snapshot;
    struct override_vec overrides;
    bool is_work_tree; /* outside of git: the code is that of now */
};

/* Something that the store lacks. */
struct reproduce_lack {
    struct artifact artifact;
    struct str named_by; /* "data/raw.mlops" */
};
VEC(reproduce_lack_vec, struct reproduce_lack);

/* Commit, patch and parameters of the original become a snapshot; *ret_lacks: data that pointers of
 * it track, stages of the original read, and the store lacks. What is gone is an error that names
 * it. On a session of the project without a pipeline. */
FALLIBLE reproduce_prepare(struct session *session, const struct reproduce_options *options,
                           struct reproduce_source *ret, struct reproduce_lack_vec *ret_lacks);

/* Makes the work directory. */
FALLIBLE reproduce_make(struct session *session, const struct reproduce_options *options,
                        const struct reproduce_source *source, struct work_dir *ret);

/* In a process that has neither threads nor databases open: goes in, runs every stage that the
 * original had a result of, and compares. Nothing of it gets into the history, and no later run
 * takes its results; what it made lies in the store until gc. ERROR_SIGNAL: interrupted. */
FALLIBLE reproduce_run(struct arena *arena, const struct reproduce_options *options,
                       const struct work_dir *work_dir, struct reproduce_report *ret);
