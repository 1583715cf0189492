/* Values of Python as far as they are literals. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"

#include <inttypes.h>
#include <stdlib.h>

#include "literal_private.h"

static FALLIBLE read_item(struct literal_reader *reader, int depth, struct doc_node **ret);

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with single underscores between them. */
static size_t digits_len(const struct cursor *cursor, size_t at)
{
    size_t from = at;
    while (is_digit(cursor_peek_at(cursor, at)))
        at += cursor_peek_at(cursor, at + 1) == '_' && is_digit(cursor_peek_at(cursor, at + 2)) ? 2
                                                                                                : 1;
    return at - from;
}

/* 0x1F, 0o17, 0b11, in either case. */
static size_t radix_len(const struct cursor *cursor)
{
    size_t len = 2;
    char low = (char)(cursor_peek_at(cursor, 1) | 0x20);
    if (cursor_peek(cursor) != '0' || (low != 'x' && low != 'o' && low != 'b'))
        return 0;
    while (literal_is_name_char(cursor_peek_at(cursor, len)))
        len++;
    return len;
}

/* Length of the decimal number ahead; 0 if there is none. */
static size_t decimal_len(const struct cursor *cursor, bool *ret_is_real)
{
    size_t at = digits_len(cursor, 0);
    bool has_whole = at > 0;
    *ret_is_real = cursor_peek_at(cursor, at) == '.';
    if (*ret_is_real) {
        size_t fraction = digits_len(cursor, at + 1);
        at += 1 + fraction;
        if (!has_whole && !fraction)
            return 0;
    }
    if (at && (cursor_peek_at(cursor, at) | 0x20) == 'e') {
        size_t sign =
            cursor_peek_at(cursor, at + 1) == '-' || cursor_peek_at(cursor, at + 1) == '+';
        size_t power = digits_len(cursor, at + 1 + sign);
        *ret_is_real |= power > 0;
        at += power ? 1 + sign + power : 0;
    }
    return at;
}

/* 0 is written with zeros only; 010 is no number of Python 3. */
static bool is_octal_of_old(struct str text)
{
    bool all_zero = true;
    for (size_t i = 0; i < text.len; i++)
        all_zero = all_zero && (text.at[i] == '0' || text.at[i] == '_');
    return text.len > 1 && text.at[0] == '0' && is_digit(text.at[1]) && !all_zero;
}

/* In lower case, where prefixes of radixes are told apart by it. */
static struct str lowered(struct arena *arena, struct str text)
{
    char *copy = arena_copy(arena, text.at, text.len);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = (char)(copy[i] >= 'A' && copy[i] <= 'Z' ? copy[i] + 32 : copy[i]);
    return (struct str){copy, text.len};
}

enum { INTEGER_DIGITS_MOST = 256 };

/* `text` with its sign. False: no number after all. */
static bool resolve_integer(struct arena *arena, struct doc_node *node, bool has_radix)
{
    if (has_radix)
        node->text = lowered(arena, node->text);
    node->kind = DOC_INT;
    switch (doc_read_integer(node->text, &node->integer)) {
    case DOC_INTEGER_FITS:
        return true;
    case DOC_INTEGER_HUGE:
        node->kind = DOC_BIGINT;
        return !has_radix || node->text.len <= INTEGER_DIGITS_MOST;
    case DOC_INTEGER_NONE:
        break;
    }
    return false;
}

/* Python's numbers overflow to infinity, as strtod does. */
static void resolve_real(struct doc_node *node)
{
    AUTO(buf_drop) struct buf plain = {0};
    for (size_t i = 0; i < node->text.len; i++)
        if (node->text.at[i] != '_')
            buf_add_char(&plain, node->text.at[i]);
    node->kind = DOC_REAL;
    node->real = strtod(plain.at, NULL);
}

