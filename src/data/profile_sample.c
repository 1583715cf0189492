#include "mlops/base/limits.h"

#include <math.h>
#include <stdlib.h>

#include "profile_private.h"

enum { SAMPLE_LEAST = 100, NAMED_MOST = 2048, NAMED_LEAST = 16 };

/* --- the heap ------------------------------------------------------------------------------- */

void row_heap_open(struct row_heap *heap, size_t cap)
{
    heap->hashes = memory_grow(NULL, cap * sizeof *heap->hashes);
    heap->places = memory_grow(NULL, cap * sizeof *heap->places);
    heap->cap = cap;
}

void row_heap_drop(struct row_heap *heap)
{
    free(heap->hashes);
    free(heap->places);
    *heap = (struct row_heap){0};
}

static void heap_set(struct row_heap *heap, size_t at, uint64_t hash, uint32_t place)
{
    heap->hashes[at] = hash;
    heap->places[at] = place;
}

static void rise(struct row_heap *heap, size_t at, uint64_t hash, uint32_t place)
{
    while (at > 0 && heap->hashes[(at - 1) / 2] < hash) {
        size_t above = (at - 1) / 2;
        heap_set(heap, at, heap->hashes[above], heap->places[above]);
        at = above;
    }
    heap_set(heap, at, hash, place);
}

static void sink(struct row_heap *heap, uint64_t hash, uint32_t place)
{
    size_t at = 0;
    for (size_t below = 1; below < heap->len; below = at * 2 + 1) {
        if (below + 1 < heap->len && heap->hashes[below + 1] > heap->hashes[below])
            below++;
        if (heap->hashes[below] < hash)
            break;
        heap_set(heap, at, heap->hashes[below], heap->places[below]);
        at = below;
    }
    heap_set(heap, at, hash, place);
}

ptrdiff_t row_heap_admit(struct row_heap *heap, uint64_t hash)
{
    if (hash >= row_heap_bound(heap))
        return -1;
    if (heap->len < heap->cap) {
        heap->len++;
        rise(heap, heap->len - 1, hash, (uint32_t)(heap->len - 1));
        return (ptrdiff_t)heap->len - 1;
    }
    uint32_t place = heap->places[0];
    sink(heap, hash, place);
    return place;
}

/* --- the sample ----------------------------------------------------------------------------- */

static size_t within(size_t budget, size_t share, size_t least, size_t most)
{
    size_t fits = budget / share;
    return fits < least ? least : MIN_OF(fits, most);
}

void sample_open(struct arena *arena, struct sample *sample, size_t column_count)
{
    size_t columns = MAX_OF(column_count, (size_t)1);
    row_heap_open(&sample->rows, within((size_t)LIMIT_SAMPLE_BYTES, columns * sizeof(uint64_t),
                                        SAMPLE_LEAST, PROFILE_SAMPLE));
    row_heap_open(&sample->named,
                  within((size_t)LIMIT_SAMPLE_BYTES / 2, columns * sizeof(struct sample_text),
                         NAMED_LEAST, MIN_OF((size_t)NAMED_MOST, sample->rows.cap)));
    sample->cells = arena_new_array(arena, uint64_t *, columns);
    sample->texts = arena_new_array(arena, struct sample_text *, columns);
    sample->text_cells = arena_new_array(arena, uint64_t *, columns);
    sample->column_count = column_count;
    atomic_init(&sample->bound, UINT64_MAX);
}

void sample_drop(struct sample *sample)
{
    for (size_t i = 0; i < sample->column_count; i++) {
        free(sample->cells[i]);
        free(sample->texts[i]);
        free(sample->text_cells[i]);
    }
    row_heap_drop(&sample->rows);
    row_heap_drop(&sample->named);
}

