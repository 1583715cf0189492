/* Values: strings, lists, inline tables, numbers. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <inttypes.h>
#include <math.h>

#include "toml_private.h"

/* Moves over characters that stand for themselves. */
static void skip_plain(struct cursor *cursor, char quote)
{
    for (; !cursor_at_end(cursor); cursor->at++) {
        char c = cursor_peek(cursor);
        if (c == quote || (c == '\\' && quote == '"') || ((unsigned char)c < 0x20 && c != '\t') ||
            c == 0x7F)
            return;
    }
}

/* A backslash at the end of a line: it, the break and all blanks behind it are nothing. */
static bool skip_line_end(struct cursor *cursor)
{
    struct cursor ahead = *cursor;
    ahead.at++;
    while (cursor_peek(&ahead) == ' ' || cursor_peek(&ahead) == '\t')
        ahead.at++;
    if (!cursor_break_len(&ahead))
        return false;
    for (size_t len;;) {
        if ((len = cursor_break_len(&ahead)) > 0)
            ahead.at += len;
        else if (cursor_peek(&ahead) == ' ' || cursor_peek(&ahead) == '\t')
            ahead.at++;
        else
            break;
    }
    cursor->at = ahead.at;
    return true;
}

static FALLIBLE read_code(struct toml_reader *reader, size_t digits, struct buf *out)
{
    size_t from = reader->cursor.at;
    uint32_t code = 0;
    reader->cursor.at += 2;
    if (!cursor_take_hex(&reader->cursor, digits, &code))
        return doc_error_at(reader->build.doc, from, "this escape takes %zu hex digits", digits);
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return doc_error_at(reader->build.doc, from, "U+%04X is no character", (unsigned)code);
    cursor_add_utf8(out, code);
    return NULL;
}

static FALLIBLE read_escape(struct toml_reader *reader, bool is_multi, struct buf *out)
{
    static const char escapes[] = "\"\\bfnrt";
    static const char meanings[] = "\"\\\b\f\n\r\t";
    char c = cursor_peek_at(&reader->cursor, 1);
    const char *found = c ? memchr(escapes, c, sizeof escapes - 1) : NULL;
    if (c == 'u' || c == 'U')
        return read_code(reader, c == 'u' ? 4 : 8, out);
    if (is_multi && skip_line_end(&reader->cursor))
        return NULL;
    if (!found)
        return error_hint(
            doc_error_at(reader->build.doc, reader->cursor.at, "unknown escape in a string"),
            "single quotes take everything as it is");
    buf_add_char(out, meanings[found - escapes]);
    reader->cursor.at += 2;
    return NULL;
}

/* Quotes in a text of several lines: three or more end it, of which the first two may belong to
 * it. */
static bool take_quotes(struct cursor *cursor, char quote, struct buf *out)
{
    size_t count = 0;
    while (count < 5 && cursor_peek_at(cursor, count) == quote)
        count++;
    cursor->at += count;
    buf_add_repeated(out, quote, count >= 3 ? count - 3 : count);
    return count >= 3;
}

/* Text up to and with its end. */
static FALLIBLE read_text(struct toml_reader *reader, const struct doc_node *node, char quote,
                          bool is_multi, struct buf *out)
{
    struct cursor *cursor = &reader->cursor;
    for (;;) {
        size_t from = cursor->at;
        skip_plain(cursor, quote);
        buf_add(out, cursor->bytes.at + from, cursor->at - from);
        char c = cursor_peek(cursor);
        size_t len = cursor_break_len(cursor);
        if (cursor_at_end(cursor) || (len && !is_multi))
            return doc_error(node, "this string is never closed");
        if (c == quote && !is_multi) {
            cursor->at++;
            return NULL;
        }
        if (c == quote && take_quotes(cursor, quote, out))
            return NULL;
        if (c == quote)
            continue;
        if (c == '\\' && quote == '"') {
            TRY(read_escape(reader, is_multi, out));
        } else if (len) {
            buf_add_char(out, '\n');
            cursor->at += len;
        } else
            return doc_error_at(reader->build.doc, cursor->at,
                                "control character U+%04X in a string must be escaped",
                                (unsigned char)c);
    }
}

