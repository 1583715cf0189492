/* Named values of several runs side by side: what `metrics` and `params` print. */
#pragma once

#include "mlops/cli/option.h"
#include "mlops/cli/report.h"
#include "mlops/model/run.h"

struct value_row {
    struct str file, key, text;
    double number; /* NaN: only text */
};

VEC(value_vec, struct value_row);

/* The options of both commands. */
struct values_options {
    bool changed;              /* leave out what is the same on all sides */
    struct str pipeline, name; /* as typed; only names that hold this text */
};

enum { VALUES_OPTIONS = 3 };
extern const struct option_row values_option_rows[VALUES_OPTIONS];

struct values_kind {
    const char *noun; /* "metrics", "params": the name in JSON */
    /* Appends what a stage has. */
    void (*collect)(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret);
};

/* One column a word (run, revision, workspace; without any the newest run), one row a value, sorted
 * by name. */
FALLIBLE values_report(struct context *context, const struct values_kind *kind,
                       const struct values_options *options, int argc, const struct str *argv);