/* Which records of the batch may come in, by what is known so far. */
void sample_begin(const struct sample *sample, struct profile_slot *slot,
                  const struct record_batch *batch)
{
    uint64_t bound = atomic_load_explicit(&sample->bound, memory_order_relaxed);
    if (batch->record_count > slot->record_cap) {
        slot->record_cap = batch->record_count;
        slot->records = memory_grow(slot->records, slot->record_cap * sizeof *slot->records);
        slot->hashes = memory_grow(slot->hashes, slot->record_cap * sizeof *slot->hashes);
    }
    slot->len = 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        uint64_t hash = bits_mix(batch_row(batch, i) + UINT64_C(0x9e3779b97f4a7c15));
        slot->records[slot->len] = (uint32_t)i;
        slot->hashes[slot->len] = hash;
        slot->len += hash < bound;
    }
    size_t cells = slot->len * sample->column_count;
    if (cells > slot->cell_cap || cells < slot->cell_cap / 8) {
        slot->cells = memory_grow(slot->cells, cells * sizeof *slot->cells);
        slot->cell_cap = cells;
    }
    for (size_t i = 0; i < cells; i++)
        slot->cells[i] = SAMPLE_NULL;
}

static uint64_t sample_cell(const struct column_visit *visit, size_t record)
{
    const struct column_data *data = visit->data;
    switch ((enum cell_role)visit->rule->roles[data->states[record]]) {
    case ROLE_NUMBER:
        return isnan(data->numbers[record]) ? SAMPLE_NULL : number_bits(data->numbers[record]);
    case ROLE_TEXT:
        return sample_of_text(
            profile_cell_key(visit->batch, batch_cell(visit->batch, record, visit->column)).hash);
    case ROLE_NULL:
    case ROLE_BAD:
    case ROLE_COUNT:
        break;
    }
    return SAMPLE_NULL;
}

void sample_visit(const struct column_visit *visit, struct profile_slot *slot)
{
    uint64_t *cells = slot->cells + visit->column * slot->len;
    for (size_t i = 0; i < slot->len; i++)
        cells[i] = sample_cell(visit, slot->records[i]);
}

static void keep_cells(struct sample *sample, const struct profile_slot *slot, size_t at,
                       size_t place)
{
    for (size_t i = 0; i < sample->column_count; i++) {
        if (!sample->cells[i])
            sample->cells[i] = memory_grow(NULL, sample->rows.cap * sizeof *sample->cells[i]);
        sample->cells[i][place] = slot->cells[i * slot->len + at];
    }
}

/* Also of a number: its column may turn out to be one of texts. A text that is too long to be kept
 * whole names nothing. */
static void keep_text(struct sample_text *into, uint64_t *cell, struct str text)
{
    if (text.len > sizeof into->text) {
        *cell = SAMPLE_NULL;
        return;
    }
    into->len = (uint8_t)text.len;
    if (text.len)
        memcpy(into->text, text.at, text.len);
}

static void open_texts(struct sample *sample, size_t column)
{
    size_t cap = sample->named.cap;
    sample->texts[column] = memory_grow(NULL, cap * sizeof *sample->texts[column]);
    sample->text_cells[column] = memory_grow(NULL, cap * sizeof *sample->text_cells[column]);
    for (size_t i = 0; i < cap; i++)
        sample->text_cells[column][i] = SAMPLE_NULL;
}

static void keep_texts(struct sample *sample, const struct profile_slot *slot,
                       const struct record_batch *batch, size_t at, size_t place)
{
    for (size_t i = 0; i < sample->column_count; i++) {
        uint64_t cell = slot->cells[i * slot->len + at];
        if (!sample->texts[i] && !sample_is_text(cell))
            continue;
        if (!sample->texts[i])
            open_texts(sample, i);
        sample->text_cells[i][place] = cell;
        if (cell != SAMPLE_NULL)
            keep_text(&sample->texts[i][place], &sample->text_cells[i][place],
                      profile_cell_text(batch, batch_cell(batch, slot->records[at], i)));
    }
}

void sample_commit(struct sample *sample, const struct profile_slot *slot,
                   const struct record_batch *batch)
{
    for (size_t i = 0; i < slot->len; i++) {
        ptrdiff_t place = row_heap_admit(&sample->rows, slot->hashes[i]);
        if (place >= 0)
            keep_cells(sample, slot, i, (size_t)place);
        place = row_heap_admit(&sample->named, slot->hashes[i]);
        if (place >= 0)
            keep_texts(sample, slot, batch, i, (size_t)place);
    }
    atomic_store_explicit(&sample->bound, row_heap_bound(&sample->rows), memory_order_relaxed);
}
