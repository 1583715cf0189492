#include "mlops/cli/evaluating.h"

#include "mlops/base/arena.h"

#include <fcntl.h>
#include <math.h>

#include "evaluating_private.h"

static FALLIBLE read_number(struct context *context, const char *option, struct str text,
                            double *ret)
{
    char *end = NULL;
    const char *terminated = str_terminate(context->arena, text);
    double value = strtod(terminated, &end);
    if (!text.len || *end || !isfinite(value))
        return error_new(ERROR_USAGE, "--%s takes a number, not '%.*s'", option, STR_FMT(text));
    *ret = value;
    return NULL;
}

static FALLIBLE read_options(struct evaluating *evaluating)
{
    struct context *context = evaluating->context;
    const struct evaluating_options *options = evaluating->options;
    struct predictions_options *how = &evaluating->how;
    *how = (struct predictions_options){
        .positive = options->positive,
        .label = options->label,
        .prediction = options->prediction,
        .score = options->score,
        .id = options->id,
        .weight = options->weight,
        .slices = options->slices.at,
        .slice_count = options->slices.len,
        .table = {.observer = &context->observer},
    };
    evaluating->level = 0.95;
    if (options->threshold.len)
        TRY(read_number(context, "threshold", options->threshold, &how->threshold));
    how->has_threshold = options->threshold.len;
    if (options->level.len)
        TRY(read_number(context, "level", options->level, &evaluating->level));
    if (!(evaluating->level > 0 && evaluating->level < 1))
        return error_hint(error_new(ERROR_USAGE, "--level is a share between 0 and 1"),
                          "95 %% are 0.95");
    if (options->by_row && !options->against.len)
        return error_new(ERROR_USAGE, "--by-row is for --against");
    return NULL;
}

/* --- two models in one file --- */

static bool has_column(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(names[i], name))
            return true;
    return false;
}

/* Columns score_a and score_b (or prediction_a and prediction_b) in place of one. */
static bool find_pair(struct arena *arena, const struct str *names, size_t count, const char *what,
                      struct str *ret_a, struct str *ret_b)
{
    struct str a = str_print(arena, "%s_a", what), b = str_print(arena, "%s_b", what);
    bool is_pair = !ret_a->len && !has_column(names, count, str_of(what)) &&
                   has_column(names, count, a) && has_column(names, count, b);
    if (is_pair) {
        *ret_a = a;
        *ret_b = b;
    }
    return is_pair;
}

static FALLIBLE find_models(struct evaluating *evaluating, struct predictions_options *own,
                            struct predictions_options *other)
{
    struct arena *arena = evaluating->context->arena;
    const struct evaluating_options *options = evaluating->options;
    const struct str *names = NULL;
    size_t count = 0;
    *own = *other = evaluating->how;
    if (options->against.len) {
        evaluating->has_other = true;
        return NULL;
    }
    TRY(predictions_columns(arena, AT_FDCWD, evaluating->own.path, own, &names, &count));
    evaluating->is_pair =
        find_pair(arena, names, count, "score", &own->score, &other->score) ||
        (!own->score.len && !has_column(names, count, STR("score")) &&
         find_pair(arena, names, count, "prediction", &own->prediction, &other->prediction));
    evaluating->has_other = evaluating->is_pair;
    return NULL;
}

static FALLIBLE choose_task(struct evaluating *evaluating, const struct predictions_options *own,
                            enum task *ret)
{
    struct context *context = evaluating->context;
    const char *why = "";
    if (evaluating->options->task) {
        *ret = (enum task)(evaluating->options->task - 1);
        return NULL;
    }
    TRY(predictions_guess(context->arena, AT_FDCWD, evaluating->own.path, own, ret, &why));
    context_notice(context, "taken for the task '%s', since %s (--task says which it is)",
                   task_name(*ret), why);
    return NULL;
}

static FALLIBLE check_task(const struct evaluating *evaluating, enum task task)
{
    const struct evaluating_options *options = evaluating->options;
    if (task == TASK_BINARY)
        return NULL;
    if (options->threshold.len)
        return error_new(ERROR_USAGE, "--threshold is for the task 'binary', not '%s'",
                         task_name(task));
    if (options->positive.len)
        return error_new(ERROR_USAGE, "--positive is for the task 'binary', not '%s'",
                         task_name(task));
    return NULL;
}

