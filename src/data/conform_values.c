#include <stdlib.h>

#include "conform_private.h"

/* A violation of a key whose cells are wanted. */
struct wanted {
    uint64_t row;
    const struct key_plan *key;
    struct violation *violation;
    bool is_shown;
};

VEC(wanted_vec, struct wanted);

struct value_scan {
    struct conformer *conformer;
    struct table_reader *table;
    struct wanted_vec wanted; /* by row */
    size_t next;
    bool is_done;
};

static void scan_drop(struct value_scan *scan)
{
    table_drop(&scan->table);
}

static int compare_wanted(const void *a, const void *b)
{
    const struct wanted *left = a, *right = b;
    return left->row < right->row ? -1 : left->row > right->row;
}

static const struct key_plan *key_of(const struct conformer *conformer, uint32_t tally)
{
    vec_each (const struct key_plan, key, &conformer->keys)
        if (key->role != KEY_TARGET && key->tally == tally)
            return key;
    return NULL;
}

static void want(struct value_scan *scan, const struct key_plan *key, struct violation *violation,
                 bool is_shown)
{
    *vec_push(scan->conformer->arena, &scan->wanted) =
        (struct wanted){violation->row, key, violation, is_shown};
}

static void gather(struct value_scan *scan)
{
    struct conformer *conformer = scan->conformer;
    vec_each (const struct key_plan, key, &conformer->keys)
        if (key->role != KEY_TARGET)
            vec_each (struct violation, violation, &conformer->tallies.at[key->tally].shown)
                want(scan, key, violation, true);
    vec_each (struct kept, kept, &conformer->all) {
        const struct key_plan *key = key_of(conformer, kept->tally);
        if (key)
            want(scan, key, &kept->violation, false);
    }
    vec_sort(&scan->wanted, compare_wanted);
}

/* The cells of the key as they stand in the file. */
static void fill(struct value_scan *scan, const struct wanted *wanted,
                 const struct record_batch *batch, size_t record)
{
    struct buf out = buf_in(scan->conformer->arena);
    buf_reserve(&out, 1);
    for (size_t i = 0; i < wanted->key->len; i++) {
        const struct raw_cell *cell = batch_cell(batch, record, wanted->key->columns[i]);
        buf_add_text(&out, i ? ", " : "");
        buf_add_str(&out, shown_text(raw_text(batch, cell)));
    }
    wanted->violation->value = shown_text(buf_str(&out));
    wanted->violation->has_value = true;
    if (wanted->is_shown)
        wanted->violation->line = batch_line(batch, record);
}

static ERROR_MADE stop(struct value_scan *scan)
{
    scan->is_done = true;
    return error_new(ERROR_ANSWER, "all values have been seen");
}

static FALLIBLE commit(void *context, size_t slot, const struct record_batch *batch)
{
    struct value_scan *scan = context;
    (void)slot;
    for (size_t i = 0; i < batch->record_count && scan->next < scan->wanted.len; i++) {
        uint64_t row = batch_row(batch, i);
        while (scan->next < scan->wanted.len && scan->wanted.at[scan->next].row < row)
            scan->next++;
        for (; scan->next < scan->wanted.len && scan->wanted.at[scan->next].row == row;
             scan->next++)
            fill(scan, &scan->wanted.at[scan->next], batch, i);
    }
    return scan->next == scan->wanted.len ? stop(scan) : NULL;
}

FALLIBLE values_read(struct conformer *conformer)
{
    AUTO(scan_drop) struct value_scan scan = {.conformer = conformer};
    const struct conform_options *options = &conformer->options;
    const struct table_visitor visitor = {.context = &scan, .commit = commit};
    if (!options->again)
        return NULL;
    struct table_options again = *options->again;
    again.takes_digest = false;
    again.observer = NULL;
    gather(&scan);
    if (!scan.wanted.len)
        return NULL;
    TRY(table_open(conformer->arena, options->at_fd, options->path, &again, &scan.table));
    struct error *error = table_scan(scan.table, &visitor);
    if (error && scan.is_done) {
        error_drop(error);
        error = NULL;
    }
    return error;
}
