/* Evaluation metrics by the definitions of scikit-learn 1.2 (docs/evaluation.md states each).
 * Predictions are prepared once (sorted by score), then every metric can be taken with any weights
 * of the rows: the file's own, those of a slice (0 outside), the counts of a bootstrap sample. */
#pragma once

#include "mlops/data/predictions.h"
#include "mlops/model/metric.h"

/* One metric that is a single number. */
struct score_row {
    const char *name;  /* dotted path in the metrics file: "accuracy", "binary.f1", "macro.f1" */
    const char *title; /* for people and charts: "ROC AUC" */
    unsigned tasks;    /* bits 1 << enum task */
    bool needs_scores; /* scores or probabilities */
    enum metric_direction direction;
    bool is_share; /* of rows that are right: its interval may be Wilson's */
    bool is_main;  /* of those shown first, and given an interval */
};

/* All of them, in the order of the metrics file. "f1", "precision", "recall" of a binary task are
 * also known by these short names: score_find. */
const struct score_row *score_rows(size_t *ret_count);
/* Whether a metric is one of a task; of `class_count` classes (regression: 0) not every best k is.
 */
bool score_is_of(size_t row, enum task task, size_t class_count);
/* The row of a metric's name in a task; false: no built-in metric. */
bool score_find(enum task task, struct str name, size_t *ret_row);

struct scorer;

/* Borrows from the predictions, which must outlive it. */
struct scorer *scorer_make(struct arena *arena, const struct predictions *predictions);

/* NaN: undefined for these rows; *ret_why (may be NULL) then says it in words ("only one class").
 * `weights` of all rows, NULL: the predictions' own. Not for two threads at once: scorer_clone. */
double scorer_value(struct scorer *scorer, size_t row, const double *weights, const char **ret_why);

/* The same of several metrics, each NaN where undefined: what they have in common is taken once. */
void scorer_values(struct scorer *scorer, const size_t *rows, size_t count, const double *weights,
                   double *ret);

/* A second one for another thread; shares what was prepared. */
struct scorer *scorer_clone(struct arena *arena, const struct scorer *scorer);

const struct predictions *scorer_predictions(const struct scorer *scorer);

/* Per class: precision, recall, f1, support (weighted). */
struct class_score {
    double precision, recall, f1, support;
};
void scorer_classes(struct scorer *scorer, const double *weights, struct class_score *ret);

/* Rows are truth, columns predictions: class_count x class_count weighted counts. */
void scorer_confusion(struct scorer *scorer, const double *weights, double *ret);

/* --- curves; all arrays in the arena --- */

struct curve_points {
    size_t count;
    const double *x, *y, *thresholds; /* ROC: fpr, tpr, one point per distinct score, descending,
                                       * without (0, 0); PR: recall, precision, ascending
                                       * thresholds, the last point (0, 1) has none */
};
FALLIBLE scorer_roc(struct arena *arena, struct scorer *scorer, size_t positive,
                    struct curve_points *ret);
FALLIBLE scorer_pr(struct arena *arena, struct scorer *scorer, size_t positive,
                   struct curve_points *ret);

/* Uniform bins, empty ones dropped: y share of positives, x mean score; counts of rows. */
struct calibration {
    size_t count;
    const double *predicted, *actual, *weight;
};
void scorer_calibration(struct arena *arena, struct scorer *scorer, size_t positive, size_t bins,
                        struct calibration *ret);
