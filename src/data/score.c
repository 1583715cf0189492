#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <math.h>

#include "score_private.h"

#define BINARY (1u << TASK_BINARY)
#define MULTI (1u << TASK_MULTICLASS)
#define CLASSES (BINARY | MULTI)
#define REGRESSION (1u << TASK_REGRESSION)
#define UP HIGHER_IS_BETTER
#define DOWN LOWER_IS_BETTER

/* X(name, title, tasks, needs_scores, direction, is_share, is_main, function, argument) */
#define SCORE_ROWS(X)                                                                              \
    X("accuracy", "Accuracy", CLASSES, false, UP, true, true, score_accuracy, 0)                   \
    X("balanced_accuracy", "Balanced accuracy", CLASSES, false, UP, false, true,                   \
      score_balanced_accuracy, 0)                                                                  \
    X("binary.precision", "Precision", BINARY, false, UP, false, true, score_positive,             \
      SCORE_PRECISION)                                                                             \
    X("binary.recall", "Recall", BINARY, false, UP, false, true, score_positive, SCORE_RECALL)     \
    X("binary.f1", "F1", BINARY, false, UP, false, true, score_positive, SCORE_F1)                 \
    X("macro.precision", "Precision, macro", CLASSES, false, UP, false, false, score_macro,        \
      SCORE_PRECISION)                                                                             \
    X("macro.recall", "Recall, macro", CLASSES, false, UP, false, false, score_macro,              \
      SCORE_RECALL)                                                                                \
    X("macro.f1", "F1, macro", CLASSES, false, UP, false, true, score_macro, SCORE_F1)             \
    X("micro.precision", "Precision, micro", CLASSES, false, UP, false, false, score_micro,        \
      SCORE_PRECISION)                                                                             \
    X("micro.recall", "Recall, micro", CLASSES, false, UP, false, false, score_micro,              \
      SCORE_RECALL)                                                                                \
    X("micro.f1", "F1, micro", CLASSES, false, UP, false, false, score_micro, SCORE_F1)            \
    X("weighted.precision", "Precision, weighted", CLASSES, false, UP, false, false,               \
      score_weighted, SCORE_PRECISION)                                                             \
    X("weighted.recall", "Recall, weighted", CLASSES, false, UP, false, false, score_weighted,     \
      SCORE_RECALL)                                                                                \
    X("weighted.f1", "F1, weighted", CLASSES, false, UP, false, false, score_weighted, SCORE_F1)   \
    X("f2", "F2", BINARY, false, UP, false, false, score_positive, SCORE_F2)                       \
    X("specificity", "Specificity", BINARY, false, UP, false, false, score_specificity, 0)         \
    X("mcc", "Matthews correlation", CLASSES, false, UP, false, false, score_mcc, 0)               \
    X("kappa", "Cohen's kappa", CLASSES, false, UP, false, false, score_kappa, 0)                  \
    X("roc_auc", "ROC AUC", BINARY, true, UP, false, true, score_roc_auc, 0)                       \
    X("average_precision", "Average precision", BINARY, true, UP, false, true,                     \
      score_average_precision, 0)                                                                  \
    X("log_loss", "Log loss", CLASSES, true, DOWN, false, true, score_log_loss, 0)                 \
    X("brier", "Brier score", BINARY, true, DOWN, false, true, score_brier, 0)                     \
    X("roc_auc_max_fpr_0.1", "ROC AUC, fpr to 0.1", BINARY, true, UP, false, false,                \
      score_partial_auc, 0)                                                                        \
    X("ece_uniform_10", "Calibration error", BINARY, true, DOWN, false, false,                     \
      score_calibration_error, 0)                                                                  \
    X("ks_statistic", "Kolmogorov-Smirnov", BINARY, true, UP, false, false, score_ks, 0)           \
    X("roc_auc_ovr_macro", "ROC AUC, one against rest", MULTI, true, UP, false, true,              \
      score_one_versus_rest, SCORE_UNWEIGHTED)                                                     \
    X("roc_auc_ovr_weighted", "ROC AUC, one against rest, weighted", MULTI, true, UP, false,       \
      false, score_one_versus_rest, SCORE_BY_SUPPORT)                                              \
    X("roc_auc_ovo_macro", "ROC AUC, one against one", MULTI, true, UP, false, false,              \
      score_one_versus_one, SCORE_UNWEIGHTED)                                                      \
    X("roc_auc_ovo_weighted", "ROC AUC, one against one, weighted", MULTI, true, UP, false, false, \
      score_one_versus_one, SCORE_BY_SUPPORT)                                                      \
    X("top2_accuracy", "Accuracy, best 2", MULTI, true, UP, true, false, score_top, 2)             \
    X("top3_accuracy", "Accuracy, best 3", MULTI, true, UP, true, false, score_top, 3)             \
    X("top5_accuracy", "Accuracy, best 5", MULTI, true, UP, true, false, score_top, 5)             \
    X("mae", "Mean absolute error", REGRESSION, false, DOWN, false, true, score_mae, 0)            \
    X("mse", "Mean squared error", REGRESSION, false, DOWN, false, false, score_mse, 0)            \
    X("rmse", "Root mean squared error", REGRESSION, false, DOWN, false, true, score_rmse, 0)      \
    X("r2", "R squared", REGRESSION, false, UP, false, true, score_r2, 0)                          \
    X("mape", "Mean absolute error, relative", REGRESSION, false, DOWN, false, true, score_mape,   \
      0)                                                                                           \
    X("median_ae", "Median absolute error", REGRESSION, false, DOWN, false, true,                  \
      score_median_error, 0)                                                                       \
    X("max_error", "Largest error", REGRESSION, false, DOWN, false, false, score_max_error, 0)     \
    X("explained_variance", "Explained variance", REGRESSION, false, UP, false, false,             \
      score_explained_variance, 0)                                                                 \
    X("msle", "Mean squared error of logarithms", REGRESSION, false, DOWN, false, false,           \
      score_msle, 0)                                                                               \
    X("pinball_0.9", "Pinball loss at 0.9", REGRESSION, false, DOWN, false, false, score_pinball,  \
      0)                                                                                           \
    X("mean_error_pred_minus_true", "Mean error", REGRESSION, false, DIRECTION_UNKNOWN, false,     \
      false, score_bias, 0)                                                                        \
    X("pearson", "Pearson correlation", REGRESSION, false, UP, false, false, score_pearson, 0)     \
    X("spearman", "Spearman correlation", REGRESSION, false, UP, false, false, score_spearman, 0)

