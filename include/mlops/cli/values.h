/* Named values of several runs side by side: what `metrics` and `params` print. */
#pragma once

#include "mlops/cli/report.h"
#include "mlops/model/run.h"

struct value_row {
    struct str file, key, text;
    double number; /* NaN: only text */
};

VEC(value_vec, struct value_row);

struct values_wish {
    const char *noun;        /* "metrics", "params": the name in JSON */
    struct str pipeline;     /* as typed */
    struct str contains;     /* only names that hold this text; empty: all */
    bool only_changed;       /* leave out what is the same on all sides */
    const struct str *words; /* runs, revisions, workspace */
    size_t word_count;
    /* Appends what a stage has. */
    void (*collect)(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret);
};

/* One column a word, one row a value, sorted by name. */
FALLIBLE values_report(struct context *context, const struct values_wish *wish);
