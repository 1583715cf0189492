/* Cells out of the marks of a batch of CSV in which every record has as many as there are columns,
 * and quotes stand only where they should. */
#include "mlops/base/check.h"

#include "table_wide_private.h"

#if defined(__x86_64__)

/* Cells that have been made, and the one that has begun. */
struct splitting {
    struct table_slot *slot;
    const struct csv_form *form;
    struct raw_cell *next;
    size_t from;
    uint64_t quotes; /* of the words since the one the cell began in */
};

/* The only cell of a record is blank: that is told apart from an empty one in quotes. */
INLINE bool has_blank_line(const struct table_slot *slot)
{
    const char *text = slot->text;
    size_t from = 0;
    for (size_t word = 0; word * WORD_BITS < slot->cut.bytes; word++)
        for (uint64_t bits = slot->breaks[word]; bits; bits &= bits - 1) {
            size_t to = word * WORD_BITS + (size_t)__builtin_ctzll(bits);
            if (to == from || (to == from + 1 && text[from] == '\r'))
                return true;
            from = to + 1;
        }
    return false;
}

/* Every record has a cell for each column. */
INLINE bool is_rectangular(const struct table_slot *slot, size_t columns)
{
    size_t cells = 0, expected = 0;
    for (size_t word = 0; word * WORD_BITS < slot->cut.bytes; word++) {
        uint64_t ends = slot->ends[word];
        for (uint64_t bits = slot->breaks[word]; bits; bits &= bits - 1) {
            expected += columns;
            if (cells + (size_t)__builtin_popcountll(ends & (bits ^ (bits - 1))) != expected)
                return expected > slot->cut.record_count * columns;
        }
        cells += (size_t)__builtin_popcountll(ends);
    }
    return true;
}

INLINE void put_cell(struct splitting *splitting, size_t to)
{
    uint64_t bits = splitting->from | (uint64_t)(to - splitting->from) << 32;
    memcpy(splitting->next++, &bits, sizeof bits);
}

INLINE void put_plain(struct splitting *splitting, size_t word, uint64_t ends)
{
    for (; ends; ends &= ends - 1) {
        size_t to = word * WORD_BITS + (size_t)__builtin_ctzll(ends);
        put_cell(splitting, to);
        splitting->from = to + 1;
    }
}

/* Whether the quoted cell [from, to) has no quotes but those around it. */
INLINE bool is_simple(const struct splitting *splitting, size_t from, size_t to)
{
    const struct table_slot *slot = splitting->slot;
    uint64_t bits = slot->quotes[from / WORD_BITS] >> (from % WORD_BITS);
    if (from / WORD_BITS == (to - 1) / WORD_BITS)
        return __builtin_popcountll(bits & (~(uint64_t)0 >> (WORD_BITS - (to - from)))) == 2;
    return !memchr(slot->text + from + 1, splitting->form->quote, to - from - 2);
}

INLINE void put_quoted_cell(struct splitting *splitting, size_t from, size_t to)
{
    bool is_stray;
    if (is_simple(splitting, from, to)) {
        splitting->from++;
        put_cell(splitting, to - 1);
        return;
    }
    *splitting->next++ = csv_cell(splitting->form, splitting->slot->text, from, to, &is_stray);
}

/* Cells that may be quoted. */
INLINE void put_quoted(struct splitting *splitting, size_t word, uint64_t ends)
{
    struct table_slot *slot = splitting->slot;
    for (; ends; ends &= ends - 1) {
        size_t stop = word * WORD_BITS + (size_t)__builtin_ctzll(ends), to = stop;
        size_t from = splitting->from;
        if (to > from && slot->text[to - 1] == '\r' && mark_is(slot->breaks, stop))
            to--;
        if (to > from && slot->text[from] == splitting->form->quote)
            put_quoted_cell(splitting, from, to);
        else
            put_cell(splitting, to);
        splitting->from = stop + 1;
    }
}

/* "\r" before the line break is no part of the cell. */
INLINE void trim_last(const struct splitting *splitting, size_t columns, size_t *record,
                      size_t word)
{
    const struct table_slot *slot = splitting->slot;
    for (uint64_t bits = slot->breaks[word]; bits; bits &= bits - 1) {
        size_t stop = word * WORD_BITS + (size_t)__builtin_ctzll(bits);
        struct raw_cell *cell = &slot->cells[++*record * columns - 1];
        if (stop && slot->text[stop - 1] == '\r' && cell < splitting->next && cell->len &&
            cell->at + cell->len == stop)
            cell->len--;
    }
}

INLINE bool split_text(struct splitting *splitting)
{
    struct table_slot *slot = splitting->slot;
    size_t columns = slot->batch.column_count, record = 0, bytes = slot->cut.bytes;
    if (!is_rectangular(slot, columns) || (columns == 1 && has_blank_line(slot)))
        return false;
    for (size_t word = 0; word * WORD_BITS < bytes; word++) {
        uint64_t ends = slot->ends[word], quotes = splitting->quotes | slot->quotes[word];
        size_t left = bytes - word * WORD_BITS;
        if (left < WORD_BITS) {
            ends &= ~(~(uint64_t)0 << left);
            slot->breaks[word] &= ~(~(uint64_t)0 << left);
        }
        if (quotes)
            put_quoted(splitting, word, ends);
        else
            put_plain(splitting, word, ends);
        splitting->quotes = ends ? slot->quotes[word] : quotes;
        trim_last(splitting, columns, &record, word);
    }
    return true;
}

WIDE static bool split_wide(struct splitting *splitting)
{
    return split_text(splitting);
}

static bool split_narrow(struct splitting *splitting)
{
    return split_text(splitting);
}

/* A field that may be above its limit needs a look. */
bool csv_split_fast(const struct table_reader *table, struct table_slot *slot)
{
    size_t columns = slot->batch.column_count, count = slot->cut.record_count * columns;
    struct splitting splitting = {.slot = slot, .form = &table->form};
    if (columns == 0 || slot->cut.cell_count != count ||
        slot->cut.bytes > (size_t)LIMIT_FIELD_BYTES)
        return false;
    slot_reserve_cells(slot, count);
    splitting.next = slot->cells;
    if (!(table->form.is_wide ? split_wide(&splitting) : split_narrow(&splitting)))
        return false;
    check(splitting.next == slot->cells + count);
    slot->batch.record_count = slot->cut.record_count;
    return true;
}

#else

bool csv_split_fast(const struct table_reader *table, struct table_slot *slot)
{
    return !table && !slot;
}
#endif
