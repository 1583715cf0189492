#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <inttypes.h>

#include "doc_private.h"
#include "json_private.h"

struct reader {
    struct doc_builder build;
    struct str bytes;
    size_t at;
    size_t counted; /* place up to which line and column are known */
    int line;
    int column;
    bool is_lenient;
};

static bool at_end(const struct reader *reader)
{
    return reader->at >= reader->bytes.len;
}

/* The byte ahead; 0 at the end (a NUL byte is no JSON either). */
static char peek(const struct reader *reader)
{
    return at_end(reader) ? '\0' : reader->bytes.at[reader->at];
}

/* Brings line and column up to `at`; linear over the whole file. */
static void count_marks(struct reader *reader)
{
    for (; reader->counted < reader->at; reader->counted++) {
        unsigned char byte = (unsigned char)reader->bytes.at[reader->counted];
        bool is_break =
            byte == '\n' || (byte == '\r' && (reader->counted + 1 >= reader->bytes.len ||
                                              reader->bytes.at[reader->counted + 1] != '\n'));
        reader->line += is_break;
        reader->column = is_break ? 1 : reader->column + ((byte & 0xC0) != 0x80);
    }
}

static FALLIBLE new_node(struct reader *reader, enum doc_kind kind, struct doc_node **ret)
{
    count_marks(reader);
    return doc_build_node(&reader->build, kind, reader->line, reader->column, ret);
}

static void skip_blanks(struct reader *reader)
{
    while (!at_end(reader)) {
        char c = peek(reader);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
        reader->at++;
    }
}

/* What was found instead, in words that need no escaping. */
static FALLIBLE unexpected(struct reader *reader, const char *expected)
{
    if (at_end(reader))
        return doc_error_at(reader->build.doc, reader->at, "%s was expected, found the end",
                            expected);
    struct str rest = str_slice(reader->bytes, reader->at, reader->bytes.len);
    static const char *const words[] = {"NaN", "Infinity", "-Infinity", "-NaN",
                                        "nan", "inf",      "-inf"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_starts(rest, str_of(words[i])))
            return error_hint(
                doc_error_at(reader->build.doc, reader->at, "%s is not JSON", words[i]),
                "write null, or leave the value out");
    uint32_t code = 0;
    size_t used = utf8_decode(rest.at, rest.len, &code);
    if (!used)
        return doc_error_at(reader->build.doc, reader->at, "not valid UTF-8");
    return doc_error_at(reader->build.doc, reader->at, "%s was expected, found '%.*s'", expected,
                        (int)used, rest.at);
}

static FALLIBLE read_number(struct reader *reader)
{
    struct doc_node *node = NULL;
    bool is_real = false;
    struct str rest = str_slice(reader->bytes, reader->at, reader->bytes.len);
    size_t len = json_number_len(rest, &is_real);
    if (!len)
        return unexpected(reader, "a value");
    TRY(new_node(reader, is_real ? DOC_REAL : DOC_INT, &node));
    node->text = str_slice(rest, 0, len);
    if (!is_real && !doc_read_decimal(node->text, &node->integer))
        node->kind = DOC_BIGINT;
    if (is_real && !doc_read_real(reader->build.scratch, node->text, &node->real))
        return doc_error(node, "'%.*s' is out of the range of numbers",
                         STR_FMT(str_slice(node->text, 0, 64)));
    reader->at += len;
    return doc_build_attach(&reader->build, node);
}

static FALLIBLE read_word(struct reader *reader, const char *word, enum doc_kind kind, bool truth)
{
    struct doc_node *node = NULL;
    struct str text = str_of(word);
    if (!str_starts(str_slice(reader->bytes, reader->at, reader->bytes.len), text))
        return unexpected(reader, "a value");
    TRY(new_node(reader, kind, &node));
    node->text = str_slice(reader->bytes, reader->at, reader->at + text.len);
    if (kind == DOC_BOOL)
        node->truth = truth;
    reader->at += text.len;
    return doc_build_attach(&reader->build, node);
}

static void add_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_add_char(out, (char)code);
        return;
    }
    if (code < 0x800)
        buf_add_char(out, (char)(0xC0 | code >> 6));
    else if (code < 0x10000)
        buf_add_char(out, (char)(0xE0 | code >> 12));
    else {
        buf_add_char(out, (char)(0xF0 | code >> 18));
        buf_add_char(out, (char)(0x80 | (code >> 12 & 0x3F)));
    }
    if (code >= 0x800)
        buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
    buf_add_char(out, (char)(0x80 | (code & 0x3F)));
}

