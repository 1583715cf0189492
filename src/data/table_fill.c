/* Filling slots: the part of reading that goes in order of the file. */
#include "mlops/base/check.h"
#include "mlops/host/signal.h"

#include <stdlib.h>

#include "table_private.h"

enum { WANTED_BYTES_LEAST = 4096 };

static bool is_json(const struct table_reader *table)
{
    return table->options.dialect.format != TABLE_CSV;
}

static size_t count_lines(const struct table_reader *table, const struct table_slot *slot)
{
    return table_count_lines(table, slot->text, slot->text + slot->cut.bytes);
}

static FALLIBLE cut_slot(struct table_reader *table, struct table_slot *slot, size_t records_most)
{
    if (is_json(table)) {
        TRY(json_cut(table, slot, records_most));
        slot->cut.line_count = count_lines(table, slot);
        return NULL;
    }
    csv_cut(&table->form, slot, records_most);
    if (!slot->cut.is_regular)
        slot->cut.line_count = count_lines(table, slot);
    return NULL;
}

/* A fault of the source stands behind what was read: in the record that is not complete. It is told
 * when all before has been. */
static FALLIBLE take_fault(struct table_reader *table, const struct table_slot *slot)
{
    struct error *fault = table->fault;
    table->fault = NULL;
    if (fault->code != ERROR_PROJECT)
        return fault;
    return table_error_at(
        table, table->next_row,
        table->next_line + table_count_lines(table, slot->text, slot->text + slot->len), fault);
}

static void take_carry(struct table_reader *table, struct table_slot *slot, size_t len)
{
    size_t left = table->carry.len - table->carry_from;
    size_t count = MIN_OF(left, len - MIN_OF(len, slot->len));
    if (count)
        memcpy(slot->text + slot->len, table->carry.at + table->carry_from, count);
    slot->len += count;
    table->carry_from += count;
}

/* What was carried over first; a read of the source is worth its call. */
static void read_until(struct table_reader *table, struct table_slot *slot, size_t len)
{
    size_t most = MAX_OF(len, table->batch_bytes);
    slot_reserve(slot, most);
    take_carry(table, slot, len);
    while (slot->len < len && !table->is_source_over)
        do {
            size_t got = 0;
            table->fault =
                source_read(table->source, slot->text + slot->len, most - slot->len, &got);
            slot->len += table->fault ? 0 : got;
            table->is_source_over = table->fault || got == 0;
        } while (slot->len < most && !table->is_source_over);
    memset(slot->text + slot->len, ' ', TABLE_SLACK_BYTES);
}

/* The last record need not have a terminator: it gets one, once; where that is escaped or quoted,
 * the record stays open however the file is cut into batches. */
static FALLIBLE close_last(struct table_reader *table, struct table_slot *slot, size_t records_most)
{
    if (table->fault || table->options.dialect.format == TABLE_JSON)
        return NULL;
    struct str terminator = is_json(table) ? STR("\n") : table->form.terminator;
    if (table->is_closed || slot->cut.record_count == records_most || slot->cut.bytes == slot->len)
        return NULL;
    table->is_closed = true;
    slot_reserve(slot, slot->len + terminator.len);
    memcpy(slot->text + slot->len, terminator.at, terminator.len);
    slot->len += terminator.len;
    memset(slot->text + slot->len, ' ', TABLE_SLACK_BYTES);
    return cut_slot(table, slot, records_most);
}

/* What is left when the file is over, and is no record. */
static FALLIBLE check_end(struct table_reader *table, struct table_slot *slot)
{
    if (table->fault)
        return take_fault(table, slot);
    if (is_json(table))
        return json_check_end(table, slot);
    if (slot->len == 0)
        return NULL;
    if (!slot->cut.is_open)
        return table_error(table, slot, 0, "the file ends within it");
    struct error *error =
        table_error(table, slot, slot->cut.quote_at, "a quote opened here is never closed");
    return error_hint(error, "close it, or name another quoteChar in the dialect");
}

static FALLIBLE too_large(struct table_reader *table, struct table_slot *slot)
{
    if (!is_json(table))
        csv_cut_scalar(&table->form, slot, SIZE_MAX);
    if (slot->cut.is_open)
        return table_error(table, slot, slot->cut.quote_at,
                           "a quote opened here is not closed within %lld bytes",
                           (long long)LIMIT_RECORD_BYTES);
    return table_error(table, slot, slot->cut.bytes, "it has more than %lld bytes",
                       (long long)LIMIT_RECORD_BYTES);
}

/* What is no record (blank lines of JSON Lines) is forgotten. */
static void forget(struct table_reader *table, struct table_slot *slot)
{
    size_t bytes = slot->cut.bytes;
    table->next_line += slot->cut.line_count;
    slot->batch.first_line = table->next_line;
    memmove(slot->text, slot->text + bytes, slot->len - bytes + TABLE_SLACK_BYTES);
    slot->len -= bytes;
}