static void name_models(struct evaluating *evaluating, const struct predictions_options *own,
                        const struct predictions_options *other)
{
    bool has_scores = own->score.len;
    evaluating->own.name = evaluating->own.path;
    evaluating->other.name = evaluating->other.path;
    if (!evaluating->is_pair)
        return;
    evaluating->own.name = has_scores ? own->score : own->prediction;
    evaluating->other.name = has_scores ? other->score : other->prediction;
}

static FALLIBLE load(struct evaluating *evaluating)
{
    struct arena *arena = evaluating->context->arena;
    const struct evaluating_options *options = evaluating->options;
    struct predictions_options own, other;
    enum task task = TASK_BINARY;
    TRY(find_models(evaluating, &own, &other));
    evaluating->other.path = evaluating->is_pair ? evaluating->own.path : options->against;
    TRY(choose_task(evaluating, &own, &task));
    TRY(check_task(evaluating, task));
    own.task = other.task = task;
    name_models(evaluating, &own, &other);
    TRY(predictions_load(arena, AT_FDCWD, evaluating->own.path, &own,
                         &evaluating->own.predictions));
    if (evaluating->has_other)
        TRY(predictions_load(arena, AT_FDCWD, evaluating->other.path, &other,
                             &evaluating->other.predictions));
    return NULL;
}

/* --- measuring --- */

static FALLIBLE compare(struct evaluating *evaluating)
{
    struct arena *arena = evaluating->context->arena;
    const struct predictions *own = &evaluating->own.predictions;
    bool by_row = evaluating->options->by_row || evaluating->is_pair;
    bool has_ids = own->ids && evaluating->other.predictions.ids;
    struct predictions aligned;
    if (!by_row && !has_ids)
        return error_hint(
            error_new(ERROR_PROJECT, "%.*s has no column 'id'",
                      STR_FMT(own->ids ? evaluating->other.predictions.name : own->name)),
            "--id names the column that says which rows belong together; --by-row takes the rows "
            "of both files in their order");
    TRY(compare_align(arena, own, &evaluating->other.predictions, by_row, &aligned));
    evaluating->other.predictions = aligned;
    return compare_predictions(arena, own, &aligned, evaluating->level, &evaluating->comparison);
}

static FALLIBLE measure(struct evaluating *evaluating, struct evaluated *evaluated)
{
    struct context *context = evaluating->context;
    struct evaluation_options options = {.level = evaluating->level,
                                         .no_intervals = evaluating->options->no_intervals};
    TRY(evaluation_make(context->arena, &evaluated->predictions, &options, &evaluated->evaluation));
    vec_each (const struct str, warning, evaluated->evaluation.warnings) {
        if (evaluating->has_other)
            context_warn(context, "%.*s: %.*s", STR_FMT(evaluated->name), STR_FMT(*warning));
        else
            context_warn(context, "%.*s", STR_FMT(*warning));
    }
    return NULL;
}

/* Files that are written are none that are read, and two different ones. */
static FALLIBLE check_files(const struct evaluating_options *options, struct str path)
{
    const struct str written[] = {options->metrics, options->output};
    bool is_same = options->metrics.len && str_equal(options->metrics, options->output);
    for (size_t i = 0; i < COUNT_OF(written); i++)
        if (str_equal(written[i], path) ||
            (written[i].len && str_equal(written[i], options->against)))
            return error_new(ERROR_USAGE, "'%.*s' holds predictions: it would be written over",
                             STR_FMT(written[i]));
    if (is_same)
        return error_new(ERROR_USAGE, "--metrics and --output both name '%.*s'",
                         STR_FMT(options->output));
    return NULL;
}

FALLIBLE evaluating_run(struct context *context, const struct evaluating_options *options,
                        struct str path)
{
    struct evaluating evaluating = {.context = context, .options = options, .own = {.path = path}};
    TRY(check_files(options, path));
    TRY(read_options(&evaluating));
    TRY(load(&evaluating));
    if (evaluating.has_other)
        TRY(compare(&evaluating));
    TRY(measure(&evaluating, &evaluating.own));
    if (evaluating.has_other)
        TRY(measure(&evaluating, &evaluating.other));
    TRY(evaluating_write_files(&evaluating));
    evaluating_report(&evaluating);
    return NULL;
}
