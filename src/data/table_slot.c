/* Memory of slots, and where in the file something stands. */
#include "mlops/base/check.h"

#include <stdlib.h>

#include "table_private.h"

/* Not `state` and `batch`, which other threads may be looking at. */
static void give_back_memory(struct table_slot *slot)
{
    free(slot->text);
    free(slot->ends);
    free(slot->breaks);
    free(slot->quotes);
    free(slot->cells);
    free(slot->rows);
    free(slot->lines);
    free(slot->odd);
    slot->text = NULL;
    slot->ends = slot->breaks = slot->quotes = NULL;
    slot->cells = NULL;
    slot->rows = slot->lines = NULL;
    slot->odd = NULL;
    slot->len = slot->cap = slot->cell_cap = slot->record_cap = slot->odd_cap = 0;
}

void slot_drop(struct table_slot *slot)
{
    give_back_memory(slot);
    error_drop(slot->error);
    *slot = (struct table_slot){0};
}

void slot_reserve(struct table_slot *slot, size_t bytes)
{
    if (bytes <= slot->cap && slot->text)
        return;
    size_t words = (bytes + TABLE_SLACK_BYTES) / WORD_BITS + 2;
    slot->text = memory_grow(slot->text, bytes + TABLE_SLACK_BYTES);
    slot->ends = memory_grow(slot->ends, words * sizeof *slot->ends);
    slot->breaks = memory_grow(slot->breaks, words * sizeof *slot->breaks);
    slot->quotes = memory_grow(slot->quotes, words * sizeof *slot->quotes);
    slot->cap = bytes;
}

void slot_shrink(struct table_slot *slot, size_t batch_bytes)
{
    size_t cells_most =
        MAX_OF((size_t)4 * TABLE_BATCH_CELLS, TABLE_BATCH_RECORDS_LEAST * slot->batch.column_count);
    if (slot->cap > 4 * batch_bytes || slot->cell_cap > cells_most)
        give_back_memory(slot);
}

void slot_reserve_cells(struct table_slot *slot, size_t count)
{
    if (count <= slot->cell_cap)
        return;
    free(slot->cells);
    slot->cells = memory_grow(NULL, count * sizeof *slot->cells);
    slot->cell_cap = count;
}

void slot_reserve_records(struct table_slot *slot, size_t count)
{
    if (count <= slot->record_cap)
        return;
    free(slot->rows);
    free(slot->lines);
    slot->rows = memory_grow(NULL, count * sizeof *slot->rows);
    slot->lines = memory_grow(NULL, count * sizeof *slot->lines);
    slot->record_cap = count;
}

struct odd_record *slot_add_odd(struct table_slot *slot, uint32_t record)
{
    if (slot->odd_count == slot->odd_cap) {
        slot->odd_cap = MAX_OF((size_t)64, 2 * slot->odd_cap);
        slot->odd = memory_grow(slot->odd, slot->odd_cap * sizeof *slot->odd);
    }
    struct odd_record *odd = &slot->odd[slot->odd_count++];
    *odd = (struct odd_record){.record = record};
    return odd;
}

uint64_t table_count_lines(const struct table_reader *table, const char *at, const char *end)
{
    uint64_t count = 0;
    char line_end = table->line_end;
    while (at < end && (*at == line_end || (at = memchr(at, line_end, (size_t)(end - at))))) {
        count++;
        at++;
    }
    return count;
}

uint64_t batch_line(const struct record_batch *batch, size_t record)
{
    if (batch->lines)
        return batch->first_line + batch->lines[record];
    const struct raw_cell *cell = batch_cell(batch, record, 0);
    return batch->first_line + table_count_lines(batch->table, batch->text, batch->text + cell->at);
}

ERROR_MADE table_error_at(const struct table_reader *table, uint64_t row, uint64_t line,
                          struct error *cause)
{
    struct mark mark = {.file = table->name, .line = (int)MIN_OF(line, (uint64_t)INT32_MAX)};
    struct error *error =
        error_at(mark, (struct str){0}, "record %llu: %s", (unsigned long long)row, cause->text);
    if (cause->hint)
        error = error_hint(error, "%s", cause->hint);
    error_drop(cause);
    return error;
}

/* Records and lines before a byte, by the marks. */
ERROR_MADE table_error(const struct table_reader *table, const struct table_slot *slot, size_t at,
                       const char *format, ...)
{
    AUTO(buf_drop) struct buf text = {0};
    uint64_t row = slot->batch.first_row, line = slot->batch.first_line;
    size_t end = MIN_OF(at, slot->cut.bytes);
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    for (size_t from = 0, seen = 0; seen < slot->cut.record_count; seen++) {
        size_t stop = mark_next(slot->breaks, from);
        if (stop >= end)
            break;
        row++;
        from = stop + 1;
    }
    line += table_count_lines(table, slot->text, slot->text + MIN_OF(at, slot->len));
    line -= slot->decoded_lines;
    return table_error_at(table, row, line,
                          error_new(ERROR_PROJECT, "%.*s", STR_FMT(buf_str(&text))));
}
