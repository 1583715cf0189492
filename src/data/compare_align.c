/* The same example in the same row. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <stdlib.h>

#include "compare_private.h"

enum { IDS_TOLD = 3 };

/* --- order by id ---------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b, void *ids)
{
    const struct str *all = ids;
    return str_compare(all[*(const uint32_t *)a], all[*(const uint32_t *)b]);
}

static uint32_t *sort_ids(struct arena *arena, const struct predictions *predictions)
{
    uint32_t *order = arena_new_array(arena, uint32_t, predictions->count);
    for (size_t i = 0; i < predictions->count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, predictions->count, sizeof *order, by_id, (void *)(uintptr_t)predictions->ids);
    return order;
}

/* Ids that one file has and the other lacks: the first few by their bytes, and how many. */
struct missing {
    struct str ids[IDS_TOLD];
    size_t count;
};

static void note_missing(struct missing *missing, struct str id)
{
    if (missing->count < IDS_TOLD)
        missing->ids[missing->count] = id;
    missing->count++;
}

static FALLIBLE refuse_missing(const struct missing *missing, const struct predictions *lacks,
                               const struct predictions *has)
{
    AUTO(buf_drop) struct buf text = {0};
    for (size_t i = 0; i < MIN_OF(missing->count, (size_t)IDS_TOLD); i++)
        buf_print(&text, "%s'%.*s'", i ? ", " : "",
                  (int)MIN_OF(missing->ids[i].len, (size_t)LIMIT_SHOWN_BYTES), missing->ids[i].at);
    if (missing->count > IDS_TOLD)
        buf_print(&text, " and %zu more", missing->count - IDS_TOLD);
    bool is_other_run = str_equal(lacks->name, has->name);
    struct error *error = is_other_run
                              ? error_new(ERROR_PROJECT, "%.*s: only one side has the id %s",
                                          STR_FMT(lacks->name), text.at)
                              : error_new(ERROR_PROJECT, "%.*s: no row has the id %s of %.*s",
                                          STR_FMT(lacks->name), text.at, STR_FMT(has->name));
    return error_hint(error, "compare predictions of the same examples");
}

/* For each row of `a` the row of `b`. */
static FALLIBLE match(struct arena *arena, const struct predictions *a, const struct predictions *b,
                      uint32_t **ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const uint32_t *of_a = sort_ids(&scratch, a), *of_b = sort_ids(&scratch, b);
    uint32_t *rows = arena_new_array(arena, uint32_t, a->count);
    struct missing only_a = {0}, only_b = {0};
    for (size_t i = 0, k = 0; i < a->count || k < b->count;) {
        int order = i == a->count   ? 1
                    : k == b->count ? -1
                                    : str_compare(a->ids[of_a[i]], b->ids[of_b[k]]);
        if (order == 0)
            rows[of_a[i]] = of_b[k];
        else
            note_missing(order < 0 ? &only_a : &only_b,
                         order < 0 ? a->ids[of_a[i]] : b->ids[of_b[k]]);
        i += order <= 0;
        k += order >= 0;
    }
    if (only_a.count)
        return refuse_missing(&only_a, b, a);
    if (only_b.count)
        return refuse_missing(&only_b, a, b);
    *ret = rows;
    return NULL;
}

static bool has_same_order(const struct predictions *a, const struct predictions *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!str_equal(a->ids[i], b->ids[i]))
            return false;
    return true;
}

/* --- rows in another order ------------------------------------------------------------------ */

static const void *pick(struct arena *arena, const void *from, size_t size, const uint32_t *rows,
                        size_t count)
{
    if (!from)
        return NULL;
    char *to = arena_array(arena, count, size);
    for (size_t i = 0; i < count; i++)
        memcpy(to + i * size, (const char *)from + rows[i] * size, size);
    return to;
}

static struct predictions reorder(struct arena *arena, const struct predictions *from,
                                  const uint32_t *rows)
{
    struct predictions to = *from;
    struct slice_column *slices = arena_new_array(arena, struct slice_column, from->slice_count);
    size_t count = from->count;
    to.weights = pick(arena, from->weights, sizeof *to.weights, rows, count);
    to.ids = pick(arena, from->ids, sizeof *to.ids, rows, count);
    to.labels = pick(arena, from->labels, sizeof *to.labels, rows, count);
    to.predicted = pick(arena, from->predicted, sizeof *to.predicted, rows, count);
    to.scores = pick(arena, from->scores, sizeof *to.scores, rows, count);
    to.probabilities =
        pick(arena, from->probabilities, from->class_count * sizeof *to.probabilities, rows, count);
    to.targets = pick(arena, from->targets, sizeof *to.targets, rows, count);
    to.values = pick(arena, from->values, sizeof *to.values, rows, count);
    for (size_t i = 0; i < from->slice_count; i++) {
        slices[i] = from->slices[i];
        slices[i].of_row = pick(arena, from->slices[i].of_row, sizeof(uint32_t), rows, count);
    }
    to.slices = slices;
    return to;
}

