/* The same metrics of the rows that have one value in a column. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"

#include "evaluation_private.h"

/* Rows sorted by value: those of value v are rows[starts[v]] to rows[starts[v + 1]]. */
struct parted {
    size_t *starts;
    size_t *rows;
};

static struct parted part(struct arena *arena, const struct slice_column *column, size_t count)
{
    struct parted parted = {arena_new_array(arena, size_t, column->value_count + 2),
                            arena_new_array(arena, size_t, count)};
    size_t *places = parted.starts + 1; /* moves on to the start of the next value while filling */
    for (size_t i = 0; i < count; i++)
        places[column->of_row[i] + 1]++;
    for (size_t v = 1; v <= column->value_count; v++)
        places[v] += places[v - 1];
    for (size_t i = 0; i < count; i++)
        parted.rows[places[column->of_row[i]]++] = i;
    return parted;
}

static const uint32_t *pick_classes(struct arena *arena, const uint32_t *from, const size_t *rows,
                                    size_t count)
{
    uint32_t *to = from ? arena_new_array(arena, uint32_t, count) : NULL;
    for (size_t i = 0; to && i < count; i++)
        to[i] = from[rows[i]];
    return to;
}

static const double *pick(struct arena *arena, const double *from, size_t width, const size_t *rows,
                          size_t count)
{
    double *to = from ? arena_new_array(arena, double, count *width) : NULL;
    for (size_t i = 0; to && i < count; i++)
        memcpy(to + i * width, from + rows[i] * width, width * sizeof *to);
    return to;
}

static struct predictions pick_rows(struct arena *arena, const struct predictions *all,
                                    const size_t *rows, size_t count)
{
    struct predictions some = *all;
    some.count = count;
    some.weights = pick(arena, all->weights, 1, rows, count);
    some.labels = pick_classes(arena, all->labels, rows, count);
    some.predicted = pick_classes(arena, all->predicted, rows, count);
    some.scores = pick(arena, all->scores, 1, rows, count);
    some.probabilities = pick(arena, all->probabilities, all->class_count, rows, count);
    some.targets = pick(arena, all->targets, 1, rows, count);
    some.values = pick(arena, all->values, 1, rows, count);
    return some;
}

static struct slice_evaluation evaluate(struct arena *arena, struct arena *scratch,
                                        const struct predictions *all, const size_t *rows,
                                        size_t count)
{
    struct predictions some = pick_rows(scratch, all, rows, count);
    struct scorer *scorer = scorer_make(scratch, &some);
    struct slice_evaluation slice = {.rows = count};
    slice.values = evaluation_values(arena, scorer, &slice.whys);
    return slice;
}

static void add_column(struct arena *arena, const struct predictions *predictions, size_t at,
                       struct evaluation *ret)
{
    AUTO(arena_drop) struct arena kept = {0};
    const struct slice_column *column = &predictions->slices[at];
    struct parted parted = part(&kept, column, predictions->count);
    for (size_t v = 0; v < column->value_count; v++) {
        AUTO(arena_drop) struct arena scratch = {0};
        size_t from = parted.starts[v], to = parted.starts[v + 1];
        struct slice_evaluation slice =
            evaluate(arena, &scratch, predictions, parted.rows + from, to - from);
        slice.column = column->name;
        slice.value = column->values[v];
        ret->slices[ret->slice_count++] = slice;
    }
}

FALLIBLE evaluation_slices(struct arena *arena, const struct predictions *predictions,
                           struct evaluation *ret)
{
    size_t total = 0;
    for (size_t i = 0; i < predictions->slice_count; i++)
        total += predictions->slices[i].value_count;
    if (total > (size_t)LIMIT_PREDICTION_SLICES)
        return error_hint(error_new(ERROR_PROJECT, "%.*s: %zu slices; the limit is %lld",
                                    STR_FMT(predictions->name), total,
                                    (long long)LIMIT_PREDICTION_SLICES),
                          "slice by columns with fewer values");
    ret->slices = arena_new_array(arena, struct slice_evaluation, total);
    ret->slice_count = 0;
    for (size_t i = 0; i < predictions->slice_count; i++)
        add_column(arena, predictions, i, ret);
    return NULL;
}
