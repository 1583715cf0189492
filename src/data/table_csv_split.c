/* Cells out of the marks of a batch of CSV. */
#include "mlops/base/check.h"

#include "table_private.h"

static bool is_quote(const struct csv_form *form, char c)
{
    return form->has_quote && c == form->quote;
}

static bool is_escape(const struct csv_form *form, char c)
{
    return form->has_escape && c == form->escape;
}

static bool is_pair(const struct csv_form *form, const char *text, size_t at, size_t to)
{
    if (at + 1 >= to)
        return false;
    return is_escape(form, text[at]) ||
           (form->doubles_quotes && is_quote(form, text[at]) && is_quote(form, text[at + 1]));
}

/* The quote that closes the cell that begins with one; `to` if there is none. */
static size_t closing_quote(const struct csv_form *form, const char *text, size_t from, size_t to,
                            bool *ret_pairs)
{
    size_t at = from + 1;
    *ret_pairs = false;
    while (at < to) {
        bool pair = is_pair(form, text, at, to);
        if (!pair && is_quote(form, text[at]))
            return at;
        *ret_pairs |= pair;
        at += pair ? 2 : 1;
    }
    return to;
}

/* Drops the first byte of each pair, in place. What becomes free behind it must not look like a
 * line break: lines are counted in the text. */
static size_t unescape(const struct csv_form *form, char *text, size_t from, size_t to)
{
    size_t put = from;
    for (size_t at = from; at < to; at++) {
        at += is_pair(form, text, at, to);
        text[put++] = text[at];
    }
    memset(text + put, ' ', to - put);
    return put;
}

/* Without quotes; one inside is stray, unless it is escaped. */
static struct raw_cell bare_cell(const struct csv_form *form, char *text, size_t from, size_t to,
                                 bool *ret_stray)
{
    struct str cell = {text + from, to - from};
    if (form->has_null && str_equal(cell, form->null_sequence))
        return (struct raw_cell){.at = (uint32_t)from, .kind = RAW_NULL};
    bool has_escape = form->has_escape && str_find_char(cell, form->escape) >= 0;
    for (size_t at = from; at < to && form->has_quote && !*ret_stray; at++) {
        if (is_escape(form, text[at]))
            at++;
        else
            *ret_stray = is_quote(form, text[at]);
    }
    if (has_escape) {
        struct csv_form escapes = *form;
        escapes.doubles_quotes = false;
        to = unescape(&escapes, text, from, to);
    }
    return (struct raw_cell){.at = (uint32_t)from, .len = (uint32_t)(to - from) & 0xfffffff};
}

struct raw_cell csv_cell(const struct csv_form *form, char *text, size_t from, size_t to,
                         bool *ret_stray)
{
    bool has_pairs;
    *ret_stray = false;
    while (form->skips_space && from < to && text[from] == ' ')
        from++;
    if (from == to || !is_quote(form, text[from]))
        return bare_cell(form, text, from, to, ret_stray);
    size_t close = closing_quote(form, text, from, to, &has_pairs);
    if (close + 1 == to) {
        from++;
        to = has_pairs ? unescape(form, text, from, close) : close;
    } else {
        *ret_stray = true;
    }
    return (struct raw_cell){.at = (uint32_t)from, .len = (uint32_t)(to - from) & 0xfffffff};
}

/* One record being split. */
struct splitting {
    const struct table_reader *table;
    struct table_slot *slot;
    size_t at;      /* of the next cell */
    size_t record;  /* kept so far */
    size_t seen;    /* in the slot, comments included */
    size_t columns; /* as many cells as are kept of each */
};

static struct odd_record *odd_of(struct splitting *splitting)
{
    struct table_slot *slot = splitting->slot;
    if (slot->odd_count && slot->odd[slot->odd_count - 1].record == splitting->record)
        return &slot->odd[slot->odd_count - 1];
    return slot_add_odd(slot, (uint32_t)splitting->record);
}

static FALLIBLE keep_cell(struct splitting *splitting, size_t from, size_t to, size_t column)
{
    struct table_slot *slot = splitting->slot;
    bool is_stray;
    if (to - from > (size_t)LIMIT_FIELD_BYTES)
        return table_error(splitting->table, slot, from,
                           "cell %zu has %zu bytes; the limit is %lld", column + 1, to - from,
                           (long long)LIMIT_FIELD_BYTES);
    struct raw_cell cell = csv_cell(&splitting->table->form, slot->text, from, to, &is_stray);
    if (column < splitting->columns)
        slot->cells[splitting->record * splitting->columns + column] = cell;
    if (!is_stray)
        return NULL;
    struct odd_record *odd = odd_of(splitting);
    if (!odd->has_stray_quote)
        odd->stray_cell = (uint32_t)column;
    odd->has_stray_quote = true;
    return NULL;
}

