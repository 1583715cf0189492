/* Curves of an evaluation. Long ones lose points where they bend least: those that are kept stand
 * at equal distances along the curve. */
#include "mlops/base/arena.h"

#include <math.h>

#include "evaluation_private.h"

const char *curve_name(enum curve_kind kind)
{
    static const char *const names[CURVE_COUNT] = {
        [CURVE_ROC] = "roc_curve",
        [CURVE_PR] = "pr_curve",
        [CURVE_CALIBRATION] = "calibration_uniform_10",
        [CURVE_THRESHOLD] = "threshold_curve",
        [CURVE_RESIDUALS] = "residuals",
        [CURVE_PREDICTED_VS_TRUE] = "predicted_vs_true",
    };
    return names[kind];
}

const struct curve_arrays *curve_arrays(enum curve_kind kind)
{
    static const struct curve_arrays arrays[CURVE_COUNT] = {
        [CURVE_ROC] = {"fpr", "tpr", "thresholds"},
        [CURVE_PR] = {"recall", "precision", "thresholds"},
        [CURVE_CALIBRATION] = {"prob_pred", "prob_true", "weight"},
        [CURVE_THRESHOLD] = {"thresholds", "precision", "recall"},
        [CURVE_RESIDUALS] = {"prediction", "residual", NULL},
        [CURVE_PREDICTED_VS_TRUE] = {"label", "prediction", NULL},
    };
    return &arrays[kind];
}

/* --- thinning --- */

static double way(const struct curve_points *points, size_t at)
{
    return fabs(points->x[at] - points->x[at - 1]) + fabs(points->y[at] - points->y[at - 1]);
}

/* Which points are kept, ascending; the ends always are. */
static size_t choose_points(const struct curve_points *points, size_t most, size_t *ret)
{
    double total = 0, gone = 0, next = 0;
    size_t count = 0;
    for (size_t i = 1; i < points->count; i++)
        total += way(points, i);
    for (size_t i = 0; i + 1 < points->count && count + 1 < most; i++) {
        gone += i ? way(points, i) : 0;
        if (gone < next)
            continue;
        ret[count++] = i;
        next = total * (double)count / (double)(most - 1);
    }
    ret[count++] = points->count - 1;
    return count;
}

static const double *take(struct arena *arena, const double *from, const size_t *which,
                          size_t count)
{
    double *to = arena_new_array(arena, double, count);
    for (size_t i = 0; i < count; i++)
        to[i] = from[which[i]];
    return to;
}

/* `points` may lie in a scratch arena: what is kept is copied. */
static void add_curve(struct arena *arena, struct curve_vec *curves, enum curve_kind kind,
                      struct str label, const struct curve_points *points, size_t most)
{
    AUTO(arena_drop) struct arena scratch = {0};
    size_t count = points->count;
    size_t *which = arena_new_array(&scratch, size_t, MAX_OF(count, most) + 1);
    for (size_t i = 0; i < count; i++)
        which[i] = i;
    if (count > most)
        count = choose_points(points, most, which);
    if (!count)
        return;
    *vec_push(arena, curves) = (struct evaluation_curve){
        .kind = kind,
        .label = label,
        .count = count,
        .x = take(arena, points->x, which, count),
        .y = take(arena, points->y, which, count),
        .z = points->thresholds ? take(arena, points->thresholds, which, count) : NULL,
    };
}

/* --- classes --- */

/* Precision and recall by threshold: the same points as the PR curve, without its end. */
static void add_thresholds(struct arena *arena, struct curve_vec *curves,
                           const struct curve_points *pr, size_t most)
{
    struct curve_points by_threshold = {pr->count - 1, pr->thresholds, pr->y, pr->x};
    if (pr->count > 1)
        add_curve(arena, curves, CURVE_THRESHOLD, (struct str){0}, &by_threshold, most);
}

static FALLIBLE add_class(struct arena *arena, struct scorer *scorer, size_t class,
                          struct str label, size_t most, struct curve_vec *curves)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct curve_points roc, pr;
    struct calibration bins;
    TRY(scorer_roc(&scratch, scorer, class, &roc));
    TRY(scorer_pr(&scratch, scorer, class, &pr));
    scorer_calibration(&scratch, scorer, class, 10, &bins);
    struct curve_points calibration = {bins.count, bins.predicted, bins.actual, bins.weight};
    add_curve(arena, curves, CURVE_ROC, label, &roc, most);
    add_curve(arena, curves, CURVE_PR, label, &pr, most);
    add_curve(arena, curves, CURVE_CALIBRATION, label, &calibration, most);
    if (!label.len)
        add_thresholds(arena, curves, &pr, most);
    return NULL;
}

static FALLIBLE add_classes(struct arena *arena, struct scorer *scorer, size_t most,
                            struct curve_vec *curves)
{
    const struct predictions *predictions = scorer_predictions(scorer);
    if (predictions->scores)
        return add_class(arena, scorer, predictions->positive, (struct str){0}, most, curves);
    if (!predictions->probabilities || predictions->class_count > CURVE_CLASSES_MOST)
        return NULL;
    for (size_t i = 0; i < predictions->class_count; i++)
        TRY(add_class(arena, scorer, i, predictions->classes[i], most, curves));
    return NULL;
}

/* --- numbers --- */

/* One row of every so many. */
static void add_points(struct arena *arena, const struct predictions *predictions, size_t most,
                       struct curve_vec *curves)
{
    size_t step = (predictions->count + most - 1) / most, count = 0;
    double *labels = arena_new_array(arena, double, predictions->count / step + 1);
    double *values = arena_new_array(arena, double, predictions->count / step + 1);
    double *residuals = arena_new_array(arena, double, predictions->count / step + 1);
    for (size_t i = 0; i < predictions->count; i += step) {
        labels[count] = predictions->targets[i];
        values[count] = predictions->values[i];
        residuals[count] = labels[count] - values[count];
        count++;
    }
    struct curve_points first = {count, values, residuals, NULL};
    struct curve_points second = {count, labels, values, NULL};
    add_curve(arena, curves, CURVE_RESIDUALS, (struct str){0}, &first, count);
    add_curve(arena, curves, CURVE_PREDICTED_VS_TRUE, (struct str){0}, &second, count);
}

FALLIBLE evaluation_curves(struct arena *arena, struct scorer *scorer, size_t points_most,
                           struct evaluation *ret)
{
    const struct predictions *predictions = scorer_predictions(scorer);
    struct curve_vec curves = {0};
    size_t most = MAX_OF(points_most, (size_t)2);
    if (predictions->task == TASK_REGRESSION)
        add_points(arena, predictions, most, &curves);
    else
        TRY(add_classes(arena, scorer, most, &curves));
    ret->curves = curves.at;
    ret->curve_count = curves.len;
    return NULL;
}
