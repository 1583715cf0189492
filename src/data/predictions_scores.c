/* Scores and probabilities by class, and the predictions that follow from them. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"

#include <math.h>

#include "predictions_private.h"

#define THRESHOLD_USUAL 0.5

static ERROR_MADE class_with_two_columns(struct predictions_reader *reader, size_t first,
                                         size_t second)
{
    size_t count = 0;
    const struct str *labels = table_labels(reader->table, &count);
    struct str one = str_slice(labels[reader->at.shares[first]], 0, 64);
    struct str other = str_slice(labels[reader->at.shares[second]], 0, 64);
    return error_hint(error_new(ERROR_PROJECT,
                                "%.*s: the columns '%.*s' and '%.*s' are of one class",
                                STR_FMT(table_name(reader->table)), STR_FMT(one), STR_FMT(other)),
                      "give one column of probabilities for each class");
}

/* The column of probabilities of each class; NO_COLUMN: there is none. */
static FALLIBLE columns_of_classes(struct predictions_reader *reader,
                                   const struct predictions *predictions, const size_t **ret)
{
    size_t *columns = arena_new_array(reader->arena, size_t, predictions->class_count);
    for (size_t i = 0; i < predictions->class_count; i++)
        columns[i] = NO_COLUMN;
    for (size_t i = 0; i < reader->at.share_count; i++) {
        bool is_new;
        uint32_t text = class_text_number(reader->arena, &reader->classes,
                                          str_trim(reader->at.share_classes[i]), &is_new);
        size_t *column = &columns[reader->classes.all.at[text].class];
        if (*column != NO_COLUMN)
            return class_with_two_columns(reader, *column, i);
        *column = i;
    }
    *ret = columns;
    return NULL;
}

static ERROR_MADE class_without_column(struct predictions_reader *reader, struct str class)
{
    struct str name = table_name(reader->table);
    const char *prefix = reader->at.has_numbered ? "p" : "p_";
    struct error *error =
        error_new(ERROR_PROJECT, "%.*s has no column '%s%.*s' for the class '%.*s'", STR_FMT(name),
                  prefix, STR_FMT(str_slice(class, 0, 64)), STR_FMT(str_slice(class, 0, 64)));
    if (reader->at.has_numbered)
        return error_hint(error, "p0, p1, ... are of the classes 0, 1, ...; of others name the "
                                 "columns p_<class>");
    return error_hint(error, "give a column of probabilities for each class");
}

static void warn(struct predictions_reader *reader, struct predictions *ret, struct str text)
{
    *vec_push(reader->arena, ret->warnings) = text;
}

static FALLIBLE fill_probabilities(struct predictions_reader *reader, struct predictions *ret)
{
    size_t classes = ret->class_count, given = reader->at.share_count;
    const size_t *columns = NULL;
    TRY(columns_of_classes(reader, ret, &columns));
    const double *from = (const double *)(const void *)reader->shares.at;
    double *to = arena_new_array(reader->arena, double, ret->count *classes);
    for (size_t k = 0; k < classes; k++)
        if (columns[k] == NO_COLUMN)
            return class_without_column(reader, ret->classes[k]);
    for (size_t i = 0; i < ret->count; i++)
        for (size_t k = 0; k < classes; k++)
            to[i * classes + k] = from[i * given + columns[k]];
    ret->probabilities = to;
    return NULL;
}

static const uint32_t *most_probable(struct arena *arena, const struct predictions *predictions)
{
    size_t classes = predictions->class_count;
    uint32_t *found = arena_new_array(arena, uint32_t, predictions->count);
    for (size_t i = 0; i < predictions->count; i++) {
        const double *shares = predictions->probabilities + i * classes;
        for (uint32_t k = 1; k < classes; k++)
            if (shares[k] > shares[found[i]])
                found[i] = k;
    }
    return found;
}

static FALLIBLE finish_multiclass(struct predictions_reader *reader, struct predictions *ret)
{
    ret->threshold = nan("");
    if (reader->at.share_count)
        TRY(fill_probabilities(reader, ret));
    if (!ret->predicted)
        ret->predicted = most_probable(reader->arena, ret);
    return NULL;
}

/* Of the positive class, out of the column of its probability or of the other one's. */
static FALLIBLE fill_scores(struct predictions_reader *reader, struct predictions *ret)
{
    const double *from = (const double *)(const void *)reader->scores.at;
    double *to = arena_new_array(reader->arena, double, ret->count);
    size_t given = 1, column = 0;
    bool is_other = false;
    if (reader->at.score == NO_COLUMN) {
        const size_t *columns = NULL;
        TRY(columns_of_classes(reader, ret, &columns));
        from = (const double *)(const void *)reader->shares.at;
        given = reader->at.share_count;
        is_other = columns[ret->positive] == NO_COLUMN;
        column = columns[is_other ? 1 - ret->positive : ret->positive];
    }
    ret->scores_are_probabilities = true;
    for (size_t i = 0; i < ret->count; i++) {
        double score = from[i * given + column];
        to[i] = is_other ? 1 - score : score;
        ret->scores_are_probabilities &= to[i] >= 0 && to[i] <= 1;
    }
    ret->scores = to;
    return NULL;
}

static const uint32_t *by_threshold(struct arena *arena, const struct predictions *predictions)
{
    uint32_t *found = arena_new_array(arena, uint32_t, predictions->count);
    size_t positive = predictions->positive;
    for (size_t i = 0; i < predictions->count; i++)
        found[i] =
            (uint32_t)(predictions->scores[i] >= predictions->threshold ? positive : 1 - positive);
    return found;
}

/* The column of predictions counts, unless another threshold than the usual one is asked for. */
static FALLIBLE finish_binary(struct predictions_reader *reader, struct predictions *ret)
{
    const struct predictions_options *options = reader->options;
    bool has_scores = reader->at.score != NO_COLUMN || reader->at.share_count;
    bool is_given = options->has_threshold || options->threshold != 0;
    bool is_special = is_given && options->threshold != THRESHOLD_USUAL;
    ret->threshold = is_given ? options->threshold : THRESHOLD_USUAL;
    if (has_scores)
        TRY(fill_scores(reader, ret));
    if (is_special && !has_scores)
        return error_hint(
            error_new(ERROR_PROJECT, "%.*s has no scores for a threshold", STR_FMT(ret->name)),
            "leave the threshold out, or add a column 'score'");
    if (ret->predicted && !is_special) {
        ret->threshold = nan("");
        return NULL;
    }
    if (ret->predicted)
        warn(reader, ret, STR("the threshold decides, not the column of predictions"));
    ret->predicted = by_threshold(reader->arena, ret);
    if (!ret->scores_are_probabilities && !is_given)
        warn(reader, ret,
             STR("scores are not all within 0 and 1: the threshold 0.5 was taken as it is"));
    return NULL;
}

FALLIBLE predictions_finish_scores(struct predictions_reader *reader, struct predictions *ret)
{
    if (ret->task == TASK_BINARY)
        return finish_binary(reader, ret);
    return finish_multiclass(reader, ret);
}