/* The columns a record has no cells for; their place is that of the record, for its line. */
static void end_record(struct splitting *splitting, size_t from, size_t count)
{
    struct table_slot *slot = splitting->slot;
    struct raw_cell *cells = slot->cells + splitting->record * splitting->columns;
    for (size_t column = count; column < splitting->columns; column++)
        cells[column] = (struct raw_cell){.at = (uint32_t)from, .kind = RAW_MISSING};
    if (count != splitting->columns)
        odd_of(splitting);
    if (slot->odd_count && slot->odd[slot->odd_count - 1].record == splitting->record)
        slot->odd[slot->odd_count - 1].cell_count = (uint32_t)count;
}

static size_t record_end(const struct splitting *splitting, size_t stop)
{
    const char *text = splitting->slot->text;
    bool has_cr =
        splitting->table->form.takes_crlf && stop > splitting->at && text[stop - 1] == '\r';
    return stop - has_cr;
}

static FALLIBLE split_record(struct splitting *splitting)
{
    const struct csv_form *form = &splitting->table->form;
    struct table_slot *slot = splitting->slot;
    size_t begin = splitting->at, count = 0;
    bool is_last = false;
    while (!is_last) {
        size_t stop = mark_next(slot->ends, splitting->at);
        is_last = mark_is(slot->breaks, stop);
        size_t end = is_last ? record_end(splitting, stop) : stop;
        bool is_blank = is_last && count == 0 && end == begin;
        if (!is_blank)
            TRY(keep_cell(splitting, splitting->at, end, count++));
        splitting->at = stop + (is_last ? form->terminator.len : form->delimiter.len);
    }
    end_record(splitting, begin, count);
    return NULL;
}

/* Index of the first row of the dialect's comments that is not before `row`. */
static size_t comment_from(const struct dialect_rows *rows, uint64_t row)
{
    size_t from = 0, to = rows->len;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if ((uint64_t)rows->at[middle] < row)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool has_comment_row(const struct table_reader *table, uint64_t first, uint64_t count)
{
    const struct dialect_rows *rows = &table->options.dialect.comment_rows;
    size_t at = comment_from(rows, first);
    return at < rows->len && (uint64_t)rows->at[at] < first + count;
}

bool csv_is_skipped(const struct table_reader *table, const struct table_slot *slot, size_t from,
                    uint64_t row)
{
    return csv_is_comment(&table->form, slot->text, from, slot->cut.bytes) ||
           has_comment_row(table, row, 1);
}

/* Rows are told one by one where comments lie between them. */
static bool has_comments(const struct table_reader *table, const struct table_slot *slot)
{
    return table->form.comment.len ||
           has_comment_row(table, slot->batch.first_row, slot->cut.record_count);
}

static FALLIBLE split_all(struct splitting *splitting, bool has_rows)
{
    struct table_slot *slot = splitting->slot;
    size_t terminator = splitting->table->form.terminator.len;
    for (; splitting->seen < slot->cut.record_count; splitting->seen++) {
        uint64_t row = slot->batch.first_row + splitting->seen;
        if (has_rows && csv_is_skipped(splitting->table, slot, splitting->at, row)) {
            splitting->at = mark_next(slot->breaks, splitting->at) + terminator;
            continue;
        }
        if (has_rows)
            slot->rows[splitting->record] = (uint32_t)splitting->seen;
        TRY(split_record(splitting));
        splitting->record++;
    }
    return NULL;
}

FALLIBLE csv_split(const struct table_reader *table, struct table_slot *slot)
{
    struct splitting splitting = {
        .table = table, .slot = slot, .columns = slot->batch.column_count};
    bool has_rows = has_comments(table, slot);
    if (slot->cut.is_regular && !has_rows && csv_split_fast(table, slot))
        return NULL;
    slot_reserve_cells(slot, slot->cut.record_count * splitting.columns);
    if (has_rows)
        slot_reserve_records(slot, slot->cut.record_count);
    TRY(split_all(&splitting, has_rows));
    slot->batch.record_count = splitting.record;
    slot->batch.rows = has_rows ? slot->rows : NULL;
    return NULL;
}
