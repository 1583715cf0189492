/* Paired tests of two models on the same rows. Sources: docs/evaluation.md. */
#pragma once

#include "mlops/data/resample.h"

/* Brings `b` into the order of `a` by id. ERROR_PROJECT, with the first ids that are concerned: no
 * id column in one of them, an id that only one has, labels or weights that differ, another task or
 * another positive class. `by_row`: the user says that row i of both is the same example; counts,
 * labels and weights must agree. The result shares arrays with `b` where the order is the same. */
FALLIBLE compare_align(struct arena *arena, const struct predictions *a,
                       const struct predictions *b, bool by_row, struct predictions *ret);

/* All tests take each row once, whatever its weight. */

/* McNemar's test on right and wrong of classes. */
struct mcnemar {
    double both_right, only_a, only_b, both_wrong; /* rows */
    double exact_p;
    double chi2_cc, chi2_cc_p; /* with continuity correction; NaN if no row is discordant */
    double chi2, chi2_p;
    double p; /* the one to go by: exact below 25 discordant rows, else chi2_cc */
};
void compare_mcnemar(const struct predictions *a, const struct predictions *b, struct mcnemar *ret);

/* DeLong's test of two ROC AUCs (Sun and Xu 2014, O(n log n)). */
struct delong {
    double auc_a, auc_b, var_a, var_b, cov, z, p; /* z of a - b, as pROC */
    struct interval interval_a, interval_b;
    struct interval difference; /* of b - a */
    const char *why;            /* undefined, all NaN: why; else NULL */
};
void compare_delong(const struct predictions *a, const struct predictions *b, double level,
                    struct delong *ret);

/* Paired t test and Wilcoxon's signed ranks on the loss per row: log loss (-ln of the probability
 * of the true class), squared error. scipy 1.10's ttest_rel(a, b) and wilcoxon(a, b) by default:
 * exact up to 50 pairs without zeros, else the normal approximation. */
struct paired_loss {
    double t, t_p, t_df; /* of a - b: above 0, b has the smaller losses */
    double w, w_p;
    double mean_difference; /* b - a */
    struct interval difference;
    const char *loss; /* "log_loss", "squared_error" */
    const char *why;  /* undefined: why; else NULL */
};
void compare_losses(const struct predictions *a, const struct predictions *b, double level,
                    struct paired_loss *ret);

/* Holm's step-down: p values made comparable in place; NaN ones are left out. */
void compare_holm(double *p, size_t count);

/* Everything of two aligned sets of predictions, for `evaluate --against`, `diff` and reports. */
struct compared_metric {
    size_t row; /* of score_rows */
    double a, b, delta;
    struct interval interval; /* of the difference */
    double p;                 /* by `test`; NaN: none (not a main metric, or undefined) */
    double p_holm;            /* corrected over all metrics of the list */
    const char *test;         /* "mcnemar", "delong", "paired t", "bootstrap" */
};
struct comparison {
    enum task task;
    size_t rows;
    struct compared_metric *metrics; /* the main ones, then the others */
    size_t metric_count;
    bool has_mcnemar, has_delong, has_losses;
    struct mcnemar mcnemar;
    struct delong delong;
    struct paired_loss losses;
    uint64_t fixed, broke; /* rows wrong in a and right in b; the other way */
};
/* `a` and `b` aligned. Metrics that are undefined in both are left out. Each main metric has the
 * interval and p of its own test (accuracy McNemar's, ROC AUC DeLong's, log loss and mean squared
 * error the paired t test) where rows have no weights, else of the bootstrap. */
FALLIBLE compare_predictions(struct arena *arena, const struct predictions *a,
                             const struct predictions *b, double level, struct comparison *ret);

/* Members of an open object: the tests, with the names of the conformance data (pair-*); and all of
 * the comparison, the tests included. */
struct json_writer;
void comparison_write_tests(struct json_writer *json, const struct comparison *comparison);
void comparison_write(struct json_writer *json, const struct comparison *comparison);