FALLIBLE toml_read_string(struct toml_reader *reader, bool is_key, struct doc_node **ret)
{
    struct cursor *cursor = &reader->cursor;
    struct doc_node *node = NULL;
    char quote = cursor_peek(cursor);
    bool is_multi =
        !is_key && cursor_peek_at(cursor, 1) == quote && cursor_peek_at(cursor, 2) == quote;
    TRY(toml_node(reader, DOC_STR, &node));
    node->is_quoted = true;
    cursor->at += is_multi ? 3 : 1;
    size_t from = cursor->at;
    skip_plain(cursor, quote);
    if (!is_multi && cursor_peek(cursor) == quote) { /* borrowed from the file */
        node->text = str_slice(cursor->bytes, from, cursor->at++);
    } else {
        struct buf text = buf_in(reader->build.arena);
        cursor->at =
            from +
            (is_multi ? cursor_break_len(&(struct cursor){cursor->bytes, from, 0, 0, 0}) : 0);
        TRY(read_text(reader, node, quote, is_multi, &text));
        node->text = text.len ? buf_str(&text) : STR("");
    }
    if ((int64_t)node->text.len > LIMIT_SCALAR_BYTES)
        return doc_error(node, "this value is longer than %" PRId64 " bytes (limit SCALAR_BYTES)",
                         LIMIT_SCALAR_BYTES);
    *ret = node;
    return NULL;
}

static size_t digits_len(struct str text, size_t at)
{
    size_t from = at;
    while (at < text.len && text.at[at] >= '0' && text.at[at] <= '9')
        at += at + 2 < text.len && text.at[at + 1] == '_' && text.at[at + 2] >= '0' &&
                      text.at[at + 2] <= '9'
                  ? 2
                  : 1;
    return at - from;
}

/* Digits of a radix with single underscores between them. */
static bool is_radix(struct str text)
{
    bool after_digit = false;
    for (size_t i = 2; i < text.len; i++) {
        char c = text.at[i];
        if (c == '_' && (!after_digit || i + 1 == text.len))
            return false;
        after_digit = c != '_';
    }
    return text.len > 2 && text.at[0] == '0' && memchr("xob", text.at[1], 3);
}

/* [+-]? and digits without leading zeros; 0 if there are none. */
static size_t whole_len(struct str text)
{
    size_t at = text.len && (text.at[0] == '+' || text.at[0] == '-');
    size_t digits = digits_len(text, at);
    bool leads_with_zero = digits > 1 && text.at[at] == '0';
    return digits && !leads_with_zero ? at + digits : 0;
}

static bool is_real(struct str text)
{
    size_t at = whole_len(text);
    bool has_more = false;
    if (at && at < text.len && text.at[at] == '.') {
        size_t digits = digits_len(text, at + 1);
        has_more = digits > 0;
        at += digits ? 1 + digits : 0;
    }
    if (at && at < text.len && (text.at[at] | 0x20) == 'e') {
        size_t sign = at + 1 < text.len && (text.at[at + 1] == '+' || text.at[at + 1] == '-');
        size_t digits = digits_len(text, at + 1 + sign);
        has_more = digits > 0;
        at += digits ? 1 + sign + digits : 0;
    }
    return has_more && at == text.len;
}

/* inf and nan, with or without a sign. */
static bool is_special(struct str text, double *ret)
{
    bool is_negative = text.len && text.at[0] == '-';
    if (is_negative || (text.len && text.at[0] == '+'))
        text = str_slice(text, 1, text.len);
    if (str_is(text, "inf"))
        *ret = is_negative ? -(double)INFINITY : (double)INFINITY;
    else if (str_is(text, "nan"))
        *ret = (double)NAN;
    else
        return false;
    return true;
}

static bool is_in_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && memchr("+-_.:", c, 5));
}

/* The token ahead; a date may be followed by one blank and a time. */
static struct str token_ahead(const struct cursor *cursor)
{
    size_t len = 0;
    while (is_in_token(cursor_peek_at(cursor, len)))
        len++;
    char next = cursor_peek_at(cursor, len + 1);
    struct str token = str_slice(cursor->bytes, cursor->at, cursor->at + len);
    if (cursor_peek_at(cursor, len) == ' ' && next >= '0' && next <= '9' && len == 10 &&
        toml_is_moment(token))
        for (len++; is_in_token(cursor_peek_at(cursor, len));)
            len++;
    return str_slice(cursor->bytes, cursor->at, cursor->at + len);
}

