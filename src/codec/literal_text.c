/* Strings of Python: prefixes, escapes, neighbours that are one. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <inttypes.h>

#include "literal_private.h"

/* Prefixes: r, u, b, f and, with r on either side, b and f; either case. */
static size_t prefix_len(const struct cursor *cursor, struct literal_quote *quote)
{
    size_t len = 0;
    bool has_other = false;
    quote->is_text = true;
    for (; len < 2; len++) {
        char low = (char)(cursor_peek_at(cursor, len) | 0x20);
        if (low == 'r' && !quote->is_raw)
            quote->is_raw = true;
        else if ((low == 'b' || low == 'f' || (low == 'u' && !quote->is_raw)) && !has_other) {
            has_other = true;
            quote->is_text = low == 'u';
        } else
            break;
    }
    return len;
}

struct literal_quote literal_quote_ahead(const struct cursor *cursor)
{
    struct literal_quote quote = {.quote = '"'};
    size_t prefix = prefix_len(cursor, &quote);
    char c = cursor_peek_at(cursor, prefix);
    if (c != '"' && c != '\'')
        return (struct literal_quote){.quote = '\0'};
    quote.quote = c;
    quote.is_long =
        cursor_peek_at(cursor, prefix + 1) == c && cursor_peek_at(cursor, prefix + 2) == c;
    quote.len = prefix + (quote.is_long ? 3 : 1);
    return quote;
}

static bool take_end(struct cursor *cursor, const struct literal_quote *quote)
{
    const char end[] = {quote->quote, quote->quote, quote->quote, '\0'};
    return cursor_take(cursor, quote->is_long ? end : end + 2);
}

/* Whether more of the string follows; false at what it must not hold. */
static bool goes_on(const struct cursor *cursor, const struct literal_quote *quote)
{
    char c = cursor_peek(cursor);
    return c != '\0' && (quote->is_long || (c != '\n' && c != '\r'));
}

static FALLIBLE unclosed(struct literal_reader *reader, size_t from)
{
    if (!cursor_at_end(&reader->cursor) && !cursor_peek(&reader->cursor))
        return doc_error_at(reader->build.doc, reader->cursor.at,
                            "control character U+0000 is not allowed");
    return doc_error_at(reader->build.doc, from, "this string is never closed");
}

FALLIBLE literal_skip_string(struct literal_reader *reader)
{
    struct cursor *cursor = &reader->cursor;
    size_t from = cursor->at;
    struct literal_quote quote = literal_quote_ahead(cursor);
    cursor->at += quote.len;
    while (!take_end(cursor, &quote)) {
        if (cursor_peek(cursor) == '\\') {
            cursor->at++;
            if (cursor_break_len(cursor) == 2)
                cursor->at++;
        } else if (!goes_on(cursor, &quote))
            return unclosed(reader, from);
        if (cursor_at_end(cursor))
            return unclosed(reader, from);
        cursor->at++;
    }
    return NULL;
}

/* \ooo: one to three digits. */
static uint32_t take_octal(struct cursor *cursor)
{
    uint32_t code = 0;
    for (int i = 0; i < 3 && cursor_peek(cursor) >= '0' && cursor_peek(cursor) <= '7'; i++)
        code = code * 8 + (uint32_t)(cursor->bytes.at[cursor->at++] - '0');
    return code;
}

/* The character behind "\x", "\u" or "\U"; false if there is none. */
static bool take_code(struct cursor *cursor, size_t digits, struct buf *out)
{
    uint32_t code = 0;
    if (!cursor_take_hex(cursor, digits, &code) || code > 0x10FFFF ||
        (code >= 0xD800 && code < 0xE000))
        return false;
    cursor_add_utf8(out, code);
    return true;
}

/* Behind a backslash. False where its meaning is not known here (\N{...}) or it has none. */
static bool read_escape(struct cursor *cursor, struct buf *out)
{
    static const char escapes[] = "\\'\"abfnrtv";
    static const char meanings[] = "\\'\"\a\b\f\n\r\t\v";
    char c = cursor_peek(cursor);
    if (c == '\n' || c == '\r') {
        cursor->at += c == '\r' && cursor_peek_at(cursor, 1) == '\n' ? 2 : 1;
        return true;
    }
    if (c >= '0' && c <= '7') {
        cursor_add_utf8(out, take_octal(cursor));
        return true;
    }
    const char *found = memchr(escapes, c, sizeof escapes - 1);
    if (found) {
        buf_add_char(out, meanings[found - escapes]);
        cursor->at++;
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        cursor->at++;
        return take_code(cursor, c == 'x' ? 2 : c == 'u' ? 4 : 8, out);
    }
    if (c != 'N')
        buf_add_char(out, '\\'); /* stands for itself; what follows is read as usual */
    return c != 'N';
}

/* A break within a long string is LF, whatever the file has. */
static void add_plain(struct cursor *cursor, struct buf *out)
{
    bool is_pair = cursor_break_len(cursor) == 2;
    char c = cursor_peek(cursor);
    buf_add_char(out, c == '\r' ? '\n' : c);
    cursor->at += is_pair ? 2 : 1;
}

/* Raw: a backslash stays, and so does what it protects. */
static void add_raw_pair(struct cursor *cursor, struct buf *out)
{
    buf_add_char(out, '\\');
    cursor->at++;
    if (!cursor_at_end(cursor))
        add_plain(cursor, out);
}

/* The text of one string; *ret_known false if it is bytes, to be formatted, or holds an escape that
 * is not known here. */
static FALLIBLE read_piece(struct literal_reader *reader, struct buf *out, bool *ret_known)
{
    struct cursor *cursor = &reader->cursor;
    size_t from = cursor->at;
    struct literal_quote quote = literal_quote_ahead(cursor);
    *ret_known = false;
    if (!quote.is_text)
        return NULL;
    cursor->at += quote.len;
    while (!take_end(cursor, &quote)) {
        if (!goes_on(cursor, &quote))
            return unclosed(reader, from);
        if (cursor_peek(cursor) != '\\')
            add_plain(cursor, out);
        else if (quote.is_raw)
            add_raw_pair(cursor, out);
        else {
            cursor->at++;
            if (!read_escape(cursor, out))
                return NULL;
        }
    }
    *ret_known = true;
    return NULL;
}

FALLIBLE literal_read_text(struct literal_reader *reader, bool in_brackets, struct doc_node **ret)
{
    struct doc_node *node = NULL;
    struct buf text = buf_in(reader->build.arena);
    bool is_known = true;
    *ret = NULL;
    TRY(literal_node(reader, DOC_STR, &node));
    node->is_quoted = true;
    while (is_known && literal_quote_ahead(&reader->cursor).len) {
        TRY(read_piece(reader, &text, &is_known));
        literal_skip_blanks(reader, in_brackets);
    }
    if ((int64_t)text.len > LIMIT_SCALAR_BYTES)
        return doc_error(node, "this value is longer than %" PRId64 " bytes (limit SCALAR_BYTES)",
                         LIMIT_SCALAR_BYTES);
    node->text = text.len ? buf_str(&text) : STR("");
    if (is_known)
        *ret = node;
    return NULL;
}
