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
    REPRODUCED_FAILED, /* a stage failed that had not */
};
const char *reproduction_name(enum reproduction reproduction);

struct reproduce_options {
    struct run_view *original; /* a run, or a revision's lock file */
    double tolerance_relative, tolerance_absolute;
    int64_t jobs;
    enum isolation isolation;
    bool allows_shared, keeps_work;
    struct str version, argv;
};

struct reproduced_output {
    struct str path;
    struct digest before, after;
};
struct reproduced_metric {
    struct str file, key;
    double before, after;
    bool is_equal, is_within;
};
struct reproduced_stage {
    struct str stage;
    enum reproduction verdict;
    bool has_same_inputs; /* the recipe is what it was: a difference is this stage's own */
    struct str cause;     /* "outputs differ with the same inputs", what of the recipe differs */
    struct reproduced_output *outputs;
    size_t output_count;
    struct reproduced_metric *metrics;
    size_t metric_count;
};

struct reproduce_report {
    enum reproduction verdict;
    const struct reproduced_stage *first; /* that is not deterministic; NULL: none */
    struct reproduced_stage *stages;      /* in the order of the plan */
    size_t count;
    struct reason_vec environment; /* what of the environments differs, where both are known */
    struct str run;                /* ULID of the reproduction */
    int exit_status;               /* 0 identical or equal, 1 differs or failed */
};

FALLIBLE reproduce(struct session *session, const struct reproduce_options *options,
                   struct reproduce_report *ret);
