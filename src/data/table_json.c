/* Values of JSON (RFC 8259) where they stand in a batch's text: strict, no tree, no copies. */
#include "mlops/base/check.h"

#include "table_json_private.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

ERROR_MADE json_fault(const struct json_text *json, const char *what)
{
    return table_error(json->table, json->slot, MIN_OF(json->at, json->end), "%s", what);
}

FALLIBLE json_expect(struct json_text *json, char c, const char *where)
{
    if (json_take(json, c))
        return NULL;
    if (json->at >= json->end)
        return table_error(json->table, json->slot, json->end, "'%c' is missing %s", c, where);
    return table_error(json->table, json->slot, json->at, "'%c' is missing %s, found '%c'", c,
                       where, json->text[json->at]);
}

struct json_text json_record(const struct table_reader *table, struct table_slot *slot, size_t from)
{
    struct json_text json = {.table = table,
                             .slot = slot,
                             .text = slot->text,
                             .at = from,
                             .end = mark_next(slot->breaks, from)};
    json_skip_space(&json);
    return json;
}

/* ---- strings ---- */

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind "\u". */
static bool read_hex(const struct json_text *json, size_t at, uint32_t *ret)
{
    uint32_t code = 0;
    if (json->end - at < 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(json->text[at + i]);
        if (digit < 0)
            return false;
        code = code << 4 | (uint32_t)digit;
    }
    *ret = code;
    return true;
}

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; i-- > 1; code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(leads[len] | code);
    return len;
}

/* "\uXXXX", one or a pair of surrogates, json->at on the 'u'. */
static FALLIBLE read_unicode(struct json_text *json, uint32_t *ret)
{
    uint32_t code, low;
    size_t at = json->at + 1;
    if (!read_hex(json, at, &code))
        return json_fault(json, "four hexadecimal digits must follow \\u");
    if (code == 0)
        return json_fault(json, "a string holds \\u0000");
    if (code >= 0xdc00 && code < 0xe000)
        return json_fault(json, "half a surrogate pair");
    json->at += 5;
    if (code >= 0xd800 && code < 0xdc00) {
        bool is_pair = json->end - json->at >= 6 && json->text[json->at] == '\\' &&
                       json->text[json->at + 1] == 'u' && read_hex(json, json->at + 2, &low) &&
                       low >= 0xdc00 && low < 0xe000;
        if (!is_pair)
            return json_fault(json, "half a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        json->at += 6;
    }
    *ret = code;
    return NULL;
}

/* An escape, json->at behind its backslash: what it stands for, json->at behind it. */
static FALLIBLE read_escape(struct json_text *json, uint32_t *ret)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = json->at < json->end ? json->text[json->at] : '\0';
    const char *found = c ? strchr(names, c) : NULL;
    if (c == 'u')
        return read_unicode(json, ret);
    if (!found)
        return json_fault(json, "an unknown escape in a string");
    *ret = (unsigned char)values[found - names];
    json->at++;
    return NULL;
}

/* Whether one of eight bytes is a quote, a backslash or a control character: exact but for bytes
 * behind such a one. */
static bool has_special(const char *at)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    uint64_t quotes = word ^ ones * '"', slashes = word ^ ones * '\\';
    return (((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes) |
            ((word - ones * ' ') & ~word)) &
           highs;
}

/* To the next quote, backslash or control character. */
static void skip_plain(struct json_text *json)
{
    const char *text = json->text;
    size_t at = json->at, end = json->end;
    while (end - at >= sizeof(uint64_t) && !has_special(text + at))
        at += sizeof(uint64_t);
    while (at < end && text[at] != '"' && text[at] != '\\' && (unsigned char)text[at] >= ' ')
        at++;
    json->at = at;
}

FALLIBLE json_string(struct json_text *json, bool decodes, struct raw_cell *ret)
{
    size_t from = ++json->at, put = from;
    for (;;) {
        size_t plain = json->at;
        skip_plain(json);
        if (decodes && put != plain)
            memmove(json->text + put, json->text + plain, json->at - plain);
        put += json->at - plain;
        if (json_take(json, '"'))
            break;
        if (!json_take(json, '\\'))
            return json_fault(json, json->at < json->end ? "a control character in a string"
                                                         : "a string is never closed");
        uint32_t code = 0;
        char utf8[4];
        TRY(read_escape(json, &code));
        size_t len = put_utf8(utf8, code);
        if (decodes)
            memcpy(json->text + put, utf8, len);
        json->slot->decoded_lines += decodes && code == (unsigned char)json->table->line_end;
        if (code >= 0x80)
            json->slot->batch.is_ascii = false;
        put += len;
    }
    size_t end = decodes ? put : json->at - 1;
    if (end - from > (size_t)LIMIT_FIELD_BYTES)
        return json_fault(json, "a string is larger than the limit of one field");
    *ret = (struct raw_cell){.at = (uint32_t)from, .len = (uint32_t)(end - from) & 0xfffffff};
    return NULL;
}

