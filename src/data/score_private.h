/* What the files of score share. A scorer is the part that all threads read (`prepared`) and one
 * pass over the rows with some weights: what several metrics need is taken once, when first asked
 * for. */
#pragma once

#include "mlops/data/score.h"

/* An entry of an order: the row; whether the next entry has another value; in orders of scores
 * whether the row's label is the class that the scores are of. */
#define ORDER_ROW 0x3fffffffU
#define ORDER_OWN 0x40000000U
#define ORDER_END 0x80000000U

#define CALIBRATION_BINS 10
#define PARTIAL_FPR 0.1

/* 1 if the row is of the class, else 0: a factor, since which it is can't be foreseen. */
static inline double order_own(uint32_t entry)
{
    return entry >> 30 & 1;
}

/* Rows in order of values; built once. */
struct order {
    uint32_t *at;
};

struct prepared {
    const struct predictions *predictions;
    const double *ones;           /* weights of rows without any */
    const bool *is_class_there;   /* per class: a label or prediction of some row */
    struct order *by_class;       /* of scores, falling: binary has one, multiclass one per class */
    double *log_losses, *squares; /* per row; binary: squared distance of score and label */
    uint32_t *ranks;              /* multiclass: classes before the true one, by probability */
    const char *no_score, *no_probability, *no_auc; /* why, or NULL */
    /* regression, per row */
    double *errors, *absolutes, *relatives, *logs, *pinballs;
    bool has_negative; /* values that the logarithm is not taken of */
    struct order by_absolute, by_target, by_value;
};

/* What the walk down the scores of a binary task gives. */
struct curve_sums {
    double auc, partial_auc, average_precision, ks;
};

struct scorer {
    const struct prepared *prepared;
    /* one pass */
    const double *weights;
    bool is_own; /* every row counts as there, even one of weight 0 */
    bool has_total, has_margins, has_curve, has_rest, has_pairs;
    double total;
    double *right, *truth, *predicted; /* per class: weight of hits, labels, predictions */
    struct curve_sums curve;
    double *rest;  /* per class: weight of pairs (row of it, other row) that its score puts right */
    double *pairs; /* [a][b]: weight of pairs (row of a, row of b) that the score of a puts right */
    double *room;  /* two numbers per row: ranks */
};

typedef double score_function(struct scorer *scorer, int argument, const char **why);

/* One per kind of metric; the argument says which. */
enum { SCORE_PRECISION, SCORE_RECALL, SCORE_F1, SCORE_F2 };
score_function score_accuracy, score_balanced_accuracy, score_positive, score_macro, score_micro,
    score_weighted, score_specificity, score_mcc, score_kappa;
score_function score_roc_auc, score_partial_auc, score_average_precision, score_ks;
enum { SCORE_UNWEIGHTED, SCORE_BY_SUPPORT };
score_function score_one_versus_rest, score_one_versus_one;
score_function score_log_loss, score_brier, score_calibration_error, score_top;
score_function score_mae, score_mse, score_rmse, score_r2, score_mape, score_median_error,
    score_max_error, score_explained_variance, score_msle, score_pinball, score_bias, score_pearson,
    score_spearman;

/* Sum of a[i] * b[i]: in blocks, so that the error does not grow with the count. */
double score_dot(const double *a, const double *b, size_t count);

/* Sum of the weights. */
double score_total(struct scorer *scorer);

/* Whether a row counts as there. */
static inline bool score_has_row(const struct scorer *scorer, size_t row)
{
    return scorer->is_own || scorer->weights[row] > 0;
}

/* Fills right, truth and predicted. */
void score_take_margins(struct scorer *scorer);

void score_prepare_losses(struct arena *arena, struct prepared *prepared);
void score_prepare_orders(struct arena *arena, struct prepared *prepared);
void score_prepare_regression(struct arena *arena, struct prepared *prepared);

/* Rows by rising or falling value; rows of equal ones stay in their order. `stride`: value i is
 * values[i * stride]. */
struct order score_order(struct arena *arena, const double *values, size_t stride, size_t count,
                         bool is_falling);
