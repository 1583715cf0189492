/* Record batches and classified columns made by hand, for tests of what comes behind the reader. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/data/cast.h"

#include <stdlib.h>

/* A table of texts, record after record. */
struct made_table {
    struct arena *arena;
    const struct str *cells;
    size_t record_count, column_count;
};

/* A batch of `count` records from record `from` on. */
static inline struct record_batch made_batch(const struct made_table *table, size_t from,
                                             size_t count, uint64_t index)
{
    size_t cells = count * table->column_count, bytes = 0, at = 0;
    const struct str *first = table->cells + from * table->column_count;
    for (size_t i = 0; i < cells; i++)
        bytes += first[i].len;
    char *text = arena_alloc(table->arena, bytes + 1);
    struct raw_cell *raw = arena_new_array(table->arena, struct raw_cell, cells);
    bool is_ascii = true;
    for (size_t i = 0; i < cells; i++) {
        raw[i].at = (uint32_t)at;
        raw[i].len = (uint32_t)first[i].len & 0xfffffff;
        memcpy(text + at, first[i].len ? first[i].at : "", first[i].len);
        at += first[i].len;
    }
    for (size_t i = 0; i < bytes; i++)
        is_ascii = is_ascii && (unsigned char)text[i] < 0x80;
    return (struct record_batch){.text = text,
                                 .cells = raw,
                                 .record_count = count,
                                 .column_count = table->column_count,
                                 .index = index,
                                 .first_row = from + 2,
                                 .first_line = from + 2,
                                 .is_ascii = is_ascii};
}

/* Empty and NA are null, what strtod reads is a number, the rest is text. */
static inline struct column_data made_classes(struct arena *arena, const struct record_batch *batch,
                                              size_t column)
{
    struct column_data data = {.count = batch->record_count};
    data.states = arena_alloc(arena, batch->record_count);
    data.numbers = arena_new_array(arena, double, batch->record_count);
    for (size_t i = 0; i < batch->record_count; i++) {
        struct str text = raw_text(batch, batch_cell(batch, i, column));
        const char *start = str_terminate(arena, text);
        char *end = NULL;
        data.numbers[i] = strtod(start, &end);
        bool is_integer = text.len == strspn(start, "-0123456789");
        data.states[i] = text.len == 0 || str_is(text, "NA") ? CLASS_NULL
                         : str_is(text, "true")              ? CLASS_BOOLEAN
                         : *end                              ? CLASS_TEXT
                         : is_integer                        ? CLASS_INTEGER
                                                             : CLASS_REAL;
    }
    return data;
}