#define SCORE_ROW(name, title, tasks, needs, way, share, main, function, argument)                 \
    {name, title, tasks, needs, way, share, main},
static const struct score_row all_rows[] = {SCORE_ROWS(SCORE_ROW)};

struct how {
    score_function *function;
    int argument;
};
#define SCORE_HOW(name, title, tasks, needs, way, share, main, function, argument)                 \
    {function, argument},
static const struct how hows[] = {SCORE_ROWS(SCORE_HOW)};

const struct score_row *score_rows(size_t *ret_count)
{
    *ret_count = COUNT_OF(all_rows);
    return all_rows;
}

bool score_is_of(size_t row, enum task task, size_t class_count)
{
    check(row < COUNT_OF(all_rows));
    bool is_of_task = all_rows[row].tasks & 1u << task;
    return is_of_task &&
           (hows[row].function != score_top || class_count > (size_t)hows[row].argument);
}

static bool find_named(enum task task, struct str prefix, struct str name, size_t *ret_row)
{
    for (size_t i = 0; i < COUNT_OF(all_rows); i++) {
        struct str other = str_of(all_rows[i].name);
        if (!(all_rows[i].tasks & 1u << task) || !str_starts(other, prefix))
            continue;
        if (!str_equal(str_slice(other, prefix.len, other.len), name))
            continue;
        *ret_row = i;
        return true;
    }
    return false;
}

bool score_find(enum task task, struct str name, size_t *ret_row)
{
    return find_named(task, (struct str){0}, name, ret_row) ||
           (task == TASK_BINARY && find_named(task, STR("binary."), name, ret_row));
}

/* --- one pass --- */