/* --- what must agree ------------------------------------------------------------------------ */

static struct str label_of(struct arena *arena, const struct predictions *predictions, size_t row)
{
    if (predictions->task == TASK_REGRESSION)
        return str_print(arena, "%.17g", predictions->targets[row]);
    return predictions->classes[predictions->labels[row]];
}

static bool has_same_label(const struct predictions *a, const struct predictions *b, size_t row)
{
    if (a->task == TASK_REGRESSION)
        return a->targets[row] == b->targets[row];
    return str_equal(a->classes[a->labels[row]], b->classes[b->labels[row]]);
}

/* "the id 'x7'", "row 7". */
static struct str row_name(struct arena *arena, const struct predictions *predictions, size_t row,
                           bool by_row)
{
    if (by_row || !predictions->ids)
        return str_print(arena, "row %zu", row + 1);
    return str_print(arena, "the id '%.*s'", STR_FMT(predictions->ids[row]));
}

static FALLIBLE check_rows(const struct predictions *a, const struct predictions *b, bool by_row)
{
    AUTO(arena_drop) struct arena scratch = {0};
    for (size_t i = 0; i < a->count; i++) {
        bool is_label = has_same_label(a, b, i);
        if (is_label && (!a->weights || a->weights[i] == b->weights[i]))
            continue;
        struct str name = row_name(&scratch, a, i, by_row);
        struct str of_a =
            is_label ? str_print(&scratch, "%.17g", a->weights[i]) : label_of(&scratch, a, i);
        struct str of_b =
            is_label ? str_print(&scratch, "%.17g", b->weights[i]) : label_of(&scratch, b, i);
        return error_hint(
            error_new(ERROR_PROJECT, "%.*s: %.*s has the %s '%.*s', but '%.*s' in %.*s",
                      STR_FMT(b->name), STR_FMT(name), is_label ? "weight" : "label", STR_FMT(of_b),
                      STR_FMT(of_a), STR_FMT(a->name)),
            by_row ? "add a column of ids to both, so that rows need not be in the same order"
                   : "compare predictions of the same examples");
    }
    return NULL;
}

static FALLIBLE check_files(const struct predictions *a, const struct predictions *b, bool by_row)
{
    if (a->task != b->task)
        return error_new(
            ERROR_PROJECT, "%.*s: a %s task can't be compared with the %s task of %.*s",
            STR_FMT(b->name), task_name(b->task), task_name(a->task), STR_FMT(a->name));
    if (a->task == TASK_BINARY && !str_equal(a->classes[a->positive], b->classes[b->positive]))
        return error_hint(error_new(ERROR_PROJECT,
                                    "%.*s: the positive class is '%.*s', but '%.*s' in %.*s",
                                    STR_FMT(b->name), STR_FMT(b->classes[b->positive]),
                                    STR_FMT(a->classes[a->positive]), STR_FMT(a->name)),
                          "say which one is meant with --positive");
    if (!a->weights != !b->weights)
        return error_new(ERROR_PROJECT, "%.*s: no column of weights, but %.*s has one",
                         STR_FMT(a->weights ? b->name : a->name),
                         STR_FMT(a->weights ? a->name : b->name));
    if (by_row && a->count != b->count)
        return error_new(ERROR_PROJECT, "%.*s: %zu rows, but %zu in %.*s", STR_FMT(b->name),
                         b->count, a->count, STR_FMT(a->name));
    if (!by_row && (!a->ids || !b->ids))
        return error_hint(error_new(ERROR_PROJECT, "%.*s: no column of ids to match rows by",
                                    STR_FMT(a->ids ? b->name : a->name)),
                          "add a column 'id' to both files, or compare by rows if both are in the "
                          "same order");
    return NULL;
}

FALLIBLE compare_align(struct arena *arena, const struct predictions *a,
                       const struct predictions *b, bool by_row, struct predictions *ret)
{
    struct predictions aligned = *b;
    TRY(check_files(a, b, by_row));
    if (!by_row && !has_same_order(a, b)) {
        uint32_t *rows = NULL;
        TRY(match(arena, a, b, &rows));
        aligned = reorder(arena, b, rows);
    }
    TRY(check_rows(a, &aligned, by_row));
    *ret = aligned;
    return NULL;
}
