#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>

#include "tabular_private.h"

enum { PAIRS_TOLD = 10, PAIRED_LEAST = 10 /* records; of fewer any two columns correlate */ };

static const double strong = 0.8; /* of correlations that are told */

static struct str quoted(struct arena *arena, struct str name)
{
    struct buf text = buf_in(arena);
    buf_add_char(&text, '\'');
    buf_add_escaped(&text, name, false);
    buf_add_char(&text, '\'');
    return buf_str(&text);
}

static void note_pairs(struct arena *arena, const struct profile *profile, struct str_vec *ret)
{
    if (profile->record_count < PAIRED_LEAST)
        return;
    for (size_t i = 0; i < MIN_OF(profile->pair_count, (size_t)PAIRS_TOLD); i++) {
        const struct column_pair *pair = &profile->pairs[i];
        if (fabs(pair->correlation) < strong)
            return;
        *vec_push(arena, ret) =
            str_print(arena, "correlated: %.*s and %.*s, %.3f",
                      STR_FMT(quoted(arena, profile->columns[pair->a].name)),
                      STR_FMT(quoted(arena, profile->columns[pair->b].name)), pair->correlation);
    }
}

/* The most frequent class, and how many cells are of none like it (numbers are one kind). */
static size_t main_class(const struct column_profile *column, uint64_t *ret_others)
{
    uint64_t counts[CLASS_COUNT], all = 0;
    size_t most = CLASS_TEXT;
    memcpy(counts, column->classes, sizeof counts);
    counts[CLASS_REAL] += counts[CLASS_INTEGER];
    counts[CLASS_INTEGER] = 0;
    for (size_t i = CLASS_INTEGER; i < CLASS_COUNT; i++) {
        all += counts[i];
        most = counts[i] > counts[most] ? i : most;
    }
    *ret_others = all - counts[most];
    return most;
}

static void note_mixed(struct arena *arena, const struct column_profile *column,
                       struct str_vec *ret)
{
    static const char *const nouns[CLASS_COUNT] = {
        [CLASS_REAL] = "numbers", [CLASS_BOOLEAN] = "true or false", [CLASS_DATE] = "dates",
        [CLASS_TIME] = "times",   [CLASS_DATETIME] = "date-times",   [CLASS_JSON] = "objects",
        [CLASS_TEXT] = "texts",
    };
    uint64_t others = 0;
    size_t most = main_class(column, &others);
    if (others == 0)
        return;
    const char *verb = most == CLASS_TEXT ? "look like" : "are not";
    struct str few = count_print(arena, (int64_t)others);
    struct str all = count_print(arena, (int64_t)column->count);
    *vec_push(arena, ret) =
        most == CLASS_TEXT
            ? str_print(arena,
                        "mixed: %.*s of %.*s values of %.*s look like numbers, dates or "
                        "other types",
                        STR_FMT(few), STR_FMT(all), STR_FMT(quoted(arena, column->name)))
            : str_print(arena, "mixed: %.*s of %.*s values of %.*s %s %s", STR_FMT(few),
                        STR_FMT(all), STR_FMT(quoted(arena, column->name)), verb, nouns[most]);
}

static void note_column(struct arena *arena, const struct profile *profile,
                        const struct column_profile *column, struct str_vec *ret)
{
    struct str name = quoted(arena, column->name);
    if (column->null_count && column->null_count == profile->record_count)
        *vec_push(arena, ret) = str_print(arena, "empty: %.*s is always null", STR_FMT(name));
    if (column->distinct == 1 && column->distinct_is_exact && column->count > 1)
        *vec_push(arena, ret) = str_print(arena, "constant: %.*s is always %.*s", STR_FMT(name),
                                          STR_FMT(quoted(arena, column->values[0].value)));
    if (column->bad_count)
        *vec_push(arena, ret) =
            str_print(arena, "wrong type: %.*s of %.*s values of %.*s are not of type %s",
                      STR_FMT(count_print(arena, (int64_t)column->bad_count)),
                      STR_FMT(count_print(arena, (int64_t)column->count)), STR_FMT(name),
                      field_type_name(column->type));
    note_mixed(arena, column, ret);
}

/* Cells behind the header's columns are in no column: they would not be missed. */
static void note_ragged(struct arena *arena, const struct profile *profile, struct str_vec *ret)
{
    const struct {
        uint64_t count;
        const char *what;
    } kinds[] = {{profile->short_count, "fewer"}, {profile->long_count, "more"}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!kinds[i].count)
            continue;
        *vec_push(arena, ret) =
            str_print(arena, "ragged: %.*s of %.*s records have %s cells than the header%s",
                      STR_FMT(count_print(arena, (int64_t)kinds[i].count)),
                      STR_FMT(count_print(arena, (int64_t)profile->record_count)), kinds[i].what,
                      i ? "; what is beyond it is in no column" : "");
    }
}

void tabular_profile_notes(struct arena *arena, const struct profile *profile, struct str_vec *ret)
{
    note_ragged(arena, profile, ret);
    note_pairs(arena, profile, ret);
    for (size_t i = 0; i < profile->column_count; i++)
        note_column(arena, profile, &profile->columns[i], ret);
}
