/* Predictions of two sides brought together. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/data/compare.h"
#include "mlops/model/name.h"

#include "evaluation_private.h"

struct str evaluation_metric_key(const struct stage *stage, struct str name)
{
    size_t count = 0, row = 0;
    return evaluation_metric_row(stage, name, &row) ? str_of(score_rows(&count)[row].name) : name;
}

bool evaluation_metric_row(const struct stage *stage, struct str name, size_t *ret_row)
{
    const struct evaluating *how = stage->evaluating;
    if (!how)
        return false;
    bool names_file = str_starts(name, how->metrics) && name.len > how->metrics.len &&
                      name.at[how->metrics.len] == ':';
    struct str bare = names_file ? str_slice(name, how->metrics.len + 1, name.len) : name;
    return score_find((enum task)how->task, bare, ret_row);
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
