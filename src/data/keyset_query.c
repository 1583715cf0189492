#include "mlops/base/check.h"

#include <stdlib.h>

#include "keyset_private.h"

static int compare_rows(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void grow_list(struct arena *arena, struct row_list *list, size_t *room)
{
    size_t more = *room ? 2 * *room : 64;
    uint64_t *rows = arena_new_array(arena, uint64_t, more);
    if (list->len)
        memcpy(rows, list->rows, list->len * sizeof *rows);
    list->rows = rows;
    *room = more;
}

/* The greatest of the kept rows stands first: a smaller one takes its place. */
static void replace_greatest(struct row_list *list, uint64_t row)
{
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < list->len; at = child) {
        child += child + 1 < list->len && list->rows[child + 1] > list->rows[child];
        if (list->rows[child] <= row)
            break;
        list->rows[at] = list->rows[child];
    }
    list->rows[at] = row;
}

static void raise_last(struct row_list *list)
{
    size_t at = list->len - 1;
    uint64_t row = list->rows[at];
    for (; at && list->rows[(at - 1) / 2] < row; at = (at - 1) / 2)
        list->rows[at] = list->rows[(at - 1) / 2];
    list->rows[at] = row;
}

struct row_taker {
    struct arena *arena;
    struct row_list *list;
    size_t room;
    bool keeps_all;
};

static struct row_taker take_rows(struct arena *arena, struct row_list *list)
{
    list->len = 0;
    list->count = 0;
    return (struct row_taker){arena, list, 0, !list->rows && list->cap == SIZE_MAX};
}

static void take_row(struct row_taker *taker, uint64_t row)
{
    struct row_list *list = taker->list;
    list->count++;
    if (taker->keeps_all && list->len == taker->room)
        grow_list(taker->arena, list, &taker->room);
    if (taker->keeps_all) {
        list->rows[list->len++] = row;
    } else if (list->len < list->cap) {
        list->rows[list->len++] = row;
        raise_last(list);
    } else if (list->len && row < list->rows[0]) {
        replace_greatest(list, row);
    }
}

static void sort_rows(struct row_list *list)
{
    if (list->len > 1)
        qsort(list->rows, list->len, sizeof *list->rows, compare_rows);
}

bool keyset_is_in_memory(const struct keyset *set)
{
    return set->is_finished && !set->runs.len;
}

/* Marks are spread evenly, so that where one would stand is known but for a few places. */
bool keyset_has(const struct keyset *set, const struct key_mark *mark)
{
    check(keyset_is_in_memory(set));
    size_t low = 0, high = set->len;
    const struct key_entry wanted = {.mark = *mark};
    while (low < high) {
        uint64_t first = key_word(set->entries[low].mark.at);
        uint64_t last = key_word(set->entries[high - 1].mark.at), word = key_word(mark->at);
        if (word < first || word > last)
            return false;
        double part = last > first ? (double)(word - first) / (double)(last - first) : 0;
        size_t at = MIN_OF(low + (size_t)(part * (double)(high - 1 - low)), high - 1);
        if (key_marks_equal(&set->entries[at].mark, mark))
            return true;
        if (key_entry_is_less(&set->entries[at], &wanted))
            low = at + 1;
        else
            high = at;
    }
    return false;
}

FALLIBLE keyset_distinct(struct keyset *set, uint64_t *ret)
{
    struct row_list none = {0};
    TRY(keyset_repeats(set, NULL, &none));
    *ret = set->count - none.count;
    return NULL;
}

FALLIBLE keyset_repeats(struct keyset *set, struct arena *arena, struct row_list *ret)
{
    AUTO(key_cursor_drop) struct key_cursor cursor = {0};
    struct row_taker taker = take_rows(arena, ret);
    struct key_mark last = {0};
    bool has_last = false;
    TRY(key_cursor_start(set, &cursor));
    for (const struct key_entry *entry; (entry = key_cursor_peek(&cursor));) {
        if (has_last && key_marks_equal(&entry->mark, &last))
            take_row(&taker, entry->row);
        last = entry->mark;
        has_last = true;
        TRY(key_cursor_step(&cursor));
    }
    sort_rows(ret);
    return NULL;
}

/* Rows of `set` whose keys are in `other`, or are not. */
static FALLIBLE match(struct keyset *set, struct keyset *other, bool wants_shared,
                      struct row_taker *taker)
{
    AUTO(key_cursor_drop) struct key_cursor own = {0};
    AUTO(key_cursor_drop) struct key_cursor theirs = {0};
    TRY(key_cursor_start(set, &own));
    TRY(key_cursor_start(other, &theirs));
    for (const struct key_entry *entry; (entry = key_cursor_peek(&own));) {
        const struct key_entry *least;
        int order = 1;
        while ((least = key_cursor_peek(&theirs)) &&
               (order = memcmp(least->mark.at, entry->mark.at, sizeof entry->mark.at)) < 0)
            TRY(key_cursor_step(&theirs));
        if ((least && order == 0) == wants_shared)
            take_row(taker, entry->row);
        TRY(key_cursor_step(&own));
    }
    return NULL;
}

FALLIBLE keyset_absent(struct keyset *set, struct keyset *other, struct arena *arena,
                       struct row_list *ret)
{
    struct row_taker taker = take_rows(arena, ret);
    TRY(match(set, other, false, &taker));
    sort_rows(ret);
    return NULL;
}

FALLIBLE keyset_shared(struct keyset *set, struct keyset *other, struct arena *arena,
                       struct row_list *ret)
{
    struct row_taker taker = take_rows(arena, ret);
    TRY(match(set, other, true, &taker));
    sort_rows(ret);
    return NULL;
}
