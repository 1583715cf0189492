/* A table read to its end, as text to compare: one line a record, "ROW:LINE CELL|CELL", behind it
 * what is odd: " !COUNT" cells, " \"CELL" a stray quote. Cells: "-" missing, "~" null, "#1" a
 * number, "T", "F", "@" before a nested value; text as it stands, "\n" and "\r" escaped. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/data/table.h"

struct table_dump {
    struct buf *out;
    size_t batches;
};

static inline void dump_cell(struct buf *out, const struct record_batch *batch,
                             const struct raw_cell *cell)
{
    static const char *const marks[] = {"", "-", "~", "#", "T", "F", "@", "@"};
    struct str text = raw_text(batch, cell);
    buf_add_text(out, marks[cell->kind]);
    if (cell->kind != RAW_TEXT && cell->kind != RAW_NUMBER && cell->kind < RAW_ARRAY)
        return;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '\n' || c == '\r')
            buf_add_text(out, c == '\n' ? "\\n" : "\\r");
        else
            buf_add_char(out, c);
    }
}

static inline struct error *dump_batch(void *context, size_t slot, const struct record_batch *batch)
{
    struct table_dump *dump = context;
    size_t odd = 0;
    (void)slot;
    dump->batches++;
    for (size_t record = 0; record < batch->record_count; record++) {
        buf_print(dump->out, "%llu:%llu ", (unsigned long long)batch_row(batch, record),
                  (unsigned long long)batch_line(batch, record));
        for (size_t column = 0; column < batch->column_count; column++) {
            if (column)
                buf_add_char(dump->out, '|');
            dump_cell(dump->out, batch, batch_cell(batch, record, column));
        }
        if (odd < batch->odd_count && batch->odd[odd].record == record) {
            const struct odd_record *one = &batch->odd[odd++];
            buf_print(dump->out, " !%u", one->cell_count);
            if (one->has_stray_quote)
                buf_print(dump->out, " \"%u", one->stray_cell);
        }
        buf_add_char(dump->out, '\n');
    }
    return NULL;
}

/* Labels in brackets, then the records; where reading fails, only the error: how many records were
 * committed before depends on the batches. */
static inline void dump_table(int at_fd, const char *name, const struct table_options *options,
                              struct buf *out)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(table_drop) struct table_reader *table = NULL;
    struct table_dump dump = {.out = out};
    struct table_visitor visitor = {&dump, NULL, dump_batch};
    struct error *error = table_open(&arena, at_fd, str_of(name), options, &table);
    size_t count = 0;
    buf_add_text(out, "");
    if (!error) {
        const struct str *labels = table_labels(table, &count);
        for (size_t i = 0; i < count; i++)
            buf_print(out, "[%.*s]", STR_FMT(labels[i]));
        buf_add_char(out, '\n');
        error = table_scan(table, &visitor);
    }
    if (error)
        buf_clear(out);
    if (error)
        buf_print(out, "%s:%d: %s\n", error->mark.file ? error->mark.file : "", error->mark.line,
                  error->text);
    error_drop(error);
}