static FALLIBLE read_number(struct literal_reader *reader, struct doc_node **ret)
{
    struct cursor *cursor = &reader->cursor;
    struct doc_node *node = NULL;
    bool is_real = false;
    char sign = cursor_peek(cursor);
    *ret = NULL;
    TRY(literal_node(reader, DOC_INT, &node));
    if (sign == '-' || sign == '+') {
        cursor->at++;
        literal_skip_blanks(reader, false);
    }
    size_t radix = radix_len(cursor);
    size_t len = radix ? radix : decimal_len(cursor, &is_real);
    struct str text = str_slice(cursor->bytes, cursor->at, cursor->at + len);
    if (!len || (!is_real && is_octal_of_old(text)))
        return NULL;
    cursor->at += len;
    if (literal_is_name_char(cursor_peek(cursor)))
        return NULL; /* 1j, or nothing at all */
    node->text = sign == '-' ? str_print(reader->build.arena, "-%.*s", STR_FMT(text)) : text;
    if (is_real)
        resolve_real(node);
    else if (!resolve_integer(reader->build.arena, node, radix > 0))
        return NULL;
    *ret = node;
    return NULL;
}

static FALLIBLE read_word(struct literal_reader *reader, struct doc_node **ret)
{
    static const struct {
        const char *word;
        enum doc_kind kind;
        bool truth;
    } rows[] = {
        {"True", DOC_BOOL, true},
        {"False", DOC_BOOL, false},
        {"None", DOC_NULL, false},
    };
    struct cursor *cursor = &reader->cursor;
    struct str word = str_slice(cursor->bytes, cursor->at, cursor->at + literal_name_len(cursor));
    struct doc_node *node = NULL;
    *ret = NULL;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!str_is(word, rows[i].word))
            continue;
        TRY(literal_node(reader, rows[i].kind, &node));
        node->text = word;
        if (node->kind == DOC_BOOL)
            node->truth = rows[i].truth;
        cursor->at += word.len;
        *ret = node;
    }
    return NULL;
}

static void append(struct doc_node *to, struct doc_node **last, struct doc_node *child)
{
    if (*last)
        (*last)->next = child;
    else
        to->first = child;
    *last = child;
    to->count++;
}

/* What is between brackets, up to and with `end`; *ret_known false where something is no literal.
 * *ret_comma: whether a comma was there, which makes a tuple of parentheses. */
static FALLIBLE read_items(struct literal_reader *reader, int depth, char end,
                           struct doc_node *list, bool *ret_known, bool *ret_comma)
{
    const char ends[] = {end, '\0'};
    struct doc_node *last = NULL, *item = NULL;
    bool has_comma = true;
    *ret_known = *ret_comma = false;
    for (;;) {
        literal_skip_blanks(reader, true);
        if (cursor_take(&reader->cursor, ends)) {
            *ret_known = true;
            return NULL;
        }
        if (!has_comma)
            return NULL;
        TRY(read_item(reader, depth + 1, &item));
        if (!item)
            return NULL;
        append(list, &last, item);
        literal_skip_blanks(reader, true);
        has_comma = cursor_take(&reader->cursor, ",");
        *ret_comma |= has_comma;
    }
}

static FALLIBLE read_list(struct literal_reader *reader, int depth, struct doc_node **ret)
{
    struct doc_node *list = NULL;
    bool is_known = false, has_comma = false;
    bool is_round = cursor_peek(&reader->cursor) == '(';
    *ret = NULL;
    TRY(literal_node(reader, DOC_LIST, &list));
    reader->cursor.at++;
    TRY(read_items(reader, depth, is_round ? ')' : ']', list, &is_known, &has_comma));
    if (is_known)
        *ret = is_round && list->count == 1 && !has_comma ? list->first : list;
    return NULL;
}

/* The last of several equal keys counts, at the place of the first. */
struct dict {
    struct doc_node *map;
    struct doc_node *last;
    struct map known;
};

static void put(struct literal_reader *reader, struct dict *dict, struct doc_node *key,
                struct doc_node *value)
{
    struct doc_node *known = map_get(&dict->known, key->text);
    value->key = key;
    if (known) {
        value->next = known->next;
        *known = *value;
        return;
    }
    map_put(reader->build.scratch, &dict->known, key->text, value);
    append(dict->map, &dict->last, value);
}

static bool is_key(const struct doc_node *node)
{
    return node && node->kind != DOC_LIST && node->kind != DOC_MAP &&
           (int64_t)node->text.len <= LIMIT_KEY_BYTES;
}

