/* The predictions of a model as a table of columns `label`, `prediction` or `score` or `p_<class>`,
 * and perhaps `id`, `weight` and columns to slice by: read whole into memory, checked, as arrays.
 * docs/evaluation.md describes the file. */
#pragma once

#include "mlops/data/table.h"

enum task {
    TASK_BINARY,
    TASK_MULTICLASS,
    TASK_REGRESSION,
    TASK_COUNT,
};

/* "binary", "multiclass", "regression". */
const char *task_name(enum task task);
bool task_parse(struct str name, enum task *ret);

/* Which columns to read; empty names mean the usual ones. */
struct predictions_options {
    enum task task;
    double threshold;    /* of a positive; 0 without has_threshold: 0.5. Another one than 0.5 is
                          * applied to the scores even where predictions are given */
    bool has_threshold;  /* the threshold counts, be it 0 */
    struct str positive; /* label of the positive class; empty: "1", "true", "yes", else
                          * the last of two by order */
    struct str label, prediction, score, id, weight; /* names of columns */
    const struct str *slices;                        /* names of columns */
    size_t slice_count;
    struct table_options table;
};

/* A column whose values cut the rows into slices. */
struct slice_column {
    struct str name;
    const struct str *values; /* different ones, sorted by bytes; an empty cell is "" */
    size_t value_count;
    const uint32_t *of_row; /* per row: which value */
};

/* Everything lies in the arena that predictions_load was given. Rows are in the file's order. */
struct predictions {
    struct str name; /* of the file, for messages */
    enum task task;
    size_t count;              /* rows, at least 1 */
    double threshold;          /* binary; NaN: predictions were given, not made by it */
    const double *weights;     /* >= 0; NULL: all 1 */
    const struct str *ids;     /* different ones; NULL: no such column */
    const struct str *classes; /* labels and predictions, sorted: numbers by value, else by bytes */
    size_t class_count;
    size_t positive;                /* binary: which class; the other one is negative */
    const uint32_t *labels;         /* binary, multiclass: class of each row */
    const uint32_t *predicted;      /* the class that was predicted: given, by the threshold
                                     * (score >= threshold), or the first of the most probable */
    const double *scores;           /* binary: of the positive class; NULL: not given */
    bool scores_are_probabilities;  /* all in [0, 1] */
    const double *probabilities;    /* multiclass: count x class_count; NULL: not given */
    const double *targets, *values; /* regression: label and prediction */
    const struct slice_column *slices;
    size_t slice_count;
    struct str_vec *warnings; /* for people: "3 rows have the weight 0" */
};

/* Reads a table (CSV, TSV, JSON Lines, JSON; gzip, zstd). ERROR_PROJECT with file, row and column:
 * no such column, an empty or bad cell, a weight below 0, an id twice, more than
 * LIMIT_PREDICTION_ROWS rows, a binary task with three labels, no row at all. */
FALLIBLE predictions_load(struct arena *arena, int at_fd, struct str path,
                          const struct predictions_options *options, struct predictions *ret);

/* The same of bytes that are in memory (an object of the cache). `path` for messages and format. */
FALLIBLE predictions_parse(struct arena *arena, struct str path, struct str bytes,
                           const struct predictions_options *options, struct predictions *ret);

/* Which task a file is for, by its columns and labels; *ret_why says by what, in words. A guess:
 * tell it to the user. `options->task` does not matter. */
FALLIBLE predictions_guess(struct arena *arena, int at_fd, struct str path,
                           const struct predictions_options *options, enum task *ret,
                           const char **ret_why);

/* The names of the file's columns. */
FALLIBLE predictions_columns(struct arena *arena, int at_fd, struct str path,
                             const struct predictions_options *options, const struct str **ret,
                             size_t *ret_count);
