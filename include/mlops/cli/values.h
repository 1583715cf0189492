/* Named values of several runs side by side: what `metrics` and `params` print; and what differs
 * between two of them, as DVC's users know it. */
#pragma once

#include "mlops/cli/diff_guides.h"
#include "mlops/cli/option.h"
#include "mlops/cli/report.h"
#include "mlops/model/run.h"

struct value_row {
    struct str file, key, text;
    double number; /* NaN: only text */
    enum metric_rank rank;
};

VEC(value_vec, struct value_row);

/* The options of both commands. */
struct values_options {
    bool changed;              /* leave out what is the same on all sides */
    struct str pipeline, name; /* as typed; only names that hold this text */
    bool all;                  /* details, too; diff: also what is the same */
    bool md;                   /* as Markdown */
    bool no_path;
    int64_t precision; /* digits behind the point; -1: as in the file */
    struct str_vec targets;
};

enum { VALUES_OPTIONS = 8 };
extern const struct option_row values_option_rows[VALUES_OPTIONS];

enum { VALUES_ACTIONS = 2 };

struct values_kind {
    const char *noun;  /* "metrics", "params": the name in JSON */
    const char *title; /* "Metric", "Param": of a column */
    bool has_change;   /* whether numbers are better or worse */
    /* Appends what a stage has. */
    void (*collect)(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret);
    /* Appends what no stage has: of files that the pipeline names. NULL: there is none. */
    FALLIBLE(*collect_files)
    (struct context *context, const struct values_options *options, const struct run_view *view,
     struct value_vec *ret);
};

/* The first word may be "show" or "diff". Show: one column a word (run, revision, workspace;
 * without any the newest run), one row a value, sorted by name; words that are files are targets.
 * Diff: what differs between A and B. */
FALLIBLE values_run(struct context *context, const struct values_kind *kind,
                    struct values_options *options, int argc, const struct str *argv);

/* The values of a view in the order of its stages, those of other targets left out. */
FALLIBLE values_collect(struct context *context, const struct values_kind *kind,
                        const struct values_options *options, const struct run_view *view,
                        struct value_vec *ret);

/* Whether a row is left out of what people read: a detail that nobody asked for. */
bool values_is_hidden(const struct context *context, const struct values_options *options,
                      enum metric_rank rank);

/* Says how many were left out. */
void values_tell_hidden(struct context *context, size_t count);

/* The pipeline whose files are meant; *ret NULL: there is none that can be read. What is recorded
 * can be shown whatever it looks like now. */
struct pipeline;
FALLIBLE values_pipeline(struct context *context, struct str word, struct pipeline **ret);

/* A file that is no document is left out with a warning; other errors (NULL: none) come back. */
FALLIBLE values_leave_out(struct context *context, const struct run_view *view, struct str path,
                          struct error *error);

/* A number as people see it: at most `precision` digits behind the point. */
struct str values_text(struct arena *arena, const struct value_row *value, int64_t precision);

/* What differs between A (HEAD; without git the newest run) and B (the workspace). */
FALLIBLE values_diff(struct context *context, const struct values_kind *kind,
                     const struct values_options *options, int argc, const struct str *argv);
