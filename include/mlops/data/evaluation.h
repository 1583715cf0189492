/* One evaluation of a predictions file: every metric, per class, per slice, intervals, the trivial
 * baseline, curves. Two files come of it: metrics (nested maps; lists are not taken for metrics)
 * and the evaluation itself (metrics and curves), which diff and report read again.
 * docs/formats.md, "Evaluation". */
#pragma once

#include "mlops/data/compare.h"

struct evaluation_options {
    double level; /* of the intervals; default 0.95 */
    bool no_intervals;
    size_t points_most; /* of a curve in the file; 0: LIMIT_CURVE_POINTS. Thinned so that the shape
                         * stays; without curves that are longer than that all points are kept */
};

struct slice_evaluation {
    struct str column, value;
    size_t rows;
    const double *values; /* by score_rows; NaN: undefined */
    const char **whys;
};

enum curve_kind {
    CURVE_ROC,               /* fpr, tpr, thresholds */
    CURVE_PR,                /* recall, precision, thresholds */
    CURVE_CALIBRATION,       /* mean score, share of positives, weight of the bin */
    CURVE_THRESHOLD,         /* threshold, precision, recall; F1 follows from them */
    CURVE_RESIDUALS,         /* prediction, label - prediction */
    CURVE_PREDICTED_VS_TRUE, /* label, prediction */
    CURVE_COUNT,
};

/* A curve as it is drawn: ROC of class "1". */
struct evaluation_curve {
    enum curve_kind kind;
    struct str label; /* of several classes: which one; else empty */
    size_t count;
    const double *x, *y, *z; /* z: NULL where the kind has none */
};

/* Its name in files: "roc_curve", "pr_curve", "calibration_uniform_10", "threshold_curve",
 * "residuals", "predicted_vs_true". */
const char *curve_name(enum curve_kind kind);

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

/* The whole evaluation file: an object with everything below. */
void evaluation_write(struct json_writer *json, const struct evaluation *evaluation);

/* Members of an open object. Metrics: scalars by nested names as in score_rows, `classes`,
 * `slices`, `trivial`; undefined ones are null, and `undefined` says why. */
void evaluation_write_metrics(struct json_writer *json, const struct evaluation *evaluation);
/* `intervals`: {metric: {low, high, level, method, replicates}}. */
void evaluation_write_intervals(struct json_writer *json, const struct evaluation *evaluation);
/* Curves: `roc_curve` {fpr, tpr, thresholds}, `pr_curve`, ...; of several classes a map of them. */
void evaluation_write_curves(struct json_writer *json, const struct evaluation *evaluation);

/* What an evaluation file holds, without slices, the trivial baseline and reasons; ERROR_PROJECT if
 * it is none. */
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
