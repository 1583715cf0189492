#include "mlops/data/evaluation.h"

#include "mlops/base/arena.h"

#include <math.h>

#include "evaluation_private.h"

const double *evaluation_values(struct arena *arena, struct scorer *scorer, const char ***ret_whys)
{
    size_t count = 0;
    score_rows(&count);
    double *values = arena_new_array(arena, double, count);
    const char **whys = arena_new_array(arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        values[i] = scorer_value(scorer, i, NULL, &whys[i]);
    if (ret_whys)
        *ret_whys = whys;
    return values;
}

static void fill_classes(struct arena *arena, struct scorer *scorer, struct evaluation *ret)
{
    double *confusion = arena_new_array(arena, double, ret->class_count * ret->class_count);
    struct class_score *scores = arena_new_array(arena, struct class_score, ret->class_count);
    scorer_confusion(scorer, NULL, confusion);
    scorer_classes(scorer, NULL, scores);
    ret->confusion = confusion;
    ret->class_scores = scores;
}

/* Of the main metrics that have a value. */
static FALLIBLE fill_intervals(struct arena *arena, struct scorer *scorer, double level,
                               struct evaluation *ret)
{
    size_t count = 0, chosen = 0;
    const struct score_row *rows = score_rows(&count);
    size_t *which = arena_new_array(arena, size_t, count);
    struct interval *found = arena_new_array(arena, struct interval, count);
    struct interval *intervals = arena_new_array(arena, struct interval, count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].is_main && !isnan(ret->values[i]))
            which[chosen++] = i;
    TRY(resample_intervals(scorer, which, chosen, NULL, level, found));
    for (size_t i = 0; i < chosen; i++)
        intervals[which[i]] = found[i];
    ret->intervals = intervals;
    return NULL;
}

static void warn_class(struct arena *arena, struct evaluation *evaluation, size_t at)
{
    const struct class_score *score = &evaluation->class_scores[at];
    double predicted = 0;
    struct str name = str_slice(evaluation->classes[at], 0, 64);
    for (size_t i = 0; i < evaluation->class_count; i++)
        predicted += evaluation->confusion[i * evaluation->class_count + at];
    if (!(score->support > 0))
        *vec_push(arena, evaluation->warnings) =
            str_print(arena, "no row has the label '%.*s': its recall counts as 0", STR_FMT(name));
    else if (!(predicted > 0))
        *vec_push(arena, evaluation->warnings) =
            str_print(arena, "'%.*s' is never predicted: its precision counts as 0", STR_FMT(name));
}

static void warn_zeros(struct arena *arena, const struct predictions *predictions,
                       struct evaluation *evaluation)
{
    size_t zeros = 0;
    for (size_t i = 0; i < predictions->count; i++)
        zeros += fabs(predictions->targets[i]) < 1e-12;
    if (zeros)
        *vec_push(arena, evaluation->warnings) =
            str_print(arena, "%zu label%s 0: the relative error (mape) says nothing", zeros,
                      zeros == 1 ? " is" : "s are");
}

/* The metric that people look at first against that of the trivial baseline. */
static void warn_trivial(struct arena *arena, struct evaluation *evaluation)
{
    size_t row = 0;
    bool is_regression = evaluation->task == TASK_REGRESSION;
    const char *name = is_regression ? "rmse" : "accuracy";
    if (!score_find(evaluation->task, str_of(name), &row))
        return;
    double own = evaluation->values[row], trivial = evaluation->trivial[row];
    if (is_regression ? own >= trivial && own > 0 : own <= trivial && own < 1)
        *vec_push(arena, evaluation->warnings) = str_print(
            arena, "%s is not better than that of %.*s", name, STR_FMT(evaluation->trivial_name));
}

void evaluation_warn(struct arena *arena, const struct predictions *predictions,
                     struct evaluation *evaluation)
{
    evaluation->warnings = arena_new(arena, struct str_vec);
    for (size_t i = 0; predictions->warnings && i < predictions->warnings->len; i++)
        *vec_push(arena, evaluation->warnings) = predictions->warnings->at[i];
    for (size_t i = 0; i < evaluation->class_count && i < CURVE_CLASSES_MOST; i++)
        warn_class(arena, evaluation, i);
    if (evaluation->task == TASK_REGRESSION)
        warn_zeros(arena, predictions, evaluation);
    warn_trivial(arena, evaluation);
}

FALLIBLE evaluation_make(struct arena *arena, const struct predictions *predictions,
                         const struct evaluation_options *options, struct evaluation *ret)
{
    struct scorer *scorer = scorer_make(arena, predictions);
    struct evaluation evaluation = {
        .task = predictions->task,
        .predictions = predictions->name,
        .rows = predictions->count,
        .threshold = predictions->threshold,
        .classes = predictions->classes,
        .class_count = predictions->class_count,
        .positive = predictions->positive,
    };
    double level = options->level > 0 ? options->level : 0.95;
    size_t most = options->points_most ? options->points_most : (size_t)LIMIT_CURVE_POINTS;
    evaluation.values = evaluation_values(arena, scorer, &evaluation.whys);
    evaluation.trivial = evaluation_trivial(arena, predictions, &evaluation.trivial_name);
    if (evaluation.task != TASK_REGRESSION)
        fill_classes(arena, scorer, &evaluation);
    if (!options->no_intervals)
        TRY(fill_intervals(arena, scorer, level, &evaluation));
    TRY(evaluation_slices(arena, predictions, &evaluation));
    TRY(evaluation_curves(arena, scorer, most, &evaluation));
    evaluation_warn(arena, predictions, &evaluation);
    *ret = evaluation;
    return NULL;
}