/* ---- other values ---- */

static size_t skip_digits(struct json_text *json)
{
    size_t from = json->at;
    while (json->at < json->end && is_digit(json->text[json->at]))
        json->at++;
    return json->at - from;
}

static FALLIBLE read_number(struct json_text *json)
{
    json_take(json, '-');
    bool has_zero = json_take(json, '0');
    if (skip_digits(json) ? has_zero : !has_zero)
        return json_fault(json, "a number that is none in JSON");
    if (json_take(json, '.') && skip_digits(json) == 0)
        return json_fault(json, "digits must follow the point of a number");
    if (!json_take(json, 'e') && !json_take(json, 'E'))
        return NULL;
    if (!json_take(json, '+'))
        json_take(json, '-');
    if (skip_digits(json) == 0)
        return json_fault(json, "digits must follow the exponent of a number");
    return NULL;
}

static FALLIBLE read_word(struct json_text *json, enum raw_kind *ret)
{
    static const struct {
        struct str word;
        enum raw_kind kind;
    } words[] = {
        {STR_ROW("true"), RAW_TRUE}, {STR_ROW("false"), RAW_FALSE}, {STR_ROW("null"), RAW_NULL}};
    struct str rest = {json->text + json->at, json->end - json->at};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!str_starts(rest, words[i].word))
            continue;
        json->at += words[i].word.len;
        *ret = words[i].kind;
        return NULL;
    }
    return json_fault(json, rest.len ? "no value of JSON" : "a value is missing");
}

static FALLIBLE skip_value(struct json_text *json, int depth);

/* A list or object to its end; nested ones by recursion, which `depth` bounds. */
static FALLIBLE skip_nested(struct json_text *json, int depth)
{
    struct raw_cell key;
    bool is_object = json->text[json->at++] == '{';
    char close = is_object ? '}' : ']';
    if (depth >= LIMIT_DOCUMENT_DEPTH)
        return json_fault(json, "values are nested too deep");
    json_skip_space(json);
    if (json_take(json, close))
        return NULL;
    do {
        json_skip_space(json);
        if (is_object) {
            if (json->at == json->end || json->text[json->at] != '"')
                return json_fault(json, "a key is missing in an object");
            TRY(json_string(json, false, &key));
            json_skip_space(json);
            TRY(json_expect(json, ':', "behind a key"));
            json_skip_space(json);
        }
        TRY(skip_value(json, depth + 1));
        json_skip_space(json);
    } while (json_take(json, ','));
    return json_expect(json, close, "at the end of a nested value");
}

static enum raw_kind kind_at(const struct json_text *json)
{
    char c = json->at < json->end ? json->text[json->at] : '\0';
    if (c == '"')
        return RAW_TEXT;
    if (c == '{')
        return RAW_OBJECT;
    if (c == '[')
        return RAW_ARRAY;
    return c == '-' || is_digit(c) ? RAW_NUMBER : RAW_NULL;
}

static FALLIBLE skip_value(struct json_text *json, int depth)
{
    struct raw_cell ignored;
    enum raw_kind kind = kind_at(json);
    if (kind == RAW_OBJECT || kind == RAW_ARRAY)
        return skip_nested(json, depth);
    if (kind == RAW_TEXT)
        return json_string(json, false, &ignored);
    return kind == RAW_NUMBER ? read_number(json) : read_word(json, &kind);
}

FALLIBLE json_value(struct json_text *json, bool decodes, struct raw_cell *ret)
{
    enum raw_kind kind = kind_at(json);
    size_t from = json->at;
    if (kind == RAW_TEXT)
        return json_string(json, decodes, ret);
    if (kind == RAW_NULL)
        TRY(read_word(json, &kind));
    else
        TRY(skip_value(json, 1));
    if (json->at - from > (size_t)LIMIT_FIELD_BYTES)
        return json_fault(json, "a value is larger than the limit of one field");
    *ret = (struct raw_cell){.at = (uint32_t)from,
                             .len = (uint32_t)(json->at - from) & 0xfffffff,
                             .kind = (uint32_t)kind & 0xf};
    return NULL;
}