static FALLIBLE resolve_number(struct toml_reader *reader, struct doc_node *node)
{
    struct str text = node->text;
    struct str shown = str_slice(text, 0, 64);
    if (is_radix(text) || whole_len(text) == text.len) {
        node->kind = DOC_INT;
        switch (doc_read_integer(text, &node->integer)) {
        case DOC_INTEGER_FITS:
            return NULL;
        case DOC_INTEGER_HUGE:
            return doc_error(node, "'%.*s' does not fit 64 bits", STR_FMT(shown));
        case DOC_INTEGER_NONE:
            return doc_error(node, "'%.*s' is no number", STR_FMT(shown));
        }
    }
    if (!is_real(text))
        return error_hint(doc_error(node, "'%.*s' is no value", STR_FMT(shown)),
                          "put quotes around a text");
    node->kind = DOC_REAL;
    if (!doc_read_real(reader->build.scratch, text, &node->real))
        return doc_error(node, "'%.*s' is out of the range of numbers", STR_FMT(shown));
    return NULL;
}

FALLIBLE toml_read_plain(struct toml_reader *reader, struct doc_node **ret)
{
    struct doc_node *node = NULL;
    struct str token = token_ahead(&reader->cursor);
    if (!token.len)
        return toml_unexpected(reader, "a value");
    TRY(toml_node(reader, DOC_STR, &node));
    node->text = token;
    if (str_is(token, "true") || str_is(token, "false")) {
        node->kind = DOC_BOOL;
        node->truth = token.at[0] == 't';
    } else if (is_special(token, &node->real))
        node->kind = DOC_REAL;
    else if (!toml_is_moment(token))
        TRY(resolve_number(reader, node));
    reader->cursor.at += token.len;
    *ret = node;
    return NULL;
}

static FALLIBLE read_list(struct toml_reader *reader, int depth, struct doc_node *list)
{
    struct doc_node **end = &list->first;
    reader->cursor.at++;
    TRY(toml_skip_lines(reader));
    while (!cursor_take(&reader->cursor, "]")) {
        TRY(toml_read_value(reader, depth + 1, end));
        end = &(*end)->next;
        list->count++;
        TRY(toml_skip_lines(reader));
        bool has_comma = cursor_take(&reader->cursor, ",");
        TRY(toml_skip_lines(reader));
        if (!has_comma && cursor_at_end(&reader->cursor))
            return doc_error(list, "this bracket is never closed");
        if (!has_comma && cursor_peek(&reader->cursor) != ']')
            return toml_unexpected(reader, "',' or ']'");
    }
    return NULL;
}

static FALLIBLE read_inline(struct toml_reader *reader, int depth, struct doc_node *map)
{
    struct toml_table table = {.node = map, .depth = depth};
    struct toml_table *kept = arena_new(reader->build.scratch, struct toml_table);
    *kept = table; /* its address names its keys */
    struct toml_scope scope = {kept, ++reader->section_last};
    reader->cursor.at++;
    toml_skip_blanks(reader);
    if (cursor_take(&reader->cursor, "}"))
        return NULL;
    do {
        toml_skip_blanks(reader);
        TRY(toml_read_pair(reader, &scope));
        toml_skip_blanks(reader);
    } while (cursor_take(&reader->cursor, ","));
    if (!cursor_take(&reader->cursor, "}"))
        return toml_unexpected(reader, "',' or '}'");
    return NULL;
}

FALLIBLE toml_read_value(struct toml_reader *reader, int depth, struct doc_node **ret)
{
    char c = cursor_peek(&reader->cursor);
    if (c == '"' || c == '\'')
        return toml_read_string(reader, false, ret);
    if (c != '[' && c != '{')
        return toml_read_plain(reader, ret);
    TRY(toml_node(reader, c == '[' ? DOC_LIST : DOC_MAP, ret));
    if (depth >= LIMIT_DOCUMENT_DEPTH)
        return doc_error(*ret, "nested too deep: at most %" PRId64 " levels (limit DOCUMENT_DEPTH)",
                         LIMIT_DOCUMENT_DEPTH);
    return c == '[' ? read_list(reader, depth, *ret) : read_inline(reader, depth, *ret);
}
