/* CSV by a state machine that knows every option of Table Dialect: where cells and records end. */
#include "table_private.h"

/* Where something is that has not ended before the text does. */
#define NOWHERE SIZE_MAX

static bool machine_is_wide(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
#else
    return false;
#endif
}

struct csv_form csv_form_of(const struct table_options *options)
{
    const struct dialect *dialect = &options->dialect;
    struct csv_form form = {
        .delimiter = dialect->delimiter,
        .terminator = dialect->line_terminator,
        .null_sequence = dialect->null_sequence,
        .comment = dialect->comment_char,
        .has_quote = dialect->quote_char.len,
        .has_escape = dialect->escape_char.len,
        .has_null = dialect->has_null_sequence,
        .quote = dialect->quote_char.len ? dialect->quote_char.at[0] : '\0',
        .escape = dialect->escape_char.len ? dialect->escape_char.at[0] : '\0',
        .doubles_quotes = dialect->double_quote,
        .skips_space = dialect->skip_initial_space,
        .is_wide = !options->is_narrow && machine_is_wide(),
    };
    form.takes_crlf =
        !form.terminator.len || str_is(form.terminator, "\r\n") || str_is(form.terminator, "\n");
    if (form.takes_crlf)
        form.terminator = STR("\n");
    form.is_plain = !options->is_scalar && form.delimiter.len == 1 && form.takes_crlf &&
                    !form.has_escape && !form.comment.len && !form.has_null && !form.skips_space &&
                    (!form.has_quote || form.doubles_quotes);
    return form;
}

struct scan {
    const struct csv_form *form;
    const char *text;
    size_t len;
    struct cut *cut;
};

static bool stands(const struct scan *scan, size_t at, struct str what)
{
    return scan->len - at >= what.len && scan->text[at] == what.at[0] &&
           (what.len == 1 || memcmp(scan->text + at, what.at, what.len) == 0);
}

static bool is_quote(const struct csv_form *form, char c)
{
    return form->has_quote && c == form->quote;
}

static bool is_escape(const struct csv_form *form, char c)
{
    return form->has_escape && c == form->escape;
}

/* Behind the quote that closes the one at `at`. */
static size_t behind_quotes(struct scan *scan, size_t at)
{
    const struct csv_form *form = scan->form;
    size_t opened = at++;
    while (at < scan->len) {
        bool is_one = is_quote(form, scan->text[at]);
        if (is_one && form->doubles_quotes && at + 1 < scan->len &&
            is_quote(form, scan->text[at + 1]))
            at += 2;
        else if (is_one)
            return at + 1;
        else
            at += is_escape(form, scan->text[at]) ? 2 : 1;
    }
    scan->cut->is_open = true;
    scan->cut->quote_at = opened;
    return NOWHERE;
}

static bool ends_record(const struct scan *scan, size_t at)
{
    return stands(scan, at, scan->form->terminator);
}

/* "\r" before a "\n" that ends the record. */
static bool is_before_end(const struct scan *scan, size_t at)
{
    return scan->form->takes_crlf && scan->text[at] == '\r' && at + 1 < scan->len &&
           scan->text[at + 1] == '\n';
}

/* Where the cell that begins at `at` ends: at a delimiter or terminator. */
static size_t cell_end(struct scan *scan, size_t at)
{
    const struct csv_form *form = scan->form;
    while (form->skips_space && at < scan->len && scan->text[at] == ' ')
        at++;
    if (at < scan->len && is_quote(form, scan->text[at]) && !stands(scan, at, form->delimiter)) {
        at = behind_quotes(scan, at);
        if (at != NOWHERE && at < scan->len && is_before_end(scan, at))
            at++;
    }
    while (at < scan->len) {
        if (ends_record(scan, at) || stands(scan, at, form->delimiter))
            return at;
        at += is_escape(form, scan->text[at]) ? 2 : 1;
    }
    return NOWHERE;
}

static size_t comment_end(const struct scan *scan, size_t at)
{
    while (at < scan->len && !ends_record(scan, at))
        at++;
    return at < scan->len ? at : NOWHERE;
}

bool csv_is_comment(const struct csv_form *form, const char *text, size_t from, size_t to)
{
    return form->comment.len && to - from >= form->comment.len &&
           memcmp(text + from, form->comment.at, form->comment.len) == 0;
}

/* Marks a record; behind its terminator, or NOWHERE if it goes on behind the text. */
static size_t cut_record(struct scan *scan, struct table_slot *slot, size_t at)
{
    bool is_comment = csv_is_comment(scan->form, scan->text, at, scan->len);
    for (size_t count = 1;; count++) {
        size_t end = is_comment ? comment_end(scan, at) : cell_end(scan, at);
        if (end == NOWHERE)
            return NOWHERE;
        mark_set(slot->ends, end);
        if (is_comment || ends_record(scan, end)) {
            mark_set(slot->breaks, end);
            slot->cut.cell_count += count;
            slot->cut.record_count++;
            return end + scan->form->terminator.len;
        }
        at = end + scan->form->delimiter.len;
    }
}

void csv_cut_scalar(const struct csv_form *form, struct table_slot *slot, size_t records_most)
{
    size_t words = slot->len / WORD_BITS + 1;
    struct scan scan = {form, slot->text, slot->len, &slot->cut};
    slot->cut = (struct cut){0};
    memset(slot->ends, 0, words * sizeof *slot->ends);
    memset(slot->breaks, 0, words * sizeof *slot->breaks);
    while (slot->cut.record_count < records_most && slot->cut.bytes < slot->len) {
        size_t next = cut_record(&scan, slot, slot->cut.bytes);
        if (next == NOWHERE)
            break;
        slot->cut.bytes = next;
    }
    slot->cut.is_ascii = text_is_ascii(slot->text, slot->cut.bytes);
    slot->cut.has_nul = memchr(slot->text, '\0', slot->cut.bytes);
}

void csv_cut(const struct csv_form *form, struct table_slot *slot, size_t records_most)
{
    if (!form->is_plain || !csv_cut_fast(form, slot, records_most))
        csv_cut_scalar(form, slot, records_most);
}