/* Four hex digits behind a "\u" at the place. */
static bool take_unit(struct reader *reader, uint32_t *ret)
{
    uint32_t unit = 0;
    struct str text = str_slice(reader->bytes, reader->at, reader->at + 6);
    if (text.len < 6 || text.at[0] != '\\' || text.at[1] != 'u')
        return false;
    for (size_t i = 2; i < 6; i++) {
        char c = text.at[i];
        bool is_digit = c >= '0' && c <= '9';
        char low = (char)(c | 0x20);
        if (!is_digit && (low < 'a' || low > 'f'))
            return false;
        unit = unit << 4 | (uint32_t)(is_digit ? c - '0' : low - 'a' + 10);
    }
    reader->at += 6;
    *ret = unit;
    return true;
}

static FALLIBLE read_unicode(struct reader *reader, struct buf *out)
{
    size_t from = reader->at;
    uint32_t code = 0;
    uint32_t low = 0;
    if (!take_unit(reader, &code))
        return doc_error_at(reader->build.doc, from, "'\\u' takes four hex digits");
    if (code >= 0xD800 && code < 0xE000) {
        bool is_pair = code < 0xDC00 && take_unit(reader, &low) && low >= 0xDC00 && low < 0xE000;
        if (!is_pair)
            return doc_error_at(reader->build.doc, from, "half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    add_utf8(out, code);
    return NULL;
}

static FALLIBLE read_escape(struct reader *reader, struct buf *out)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    struct str pair = str_slice(reader->bytes, reader->at, reader->at + 2);
    if (pair.len == 2 && pair.at[1] == 'u')
        return read_unicode(reader, out);
    const char *found = pair.len == 2 ? memchr(escapes, pair.at[1], sizeof escapes - 1) : NULL;
    if (!found)
        return doc_error_at(reader->build.doc, reader->at, "unknown escape in a string");
    buf_add_char(out, meanings[found - escapes]);
    reader->at += 2;
    return NULL;
}

/* Moves over characters that stand for themselves; stops at '"', '\' or what may not be there. */
static void skip_plain(struct reader *reader)
{
    while (!at_end(reader)) {
        unsigned char c = (unsigned char)peek(reader);
        uint32_t code = 0;
        size_t used = 1;
        if (c >= 0x80)
            used =
                utf8_decode(reader->bytes.at + reader->at, reader->bytes.len - reader->at, &code);
        if (c < 0x20 || c == '"' || c == '\\' || !used)
            return;
        reader->at += used;
    }
}

static FALLIBLE unclosed(struct reader *reader, const struct doc_node *node)
{
    unsigned char c = (unsigned char)peek(reader);
    if (at_end(reader) || c == '\n' || c == '\r')
        return doc_error(node, "this string is never closed");
    if (c < 0x20)
        return doc_error_at(reader->build.doc, reader->at,
                            "control character U+%04X in a string must be escaped", c);
    return doc_error_at(reader->build.doc, reader->at, "not valid UTF-8");
}

/* Borrows the text from the file where it holds no escape. */
static FALLIBLE read_text(struct reader *reader, struct doc_node *node)
{
    size_t from = ++reader->at;
    struct buf text = buf_in(reader->build.arena);
    bool has_escape = false;
    for (;;) {
        size_t piece = reader->at;
        skip_plain(reader);
        if (has_escape || peek(reader) == '\\')
            buf_add(&text, reader->bytes.at + piece, reader->at - piece);
        if (peek(reader) == '"')
            break;
        if (peek(reader) != '\\')
            return unclosed(reader, node);
        has_escape = true;
        TRY(read_escape(reader, &text));
    }
    node->text = has_escape ? buf_str(&text) : str_slice(reader->bytes, from, reader->at);
    reader->at++;
    return NULL;
}

static FALLIBLE read_string(struct reader *reader, struct doc_node **ret)
{
    TRY(new_node(reader, DOC_STR, ret));
    (*ret)->is_quoted = true;
    return read_text(reader, *ret);
}

static FALLIBLE read_collection(struct reader *reader, enum doc_kind kind)
{
    struct doc_node *node = NULL;
    TRY(new_node(reader, kind, &node));
    TRY(doc_build_attach(&reader->build, node));
    reader->at++;
    return doc_build_open(&reader->build, node);
}

/* A scalar, or the start of a list or object. */
static FALLIBLE read_value(struct reader *reader)
{
    struct doc_node *node = NULL;
    skip_blanks(reader);
    switch (peek(reader)) {
    case '{':
        return read_collection(reader, DOC_MAP);
    case '[':
        return read_collection(reader, DOC_LIST);
    case '"':
        TRY(read_string(reader, &node));
        return doc_build_attach(&reader->build, node);
    case 't':
        return read_word(reader, "true", DOC_BOOL, true);
    case 'f':
        return read_word(reader, "false", DOC_BOOL, false);
    case 'n':
        return read_word(reader, "null", DOC_NULL, false);
    default:
        return read_number(reader);
    }
}

static FALLIBLE read_name(struct reader *reader)
{
    struct doc_node *node = NULL;
    if (peek(reader) != '"')
        return unexpected(reader, "a name in double quotes");
    TRY(read_string(reader, &node));
    if (!reader->is_lenient && memchr(node->text.at, '\0', node->text.len))
        return doc_error(node, "a name must not hold a NUL character");
    TRY(doc_build_attach(&reader->build, node));
    skip_blanks(reader);
    if (peek(reader) != ':')
        return unexpected(reader, "':'");
    reader->at++;
    return NULL;
}

/* The next item of what is open, or its end. */
static FALLIBLE read_item(struct reader *reader)
{
    const struct doc_node *open = reader->build.open[reader->build.depth - 1].node;
    bool is_map = open->kind == DOC_MAP;
    char end = is_map ? '}' : ']';
    skip_blanks(reader);
    if (peek(reader) == end) {
        reader->at++;
        doc_build_close(&reader->build);
        return NULL;
    }
    if (open->count) {
        if (peek(reader) != ',')
            return unexpected(reader, is_map ? "',' or '}'" : "',' or ']'");
        size_t comma = reader->at++;
        skip_blanks(reader);
        if (peek(reader) == end)
            return doc_error_at(reader->build.doc, comma, "a comma before '%c' is not JSON", end);
    }
    if (is_map)
        TRY(read_name(reader));
    return read_value(reader);
}

static FALLIBLE read_document(struct reader *reader)
{
    skip_blanks(reader);
    if (at_end(reader))
        return doc_error_at(reader->build.doc, 0, "the file is empty; a JSON value was expected");
    TRY(read_value(reader));
    while (reader->build.depth)
        TRY(read_item(reader));
    skip_blanks(reader);
    if (!at_end(reader))
        return unexpected(reader, "the end of the file");
    return NULL;
}

static FALLIBLE parse(struct arena *arena, struct str name, struct str bytes, bool is_lenient,
                      struct doc **ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct error_list errors = {0};
    struct doc *doc = doc_make(arena, name, bytes, DOC_NATIVE);
    if ((int64_t)doc->bytes.len > LIMIT_JSON_BYTES)
        return error_at((struct mark){doc->name.at, 1, 1}, STR(""),
                        "larger than %" PRId64 " bytes (limit JSON_BYTES)", LIMIT_JSON_BYTES);
    struct reader reader = {.bytes = doc->bytes, .line = 1, .column = 1, .is_lenient = is_lenient};
    reader.build = (struct doc_builder){
        .arena = arena,
        .scratch = &scratch,
        .doc = doc,
        .errors = &errors,
        .nodes_most = LIMIT_LOCK_NODES,
        .nodes_limit = "LOCK_NODES",
        .allows_empty_keys = true,
        .allows_duplicates = is_lenient,
    };
    struct error *error = read_document(&reader);
    ptrdiff_t conflict = error ? doc_find_conflict(doc) : -1;
    if (conflict >= 0) {
        error_drop(error);
        error_drop(error_list_take(&errors));
        return doc_conflict(doc, (size_t)conflict);
    }
    error_list_add(&errors, error);
    TRY(error_list_take(&errors));
    *ret = doc;
    return NULL;
}

FALLIBLE json_parse(struct arena *arena, struct str name, struct str bytes, struct doc **ret)
{
    return parse(arena, name, bytes, false, ret);
}

FALLIBLE json_parse_lenient(struct arena *arena, struct str name, struct str bytes,
                            struct doc **ret)
{
    return parse(arena, name, bytes, true, ret);
}
