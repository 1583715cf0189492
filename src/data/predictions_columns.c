/* Which columns of a table hold what. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"
#include "mlops/codec/schema.h"

#include "predictions_private.h"

struct str predictions_list_columns(struct arena *arena, const struct table_reader *table)
{
    enum { SHOWN = 12 };
    size_t count = 0;
    const struct str *labels = table_labels(table, &count);
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < MIN_OF(count, (size_t)SHOWN); i++)
        buf_print(&out, "%s'%.*s'", i ? ", " : "", STR_FMT(str_slice(labels[i], 0, 64)));
    if (count > SHOWN)
        buf_print(&out, " and %zu more", count - SHOWN);
    return count ? buf_str(&out) : STR("none");
}

static FALLIBLE find(const struct table_reader *table, struct str name, size_t *ret)
{
    size_t count = 0, found = NO_COLUMN;
    const struct str *labels = table_labels(table, &count);
    for (size_t i = 0; i < count; i++) {
        if (!str_equal(labels[i], name))
            continue;
        if (found != NO_COLUMN)
            return error_new(ERROR_PROJECT, "%.*s has two columns '%.*s'",
                             STR_FMT(table_name(table)), STR_FMT(name));
        found = i;
    }
    *ret = found;
    return NULL;
}

/* The column `named` by the user, which must be there, or the usual one. `is_needed`: that, too. */
static FALLIBLE find_column(struct arena *arena, const struct table_reader *table, struct str named,
                            const char *usual, bool is_needed, size_t *ret)
{
    struct str name = named.len ? named : str_of(usual);
    TRY(find(table, name, ret));
    if (*ret != NO_COLUMN || !(is_needed || named.len))
        return NULL;
    struct error *error = error_new(ERROR_PROJECT, "%.*s has no column '%.*s'",
                                    STR_FMT(table_name(table)), STR_FMT(name));
    struct str columns = predictions_list_columns(arena, table);
    if (named.len)
        return error_hint(error, "its columns are %.*s", STR_FMT(columns));
    return error_hint(error, "its columns are %.*s; another one is named by the option '%s'",
                      STR_FMT(columns), usual);
}

static bool is_taken(const struct column_places *at, size_t column)
{
    bool is = column == at->label || column == at->prediction || column == at->score ||
              column == at->id || column == at->weight;
    for (size_t i = 0; i < at->slice_count; i++)
        is = is || column == at->slices[i];
    return is;
}

static bool is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    return text.len > 0 && text.len < 9;
}

static void find_shares(struct arena *arena, const struct table_reader *table, bool is_numbered,
                        struct column_places *ret)
{
    const struct str prefix = is_numbered ? STR("p") : STR("p_");
    size_t count = 0;
    const struct str *labels = table_labels(table, &count);
    ret->shares = arena_new_array(arena, size_t, count);
    ret->share_classes = arena_new_array(arena, struct str, count);
    ret->has_numbered = is_numbered;
    ret->share_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct str rest = str_slice(labels[i], prefix.len, labels[i].len);
        if (is_taken(ret, i) || !str_starts(labels[i], prefix) || !rest.len)
            continue;
        if (is_numbered && !is_digits(rest))
            continue;
        ret->shares[ret->share_count] = i;
        ret->share_classes[ret->share_count++] = rest;
    }
}

static FALLIBLE find_slices(struct arena *arena, const struct table_reader *table,
                            const struct predictions_options *options, struct column_places *ret)
{
    ret->slices = arena_new_array(arena, size_t, options->slice_count);
    ret->slice_names = arena_new_array(arena, struct str, options->slice_count);
    for (size_t i = 0; i < options->slice_count; i++) {
        size_t at;
        bool is_twice = false;
        TRY(find_column(arena, table, options->slices[i], "slice", true, &at));
        for (size_t k = 0; k < ret->slice_count; k++)
            is_twice = is_twice || ret->slices[k] == at;
        if (is_twice)
            continue;
        ret->slices[ret->slice_count] = at;
        ret->slice_names[ret->slice_count++] = options->slices[i];
    }
    return NULL;
}

static FALLIBLE check_something(struct arena *arena, const struct table_reader *table,
                                enum task task, const struct column_places *at)
{
    static const char *const wanted[TASK_COUNT] = {
        [TASK_BINARY] = "neither a column 'prediction' nor 'score'",
        [TASK_MULTICLASS] = "neither a column 'prediction' nor columns 'p_<class>'",
        [TASK_REGRESSION] = "no column 'prediction'",
    };
    bool has_score = task != TASK_REGRESSION && (at->score != NO_COLUMN || at->share_count);
    if (at->prediction != NO_COLUMN || has_score)
        return NULL;
    return error_hint(
        error_new(ERROR_PROJECT, "%.*s has %s", STR_FMT(table_name(table)), wanted[task]),
        "its columns are %.*s; name those that hold predictions by options",
        STR_FMT(predictions_list_columns(arena, table)));
}

FALLIBLE predictions_find_columns(struct arena *arena, const struct table_reader *table,
                                  const struct predictions_options *options,
                                  struct column_places *ret)
{
    struct column_places at = {.score = NO_COLUMN};
    bool is_binary = options->task == TASK_BINARY;
    bool is_multi = options->task == TASK_MULTICLASS;
    TRY(find_column(arena, table, options->label, "label", true, &at.label));
    TRY(find_column(arena, table, options->prediction, "prediction", false, &at.prediction));
    TRY(find_column(arena, table, options->id, "id", false, &at.id));
    TRY(find_column(arena, table, options->weight, "weight", false, &at.weight));
    if (is_binary || options->score.len)
        TRY(find_column(arena, table, options->score, "score", false, &at.score));
    TRY(find_slices(arena, table, options, &at));
    if (is_multi || (is_binary && at.score == NO_COLUMN))
        find_shares(arena, table, false, &at);
    if ((is_multi || is_binary) && at.score == NO_COLUMN && !at.share_count)
        find_shares(arena, table, true, &at);
    if (!is_binary)
        at.score = NO_COLUMN;
    TRY(check_something(arena, table, options->task, &at));
    *ret = at;
    return NULL;
}