/* Reads until there is a record or nothing left. */
static FALLIBLE fill_records(struct table_reader *table, struct table_slot *slot,
                             size_t records_most)
{
    for (size_t len = table->wanted_bytes;; len = MAX_OF(len, 2 * slot->len)) {
        if (signal_stops())
            return signal_check();
        read_until(table, slot, MIN_OF(len, (size_t)LIMIT_RECORD_BYTES));
        TRY(cut_slot(table, slot, records_most));
        if (table_is_all_read(table))
            TRY(close_last(table, slot, records_most));
        if (slot->cut.record_count)
            return NULL;
        bool is_further = slot->cut.bytes;
        forget(table, slot);
        if (table_is_all_read(table) && !(is_further && slot->len))
            return check_end(table, slot);
        if (!is_further && slot->len >= (size_t)LIMIT_RECORD_BYTES)
            return too_large(table, slot);
    }
}

static void begin_slot(struct table_reader *table, struct table_slot *slot)
{
    slot->odd_count = slot->decoded_lines = 0;
    slot->cut = (struct cut){0};
    slot->batch = (struct record_batch){
        .table = table,
        .column_count = table->column_count,
        .index = table->next_index,
        .first_row = table->next_row,
        .first_line = table->next_line,
    };
    slot->len = 0;
}

/* What lies behind the cut comes next. Where it is all of what was carried over before, that is
 * still there. */
static void carry_over(struct table_reader *table, const struct table_slot *slot)
{
    size_t rest = slot->len - slot->cut.bytes;
    if (table->carry_from < table->carry.len) {
        table->carry_from -= rest;
        return;
    }
    if (table->carry.cap > 4 * table->batch_bytes && rest <= table->batch_bytes)
        buf_drop(&table->carry); /* of a large record */
    buf_clear(&table->carry);
    buf_add(&table->carry, slot->text + slot->cut.bytes, rest);
    table->carry_from = 0;
}

/* Where few bytes make as many records as may be, it is of no use to look at more. */
static void choose_wanted(struct table_reader *table, const struct table_slot *slot)
{
    bool is_little = slot->cut.bytes < slot->len / 4;
    table->wanted_bytes =
        is_little
            ? MIN_OF(MAX_OF(2 * slot->cut.bytes, (size_t)WANTED_BYTES_LEAST), table->batch_bytes)
            : table->batch_bytes;
}

FALLIBLE table_fill(struct table_reader *table, struct table_slot *slot, size_t records_most)
{
    begin_slot(table, slot);
    TRY(fill_records(table, slot, records_most));
    if (slot->cut.record_count == 0)
        return NULL;
    carry_over(table, slot);
    choose_wanted(table, slot);
    table->next_row += slot->cut.record_count;
    table->next_line += slot->cut.line_count;
    table->next_index++;
    return NULL;
}

FALLIBLE table_rewind(struct table_reader *table)
{
    error_drop(table->fault);
    table->fault = NULL;
    TRY(source_rewind(table->source));
    buf_clear(&table->carry);
    table->carry_from = 0;
    table->is_source_over = table->json_needs_value = false;
    table->is_closed = false;
    table->json_place = JSON_BEFORE;
    table->next_row = table->next_line = 1;
    table->next_index = 0;
    return NULL;
}

/* Records that end before a byte. */
static size_t records_before(const struct table_slot *slot, size_t at)
{
    size_t count = 0;
    for (size_t from = 0; count < slot->cut.record_count; count++) {
        size_t stop = mark_next(slot->breaks, from);
        if (stop >= at)
            break;
        from = stop + 1;
    }
    return count;
}

static FALLIBLE find_wrong_byte(const struct table_reader *table, const struct table_slot *slot,
                                size_t *ret_at)
{
    const char *nul = slot->cut.has_nul ? memchr(slot->text, '\0', slot->cut.bytes) : NULL;
    size_t text = nul ? (size_t)(nul - slot->text) : slot->cut.bytes;
    size_t valid = slot->cut.is_ascii ? text : utf8_valid(slot->text, text);
    *ret_at = valid;
    if (valid < text)
        return error_hint(table_error(table, slot, valid, "bytes that are not UTF-8"),
                          "write its encoding, such as {\"encoding\": \"latin1\"}, into a dialect");
    if (nul)
        return error_hint(table_error(table, slot, text, "a NUL byte: this is no text"),
                          "name the encoding in the dialect if this is UTF-16");
    return NULL;
}

FALLIBLE table_check_bytes(const struct table_reader *table, struct table_slot *slot)
{
    size_t at;
    struct error *error = find_wrong_byte(table, slot, &at);
    if (error)
        slot->cut.record_count = records_before(slot, at);
    return error;
}

FALLIBLE table_first_error(struct error *bytes, struct error *records)
{
    if (!records)
        return bytes;
    error_drop(bytes);
    return records;
}

static FALLIBLE split(const struct table_reader *table, struct table_slot *slot)
{
    return is_json(table) ? json_split(table, slot) : csv_split(table, slot);
}

FALLIBLE table_split(const struct table_reader *table, struct table_slot *slot)
{
    struct record_batch *batch = &slot->batch;
    batch->is_ascii = slot->cut.is_ascii;
    struct error *error = table_check_bytes(table, slot);
    TRY(table_first_error(error, split(table, slot)));
    batch->text = slot->text;
    batch->cells = slot->cells;
    batch->odd = slot->odd;
    batch->odd_count = slot->odd_count;
    return NULL;
}