/* Behind the first item of braces, which a colon follows. */
static FALLIBLE read_dict(struct literal_reader *reader, int depth, struct doc_node *key,
                          struct dict *dict, bool *ret_known)
{
    struct doc_node *value = NULL;
    *ret_known = false;
    while (is_key(key) && cursor_take(&reader->cursor, ":")) {
        literal_skip_blanks(reader, true);
        TRY(read_item(reader, depth + 1, &value));
        if (!value)
            return NULL;
        put(reader, dict, key, value);
        literal_skip_blanks(reader, true);
        bool has_comma = cursor_take(&reader->cursor, ",");
        literal_skip_blanks(reader, true);
        if (cursor_take(&reader->cursor, "}")) {
            *ret_known = true;
            return NULL;
        }
        if (!has_comma)
            return NULL;
        TRY(read_item(reader, depth + 1, &key));
        literal_skip_blanks(reader, true);
    }
    return NULL;
}

/* Dict or set. */
static FALLIBLE read_braces(struct literal_reader *reader, int depth, struct doc_node **ret)
{
    struct doc_node *node = NULL, *first = NULL, *last = NULL;
    bool is_known = true, has_comma = false;
    *ret = NULL;
    TRY(literal_node(reader, DOC_MAP, &node));
    struct dict dict = {.map = node};
    reader->cursor.at++;
    literal_skip_blanks(reader, true);
    if (cursor_take(&reader->cursor, "}")) {
        *ret = node;
        return NULL;
    }
    TRY(read_item(reader, depth + 1, &first));
    literal_skip_blanks(reader, true);
    if (!first)
        return NULL;
    if (cursor_peek(&reader->cursor) == ':') {
        TRY(read_dict(reader, depth, first, &dict, &is_known));
    } else {
        node->kind = DOC_LIST;
        append(node, &last, first);
        if (cursor_take(&reader->cursor, ",")) {
            struct doc_node rest = {.kind = DOC_LIST};
            TRY(read_items(reader, depth, '}', &rest, &is_known, &has_comma));
            first->next = rest.first;
            node->count += rest.count;
        } else
            is_known = cursor_take(&reader->cursor, "}");
    }
    if (is_known)
        *ret = node;
    return NULL;
}

/* One value; depth 0 stands outside of brackets. Recursion is bounded by LIMIT_DOCUMENT_DEPTH. */
static FALLIBLE read_item(struct literal_reader *reader, int depth, struct doc_node **ret)
{
    char c = cursor_peek(&reader->cursor);
    *ret = NULL;
    if (depth == LIMIT_DOCUMENT_DEPTH - LITERAL_BLOCKS_MOST)
        return doc_error_at(reader->build.doc, reader->cursor.at,
                            "nested too deep: at most %" PRId64 " levels (limit DOCUMENT_DEPTH)",
                            LIMIT_DOCUMENT_DEPTH);
    if (c == '(' || c == '[')
        return read_list(reader, depth, ret);
    if (c == '{')
        return read_braces(reader, depth, ret);
    if (literal_quote_ahead(&reader->cursor).len)
        return literal_read_text(reader, depth > 0, ret);
    if (is_digit(c) || c == '-' || c == '+' || c == '.')
        return read_number(reader, ret);
    return read_word(reader, ret);
}

FALLIBLE literal_read_value(struct literal_reader *reader, struct doc_node **ret)
{
    struct doc_node *list = NULL, *last = NULL, *item = NULL;
    TRY(read_item(reader, 0, ret));
    literal_skip_blanks(reader, false);
    if (!*ret || cursor_peek(&reader->cursor) != ',')
        return NULL;
    TRY(doc_build_node(&reader->build, DOC_LIST, (*ret)->line, (*ret)->column, &list));
    append(list, &last, *ret);
    *ret = NULL;
    while (cursor_take(&reader->cursor, ",")) {
        literal_skip_blanks(reader, false);
        char c = cursor_peek(&reader->cursor);
        if (cursor_at_end(&reader->cursor) || c == ';' || c == '#' || c == '\n' || c == '\r')
            break; /* "1," */
        TRY(read_item(reader, 0, &item));
        if (!item)
            return NULL;
        append(list, &last, item);
        literal_skip_blanks(reader, false);
    }
    *ret = list;
    return NULL;
}
