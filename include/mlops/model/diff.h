/* The difference of two sides (run, workspace, revision), as data. Pure: diff(a, a) is empty and
 * diff(b, a) is diff(a, b) with before and after swapped. */
#pragma once

#include "mlops/model/run.h"

enum diff_change {
    DIFF_ADDED,
    DIFF_REMOVED,
    DIFF_CHANGED,
    DIFF_SAME, /* only where the caller asks for all */
};

const char *diff_change_name(enum diff_change change);

struct diff_metric {
    enum diff_change change;
    struct str file, key;
    struct str before, after;                /* texts; empty: absent */
    double before_value, after_value, delta; /* NaN where not numbers */
    struct str delta_text; /* "+0.02", "-1", exact for integers and decimals; empty: no delta */
};

struct diff_param {
    enum diff_change change;
    struct str file, key;
    struct str before, after;
};

enum diff_data_role { DIFF_INPUT, DIFF_OUTPUT };

/* A file inside a directory. */
struct diff_file {
    enum diff_change change;
    struct str path;
};

VEC(diff_file_vec, struct diff_file);

/* What differs inside a directory: filled in by the caller from the store and the work tree. */
struct diff_files {
    bool is_known;
    int64_t added, removed, changed;
    struct diff_file_vec listed; /* the first of them, by path */
};

struct diff_data {
    enum diff_change change;
    enum diff_data_role role; /* made by a stage, or only read */
    struct str path;
    struct artifact before, after;
    struct diff_files files;
};

struct diff_stage {
    enum diff_change change;
    struct str stage;
    struct reason_vec reasons;   /* what in its recipe differs */
    int64_t before_ns, after_ns; /* durations of the execution that made the result; -1 unknown */
};

struct diff_code {
    bool differs;
    struct code_state before, after;
    struct str_vec files; /* "M src/train.py": filled in by the caller from git */
};

VEC(diff_metric_vec, struct diff_metric);
VEC(diff_param_vec, struct diff_param);
VEC(diff_data_vec, struct diff_data);
VEC(diff_stage_vec, struct diff_stage);

struct run_diff {
    struct str before_title, after_title;
    struct diff_metric_vec metrics;
    struct diff_param_vec params;
    struct diff_data_vec data;
    struct diff_stage_vec stages;
    struct diff_code code;
};

/* Sorted lists of what differs (of everything, with `all`). Borrows from both views. */
void diff_runs(struct arena *arena, const struct run_view *before, const struct run_view *after,
               bool all, struct run_diff *ret);

/* Nothing but times and titles differs. */
bool diff_is_empty(const struct run_diff *diff);
