/* What columns a table has: labels of header records, or as many as the first record has cells. */
#include "mlops/base/check.h"

#include <stdlib.h>

#include "table_private.h"

static bool is_csv(const struct table_reader *table)
{
    return table->options.dialect.format == TABLE_CSV;
}

static FALLIBLE check_count(const struct table_reader *table, const struct table_slot *slot,
                            size_t count)
{
    if (count <= (size_t)LIMIT_TABLE_COLUMNS)
        return NULL;
    return table_error(table, slot, 0, "it has %zu cells; the limit is %lld columns", count,
                       (long long)LIMIT_TABLE_COLUMNS);
}

/* How many cells a slot's only record has; it is split for that, but nothing of it is changed. */
static FALLIBLE count_cells(const struct table_reader *table, struct table_slot *slot,
                            size_t *ret_count)
{
    *ret_count = slot->cut.cell_count;
    if (!is_csv(table)) {
        slot->batch.column_count = 0;
        TRY(table_split(table, slot));
        *ret_count = slot->odd_count ? slot->odd[0].cell_count : 0;
        slot->odd_count = 0;
    }
    return check_count(table, slot, *ret_count);
}

/* A label that is the same in two rows stands once. */
static void add_label(struct table_reader *table, size_t column, struct str label, struct str *last)
{
    struct str join = table->options.dialect.header_join, old = table->labels[column];
    if (last[column].at && str_equal(last[column], label))
        return;
    if (last[column].at)
        label =
            str_print(table->arena, "%.*s%.*s%.*s", STR_FMT(old), STR_FMT(join), STR_FMT(label));
    else
        label = str_copy(table->arena, label);
    table->labels[column] = last[column] = label;
}

/* A title of one cell above others stands above all of them: the standard's own example. */
static void widen_labels(struct table_reader *table, size_t count, struct str **last)
{
    if (count <= table->column_count)
        return;
    struct str *wider = arena_new_array(table->arena, struct str, count);
    struct str *wider_last = arena_new_array(table->arena, struct str, count);
    for (size_t i = 0; i < table->column_count; i++) {
        wider[i] = table->labels[i];
        wider_last[i] = (*last)[i];
    }
    for (size_t i = 1; table->column_count == 1 && i < count; i++) {
        wider[i] = table->labels[0];
        wider_last[i] = (*last)[0];
    }
    table->labels = wider;
    *last = wider_last;
    table->column_count = count;
}

static FALLIBLE take_labels(struct table_reader *table, struct table_slot *slot, struct str **last)
{
    size_t count;
    TRY(count_cells(table, slot, &count));
    slot->batch.column_count = count;
    TRY(table_split(table, slot));
    if (slot->odd_count && slot->odd[0].cell_count == 0)
        return error_hint(table_error(table, slot, 0, "the header is blank"),
                          "name the header's row by headerRows in the dialect, or set header: "
                          "false");
    widen_labels(table, count, last);
    for (size_t column = 0; column < count; column++)
        add_label(table, column, raw_text(&slot->batch, batch_cell(&slot->batch, 0, column)),
                  *last);
    table->header_row = slot->batch.first_row;
    return NULL;
}

static FALLIBLE no_header(const struct table_reader *table, uint64_t row)
{
    struct mark mark = {.file = table->name};
    if (row == 1)
        return error_at(mark, (struct str){0}, "the table has no header");
    return error_hint(error_at(mark, (struct str){0}, "the table ends before its header row %llu",
                               (unsigned long long)row),
                      "correct headerRows in the dialect");
}

/* Records before the last header row are no data; one that should be a header but is a comment
 * leaves that to the next. */
static FALLIBLE read_header(struct table_reader *table, struct table_slot *slot)
{
    const struct dialect_rows *rows = &table->options.dialect.header_rows;
    struct str *last = NULL;
    for (size_t taken = 0; taken < rows->len;) {
        uint64_t wanted = (uint64_t)rows->at[taken], row = table->next_row;
        TRY(table_fill(table, slot, row < wanted ? (size_t)(wanted - row) : 1));
        if (slot->cut.record_count == 0)
            return no_header(table, wanted);
        if (row < wanted || csv_is_skipped(table, slot, 0, row))
            continue;
        TRY(take_labels(table, slot, &last));
        taken++;
    }
    table->has_labels = true;
    return NULL;
}

static bool is_blank(const struct table_slot *slot, size_t from, size_t stop)
{
    return stop == from || (stop == from + 1 && slot->text[from] == '\r');
}

/* Cells of the first record that is neither blank nor a comment; 0 if there is none. */
static size_t first_cells(const struct table_reader *table, const struct table_slot *slot)
{
    size_t from = 0;
    for (size_t i = 0; i < slot->cut.record_count; i++) {
        size_t stop = mark_next(slot->breaks, from), count = 1;
        for (size_t at = from; (at = mark_next(slot->ends, at)) != stop; at++)
            count++;
        if (!is_blank(slot, from, stop) &&
            !csv_is_skipped(table, slot, from, slot->batch.first_row + i))
            return count;
        from = stop + table->form.terminator.len;
    }
    return 0;
}

static void number_labels(struct table_reader *table, size_t count)
{
    table->column_count = count;
    table->labels = arena_new_array(table->arena, struct str, count);
    for (size_t i = 0; i < count; i++)
        table->labels[i] = str_print(table->arena, "field%zu", i + 1);
}

static FALLIBLE find_count(const struct table_reader *table, struct table_slot *slot,
                           size_t *ret_count)
{
    if (!is_csv(table))
        return count_cells(table, slot, ret_count);
    *ret_count = first_cells(table, slot);
    return check_count(table, slot, *ret_count);
}

/* A table of blank records has one column, one without records none. */
static FALLIBLE number_columns(struct table_reader *table, struct table_slot *slot)
{
    size_t count = 0, record_count = 0;
    while (count == 0) {
        TRY(table_fill(table, slot, is_csv(table) ? TABLE_BATCH_CELLS : 1));
        if (slot->cut.record_count == 0)
            break;
        record_count += slot->cut.record_count;
        TRY(find_count(table, slot, &count));
    }
    number_labels(table, record_count ? MAX_OF(count, (size_t)1) : 0);
    return table_rewind(table);
}

FALLIBLE table_read_head(struct table_reader *table)
{
    AUTO(slot_drop) struct table_slot slot = {0};
    if (!is_csv(table)) {
        bool is_known = false;
        TRY(json_read_head(table, &slot, &is_known));
        if (is_known)
            return NULL;
    }
    return table->options.dialect.has_header ? read_header(table, &slot)
                                             : number_columns(table, &slot);
}
