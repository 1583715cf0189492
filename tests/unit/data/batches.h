/* A batch of one column out of texts, for tests. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/data/table.h"

/* `pad` bytes stand before the first cell. */
static inline struct record_batch batch_of(struct arena *arena, const struct str *texts,
                                           size_t count, enum raw_kind kind, size_t pad)
{
    struct buf text = buf_in(arena);
    struct raw_cell *cells = arena_new_array(arena, struct raw_cell, count);
    buf_add_repeated(&text, '7', pad);
    for (size_t i = 0; i < count; i++) {
        cells[i] = (struct raw_cell){(uint32_t)text.len, (uint32_t)texts[i].len, (uint32_t)kind};
        buf_add_str(&text, texts[i]);
    }
    return (struct record_batch){.text = arena_copy(arena, text.at ? text.at : "", text.len),
                                 .cells = cells,
                                 .record_count = count,
                                 .column_count = 1};
}
