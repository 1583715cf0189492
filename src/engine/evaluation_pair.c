/* Predictions of two sides brought together, and the intervals that gates ask for. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/data/compare.h"
#include "mlops/model/name.h"

#include "evaluation_private.h"

struct str evaluation_metric_key(const struct stage *stage, struct str name)
{
    size_t count = 0, row = 0;
    if (!stage->evaluating || !score_find((enum task)stage->evaluating->task, name, &row))
        return name;
    return str_of(score_rows(&count)[row].name);
}

/* --- predictions of a side --- */

static bool how_measured(struct arena *arena, const struct evaluated *side, struct evaluating *ret)
{
    const struct recipe *recipe = side->recipe;
    return recipe && recipe->cmd.count == 1 && evaluating_parse(arena, recipe->cmd.items[0], ret);
}

static const struct recipe_dep *input_at(const struct recipe *recipe, struct str path)
{
    for (size_t i = 0; i < recipe->dep_count; i++) {
        if (str_equal(recipe->deps[i].path, path) && recipe->deps[i].kind == ARTIFACT_FILE)
            return &recipe->deps[i];
    }
    return NULL;
}

static const char *text_of(struct arena *arena, struct error *error)
{
    const char *text = str_print(arena, "%s", error->text).at;
    error_drop(error);
    return text;
}

FALLIBLE evaluation_predictions(struct session *session, const struct evaluated *side,
                                struct predictions *ret, const char **ret_why)
{
    struct arena *arena = session->arena;
    struct evaluating how;
    struct str bytes = {0};
    bool found = false;
    *ret_why = "it was not measured by a built-in evaluation";
    if (!how_measured(arena, side, &how))
        return NULL;
    const struct recipe_dep *input = input_at(side->recipe, how.predictions);
    *ret_why = str_print(arena, "'%.*s' of '%.*s' is not in the cache", STR_FMT(how.predictions),
                         STR_FMT(side->title))
                   .at;
    if (input)
        TRY(baseline_read(session, side->commit, input->path, input->digest, LIMIT_PREDICTION_BYTES,
                          &bytes, &found));
    if (!found)
        return NULL;
    struct predictions_options options = {.task = (enum task)how.task,
                                          .threshold = how.threshold,
                                          .has_threshold = how.has_threshold,
                                          .positive = how.positive,
                                          .label = how.label,
                                          .prediction = how.prediction,
                                          .score = how.score,
                                          .id = how.id,
                                          .weight = how.weight,
                                          .slices = how.slices.at,
                                          .slice_count = how.slices.len};
    struct error *error = predictions_parse(arena, how.predictions, bytes, &options, ret);
    if (error && error->code != ERROR_PROJECT)
        return error;
    *ret_why = error ? text_of(arena, error) : NULL;
    return NULL;
}

FALLIBLE evaluation_pair(struct session *session, const struct evaluated *a,
                         const struct evaluated *b, struct predictions *ret_a,
                         struct predictions *ret_b, const char **ret_why)
{
    struct predictions other;
    TRY(evaluation_predictions(session, a, ret_a, ret_why));
    if (!*ret_why)
        TRY(evaluation_predictions(session, b, &other, ret_why));
    if (*ret_why)
        return NULL;
    if (ret_a->task != other.task) {
        *ret_why = "they are of different tasks";
        return NULL;
    }
    struct error *error = compare_align(session->arena, ret_a, &other, false, ret_b);
    if (error && error->code != ERROR_PROJECT)
        return error;
    *ret_why = error ? text_of(session->arena, error) : NULL;
    return NULL;
}

/* --- intervals --- */

