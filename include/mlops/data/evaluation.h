/* One evaluation of a predictions file: every metric, per class, per slice, intervals, the trivial
 * baseline, curves. Two files come of it: metrics (nested maps; lists are not taken for metrics)
 * and the evaluation itself (metrics and curves), which diff and report read again.
 * docs/formats.md, "Evaluation". */
#pragma once

#include "mlops/data/compare.h"

/* Version of what is measured, and how: part of the key of a built-in evaluate stage. */
#define EVALUATION_VERSION 1

struct evaluation_options {
    double level; /* of the intervals; default 0.95 */
    bool no_intervals;
    size_t points_most; /* of a curve in the file; 0: LIMIT_CURVE_POINTS. Thinned so that the shape
                         * stays; without curves that are longer than that all points are kept */
};

struct slice_evaluation {
    struct str column, value;
    double rows;
    const double *values; /* by score_rows; NaN: undefined */
    const char **whys;
};

/* A curve as it is drawn: "roc_curve" of class "1". */
struct evaluation_curve {
    struct str name;  /* "roc_curve", "pr_curve", "calibration_uniform_10", "threshold_curve",
                       * "residuals", "predicted_vs_true" */
    struct str label; /* class, or empty */
    size_t count;
    const double *x, *y, *z; /* z: thresholds, counts, or NULL */
};

struct evaluation {
    enum task task;
    struct str predictions; /* path */
    size_t rows;
    double threshold;
    const struct str *classes;
    size_t class_count, positive;
    const double *confusion;
    const struct class_score *class_scores;
    const double *values;             /* by score_rows; NaN: undefined or of another task */
    const char **whys;                /* parallel: why undefined, or NULL */
    const struct interval *intervals; /* parallel; level 0: none */
    const double *trivial;   /* parallel: the same metric of the trivial baseline: the most frequent
                              * class with the shares of classes as scores; the mean */
    struct str trivial_name; /* "always 'no'", "the mean 4.2" */
    struct slice_evaluation *slices;
    size_t slice_count;
    struct evaluation_curve *curves;
    size_t curve_count;
    struct str_vec *warnings;
};

FALLIBLE evaluation_make(struct arena *arena, const struct predictions *predictions,
                         const struct evaluation_options *options, struct evaluation *ret);

/* Members of an open object. Metrics: scalars by nested names as in score_rows, `classes`,
 * `slices`, `trivial`; undefined ones are null, and `undefined` says why. */
void evaluation_write_metrics(struct json_writer *json, const struct evaluation *evaluation);
/* Curves: `roc_curve` {fpr, tpr, thresholds}, `pr_curve`, ... */
void evaluation_write_curves(struct json_writer *json, const struct evaluation *evaluation);

/* The curves of an evaluation file; ERROR_STORED or ERROR_PROJECT if it is none. */
FALLIBLE evaluation_parse(struct arena *arena, struct str name, struct str bytes,
                          struct evaluation *ret);

/* SVG files for each curve and the confusion matrix: names like "roc.svg". With `before` the curves
 * of both are drawn over each other, named by the two titles. */
struct chart_file {
    struct str name, title, svg;
};
void evaluation_charts(struct arena *arena, const struct evaluation *evaluation,
                       const struct evaluation *before, struct str title, struct str before_title,
                       struct chart_file **ret, size_t *ret_count);