double score_dot(const double *a, const double *b, size_t count)
{
    enum { LANES = 4, BLOCK = 1024 };
    double sum = 0, rest = 0;
    for (size_t from = 0; from < count; from += BLOCK) {
        size_t to = MIN_OF(from + BLOCK, count), i = from;
        double lanes[LANES] = {0}, block = 0;
        for (; i + LANES <= to; i += LANES)
            for (size_t k = 0; k < LANES; k++)
                lanes[k] += a[i + k] * b[i + k];
        for (; i < to; i++)
            block += a[i] * b[i];
        block += (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
        double next = sum + block; /* Neumaier's compensation, of blocks */
        rest += fabs(sum) >= fabs(block) ? (sum - next) + block : (block - next) + sum;
        sum = next;
    }
    return sum + rest;
}

double score_total(struct scorer *scorer)
{
    const struct prepared *prepared = scorer->prepared;
    if (!scorer->has_total)
        scorer->total = score_dot(scorer->weights, prepared->ones, prepared->predictions->count);
    scorer->has_total = true;
    return scorer->total;
}

static void begin(struct scorer *scorer, const double *weights)
{
    const struct prepared *prepared = scorer->prepared;
    const double *own = prepared->predictions->weights;
    scorer->is_own = !weights || weights == own;
    scorer->weights = weights ? weights : own ? own : prepared->ones;
    scorer->has_total = scorer->has_margins = scorer->has_curve = false;
    scorer->has_rest = scorer->has_pairs = false;
}

static double value_of(struct scorer *scorer, size_t row, const char **why)
{
    check(row < COUNT_OF(hows));
    const struct score_row *about = &all_rows[row];
    const struct prepared *prepared = scorer->prepared;
    *why = NULL;
    if (!(about->tasks & 1u << prepared->predictions->task))
        *why = "not a metric of this task";
    else if (about->needs_scores && prepared->no_score)
        *why = prepared->no_score;
    else if (!(score_total(scorer) > 0))
        *why = "no rows";
    if (*why)
        return nan("");
    double value = hows[row].function(scorer, hows[row].argument, why);
    if (!*why && !isfinite(value))
        *why = "the numbers are too large";
    return *why ? nan("") : value;
}

double scorer_value(struct scorer *scorer, size_t row, const double *weights, const char **ret_why)
{
    const char *why = NULL;
    begin(scorer, weights);
    double value = value_of(scorer, row, &why);
    if (ret_why)
        *ret_why = why;
    return value;
}

void scorer_values(struct scorer *scorer, const size_t *rows, size_t count, const double *weights,
                   double *ret)
{
    const char *why = NULL;
    begin(scorer, weights);
    for (size_t i = 0; i < count; i++)
        ret[i] = value_of(scorer, rows[i], &why);
}

/* --- what is prepared --- */

static const double *make_ones(struct arena *arena, size_t count)
{
    double *ones = arena_new_array(arena, double, count);
    for (size_t i = 0; i < count; i++)
        ones[i] = 1;
    return ones;
}

static const bool *find_classes(struct arena *arena, const struct predictions *predictions)
{
    bool *there = arena_new_array(arena, bool, predictions->class_count);
    for (size_t i = 0; i < predictions->count; i++)
        there[predictions->labels[i]] = there[predictions->predicted[i]] = true;
    return there;
}

static struct prepared *prepare(struct arena *arena, const struct predictions *predictions)
{
    struct prepared *prepared = arena_new(arena, struct prepared);
    check(predictions->count > 0 && predictions->count <= ORDER_ROW);
    *prepared =
        (struct prepared){.predictions = predictions, .ones = make_ones(arena, predictions->count)};
    if (predictions->task == TASK_REGRESSION) {
        score_prepare_regression(arena, prepared);
        return prepared;
    }
    prepared->is_class_there = find_classes(arena, predictions);
    score_prepare_losses(arena, prepared);
    score_prepare_orders(arena, prepared);
    return prepared;
}

struct scorer *scorer_clone(struct arena *arena, const struct scorer *scorer)
{
    const struct predictions *predictions = scorer_predictions(scorer);
    struct scorer *clone = arena_new(arena, struct scorer);
    size_t classes = predictions->class_count;
    clone->prepared = scorer->prepared;
    if (predictions->task == TASK_REGRESSION)
        clone->room = arena_new_array(arena, double, 2 * predictions->count);
    clone->right = arena_new_array(arena, double, classes);
    clone->truth = arena_new_array(arena, double, classes);
    clone->predicted = arena_new_array(arena, double, classes);
    clone->rest = arena_new_array(arena, double, classes);
    if (predictions->task == TASK_MULTICLASS && predictions->probabilities)
        clone->pairs = arena_new_array(arena, double, classes *classes);
    return clone;
}

struct scorer *scorer_make(struct arena *arena, const struct predictions *predictions)
{
    struct scorer bare = {.prepared = prepare(arena, predictions)};
    return scorer_clone(arena, &bare);
}

const struct predictions *scorer_predictions(const struct scorer *scorer)
{
    return scorer->prepared->predictions;
}

/* --- by class --- */

void scorer_classes(struct scorer *scorer, const double *weights, struct class_score *ret)
{
    size_t count = scorer->prepared->predictions->class_count;
    begin(scorer, weights);
    score_take_margins(scorer);
    for (size_t i = 0; i < count; i++) {
        double right = scorer->right[i], truth = scorer->truth[i], found = scorer->predicted[i];
        double either = truth + found;
        ret[i] = (struct class_score){
            .precision = found > 0 ? right / found : 0,
            .recall = truth > 0 ? right / truth : 0,
            .f1 = either > 0 ? 2 * right / either : 0,
            .support = truth,
        };
    }
}

void scorer_confusion(struct scorer *scorer, const double *weights, double *ret)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    size_t classes = predictions->class_count;
    begin(scorer, weights);
    for (size_t i = 0; i < classes * classes; i++)
        ret[i] = 0;
    for (size_t i = 0; i < predictions->count; i++)
        ret[predictions->labels[i] * classes + predictions->predicted[i]] += scorer->weights[i];
}