/* Weights of the rows of a slice, 0 outside; NULL: all rows as they are. */
static const double *weights_of(struct arena *arena, const struct predictions *predictions,
                                struct str column, struct str value)
{
    const struct slice_column *slice = NULL;
    if (!column.len)
        return NULL;
    double *weights = arena_new_array(arena, double, predictions->count);
    for (size_t i = 0; i < predictions->slice_count; i++) {
        if (str_equal(predictions->slices[i].name, column))
            slice = &predictions->slices[i];
    }
    for (size_t i = 0; i < predictions->count; i++) {
        bool is_in = slice && str_equal(slice->values[slice->of_row[i]], value);
        weights[i] = !is_in ? 0 : predictions->weights ? predictions->weights[i] : 1;
    }
    return weights;
}

static FALLIBLE take_scorer(struct assay *assay)
{
    struct arena *arena = assay->session->arena;
    const char *why = NULL;
    if (assay->scorer || assay->no_scorer.len)
        return NULL;
    struct predictions *predictions = arena_new(arena, struct predictions);
    TRY(evaluation_predictions(assay->session, &assay->now, predictions, &why));
    if (why)
        assay->no_scorer = str_of(why);
    else
        assay->scorer = scorer_make(arena, predictions);
    return NULL;
}

static FALLIBLE take_interval(struct assay *assay, const struct gate *gate, size_t row,
                              struct str column, struct str value, struct gate_evidence *evidence)
{
    struct arena *arena = assay->session->arena;
    struct interval interval = {0};
    TRY(take_scorer(assay));
    evidence->no_interval = assay->no_scorer;
    if (!assay->scorer)
        return NULL;
    const double *weights = weights_of(arena, scorer_predictions(assay->scorer), column, value);
    TRY(resample_intervals(arena, assay->scorer, &row, 1, weights, gate->confidence, &interval));
    evidence->low = interval.low;
    evidence->high = interval.high;
    evidence->has_interval = interval.low <= interval.high;
    evidence->no_interval = STR("it is undefined in too many samples");
    return NULL;
}

static FALLIBLE pair_up(struct assay *assay, struct compared *baseline)
{
    struct arena *arena = assay->session->arena;
    struct predictions *before = arena_new(arena, struct predictions);
    struct predictions *now = arena_new(arena, struct predictions);
    if (baseline->is_paired)
        return NULL;
    baseline->is_paired = true;
    TRY(evaluation_pair(assay->session, &baseline->side, &assay->now, before, now, &baseline->why));
    if (baseline->why)
        return NULL;
    baseline->before = scorer_make(arena, before);
    baseline->now = scorer_make(arena, now);
    return NULL;
}

static FALLIBLE take_difference(struct assay *assay, const struct gate *gate, size_t row,
                                struct compared *baseline, struct str column, struct str value,
                                struct gate_evidence *evidence)
{
    struct arena *arena = assay->session->arena;
    struct interval interval = {0};
    double p = 0;
    TRY(pair_up(assay, baseline));
    evidence->no_difference = str_of(baseline->why ? baseline->why : "");
    if (baseline->why)
        return NULL;
    const double *weights = weights_of(arena, scorer_predictions(baseline->now), column, value);
    TRY(resample_differences(arena, baseline->before, baseline->now, &row, 1, weights,
                             gate->confidence, &interval, &p));
    evidence->difference_low = interval.low;
    evidence->difference_high = interval.high;
    evidence->has_difference = interval.low <= interval.high;
    evidence->no_difference = STR("it is undefined in too many samples");
    return NULL;
}

FALLIBLE evaluation_intervals(struct assay *assay, const struct gate *gate,
                              struct compared *baseline, struct str column, struct str value,
                              struct gate_evidence *evidence)
{
    size_t row = 0;
    bool is_known = score_find((enum task)assay->stage->evaluating->task, gate->metric, &row);
    bool has_bound = gate->min.is_given || gate->max.is_given;
    evidence->no_interval = evidence->no_difference =
        STR("it is no metric of the evaluation's own");
    if (!is_known || !evidence->now.is_there)
        return NULL;
    if (has_bound)
        TRY(take_interval(assay, gate, row, column, value, evidence));
    if (baseline && baseline->found == BASELINE_FOUND && evidence->before.is_there)
        TRY(take_difference(assay, gate, row, baseline, column, value, evidence));
    return NULL;
}
