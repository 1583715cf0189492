/* What may have made the difference between trials. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"

#include <math.h>
#include <stdlib.h>

#include "choice_private.h"
#include "space_private.h"

/* Read from a text that is a number and nothing else; NaN: it is none. */
static double number_of(struct str text)
{
    char digits[64] = "", *end = digits;
    if (!text.len || text.len >= sizeof digits || !memchr("0123456789+-.", text.at[0], 13))
        return nan("");
    memcpy(digits, text.at, text.len);
    double value = strtod(digits, &end);
    return *end || !isfinite(value) ? nan("") : value;
}

/* The share of a dimension's draws that lie below a coordinate (of the middle of its cell). */
static double share_below(const struct dimension *dimension, double coordinate)
{
    double low = dimension->low, high = dimension->high, count = dimension_count(dimension);
    switch (dimension->kind) {
    case DIMENSION_LOGUNIFORM:
        return (log(coordinate) - log(low)) / (log(high) - log(low));
    case DIMENSION_LOGINT: /* cells of half a unit around each number */
        return (log(low + coordinate) - log(low - 0.5)) / (log(high + 0.5) - log(low - 0.5));
    case DIMENSION_UNIFORM:
        if (!(count > 0))
            return (coordinate - low) / (high - low);
        break;
    case DIMENSION_CHOICE:
    case DIMENSION_INT:
        break;
    }
    return (coordinate + 0.5) / count;
}

static int text_by_number(const void *a, const void *b)
{
    double left = number_of(*(const struct str *)a), right = number_of(*(const struct str *)b);
    return (left > right) - (left < right);
}

/* Choices that are all numbers are ordered by them, each as likely as another. */
static struct dimension in_order(struct arena *arena, const struct dimension *dimension,
                                 bool *ret_is_ordered)
{
    struct dimension ordered = *dimension;
    *ret_is_ordered = true;
    if (dimension->kind != DIMENSION_CHOICE)
        return ordered;
    for (size_t i = 0; i < dimension->value_count; i++)
        if (isnan(number_of(dimension->values[i])))
            *ret_is_ordered = false;
    if (!*ret_is_ordered)
        return ordered;
    ordered.values = arena_new_array(arena, struct str, dimension->value_count);
    memcpy(ordered.values, dimension->values, dimension->value_count * sizeof(struct str));
    qsort(ordered.values, dimension->value_count, sizeof(struct str), text_by_number);
    return ordered;
}

static struct str text_in(const struct override_vec *overrides, struct str file, struct str key)
{
    vec_each (const struct override, override, overrides) {
        bool is_same_file = !file.len || !override->file.len || str_equal(file, override->file);
        if (is_same_file && str_equal(override->key, key))
            return override->text;
    }
    return (struct str){0};
}

static struct factor factor_make(struct arena *arena, const struct dimension *dimension,
                                 const struct choice_trial *trials, size_t count)
{
    bool is_ordered = false;
    struct dimension ordered = in_order(arena, dimension, &is_ordered);
    struct factor factor = {.file = dimension->file, .key = dimension->key};
    factor.is_ordered = is_ordered;
    factor.words = is_ordered ? 0 : ordered.value_count;
    factor.at = arena_new_array(arena, double, count);
    for (size_t i = 0; i < count; i++) {
        struct str text = text_in(trials[i].overrides, dimension->file, dimension->key);
        double coordinate = dimension_coordinate(&ordered, text);
        factor.at[i] = is_ordered ? share_below(&ordered, coordinate) : coordinate;
    }
    return factor;
}

/* A parameter without a range of its own: as a choice among the values that trials have; a trial
 * without it has the empty one. */
static struct dimension seen_values(struct arena *arena, struct str file, struct str key,
                                    const struct choice_trial *trials, size_t count)
{
    struct dimension dimension = {.file = file, .key = key};
    struct map seen = {0};
    dimension.values = arena_new_array(arena, struct str, count);
    for (size_t i = 0; i < count; i++) {
        struct str text = text_in(trials[i].overrides, file, key);
        if (!map_put(arena, &seen, text, &dimension))
            dimension.values[dimension.value_count++] = text;
    }
    return dimension;
}

static bool is_dimension(const struct sweep *sweep, const struct override *override)
{
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        if (str_equal(dimension->key, override->key) &&
            (!dimension->file.len || !override->file.len ||
             str_equal(dimension->file, override->file)))
            return true;
    return str_equal(sweep->seed_key, override->key);
}

/* Other parameters than dimensions, each once: those of lists, the budget. */
static void find_others(struct arena *arena, const struct sweep *sweep,
                        const struct choice_trial *trials, size_t count, struct override_vec *ret)
{
    struct map seen = {0};
    for (size_t i = 0; i < count; i++) {
        vec_each (const struct override, override, trials[i].overrides) {
            struct str name =
                str_print(arena, "%.*s:%.*s", STR_FMT(override->file), STR_FMT(override->key));
            if (!is_dimension(sweep, override) && !map_put(arena, &seen, name, ret))
                *vec_push(arena, ret) = *override;
        }
    }
}

void factors_make(struct arena *arena, const struct sweep *sweep, const struct choice_trial *trials,
                  size_t count, struct factor **ret, size_t *ret_count)
{
    struct override_vec others = {0};
    find_others(arena, sweep, trials, count, &others);
    *ret = arena_new_array(arena, struct factor, sweep->dimensions.len + others.len);
    *ret_count = 0;
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        (*ret)[(*ret_count)++] = factor_make(arena, dimension, trials, count);
    vec_each (const struct override, other, &others) {
        struct dimension dimension = seen_values(arena, other->file, other->key, trials, count);
        if (dimension.value_count > 1)
            (*ret)[(*ret_count)++] = factor_make(arena, &dimension, trials, count);
    }
}
