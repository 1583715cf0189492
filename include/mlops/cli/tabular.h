/* The actions of the command `data`, each in a file of its own: src/cli/tabular_ACTION.c. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/cli/context.h"
#include "mlops/data/measure.h"
#include "mlops/model/pipeline.h"

struct tabular_options {
    struct str schema, dialect, output, field;
    struct str_vec resources; /* NAME=FILE:SCHEMA */
    bool all_errors, html;
    int64_t jobs;
};

FALLIBLE tabular_profile(struct context *context, const struct tabular_options *options,
                         struct str path);
FALLIBLE tabular_infer(struct context *context, const struct tabular_options *options,
                       struct str path);
FALLIBLE tabular_validate(struct context *context, const struct tabular_options *options,
                          struct str path);
FALLIBLE tabular_drift(struct context *context, const struct tabular_options *options,
                       struct str reference, struct str current);

/* What `run` has a built-in validate stage do: measures and writes --output. Not for people. */
FALLIBLE tabular_measure(struct context *context, const struct tabular_options *options,
                         struct str measuring);

/* Threads by --jobs, the dialect of --dialect or the file's name, progress on a
 * terminal. */
FALLIBLE tabular_table_options(struct context *context, const struct tabular_options *options,
                               struct str path, struct table_options *ret);
