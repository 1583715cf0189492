#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include "cursor_private.h"
#include "doc_private.h"
#include "json_private.h"

struct reader {
    struct doc_builder build;
    struct cursor cursor;
    bool is_lenient;
};

static FALLIBLE new_node(struct reader *reader, enum doc_kind kind, struct doc_node **ret)
{
    cursor_count(&reader->cursor);
    return doc_build_node(&reader->build, kind, reader->cursor.line, reader->cursor.column, ret);
}

static void skip_blanks(struct reader *reader)
{
    while (!cursor_at_end(&reader->cursor)) {
        char c = cursor_peek(&reader->cursor);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
        reader->cursor.at++;
    }
}

/* What was found instead, in words that need no escaping. */
static FALLIBLE unexpected(struct reader *reader, const char *expected)
{
    if (cursor_at_end(&reader->cursor))
        return doc_error_at(reader->build.doc, reader->cursor.at, "%s was expected, found the end",
                            expected);
    struct str rest = cursor_rest(&reader->cursor);
    static const char *const words[] = {"NaN", "Infinity", "-Infinity", "-NaN",
                                        "nan", "inf",      "-inf"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_starts(rest, str_of(words[i])))
            return error_hint(
                doc_error_at(reader->build.doc, reader->cursor.at, "%s is not JSON", words[i]),
                "write null, or leave the value out");
    uint32_t code = 0;
    size_t used = utf8_decode(rest.at, rest.len, &code);
    if (!used)
        return doc_error_at(reader->build.doc, reader->cursor.at, "not valid UTF-8");
    return doc_error_at(reader->build.doc, reader->cursor.at, "%s was expected, found '%.*s'",
                        expected, (int)used, rest.at);
}

static FALLIBLE read_number(struct reader *reader)
{
    struct doc_node *node = NULL;
    bool is_real = false;
    struct str rest = cursor_rest(&reader->cursor);
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
    reader->cursor.at += len;
    return doc_build_attach(&reader->build, node);
}

static FALLIBLE read_word(struct reader *reader, const char *word, enum doc_kind kind, bool truth)
{
    struct doc_node *node = NULL;
    struct str text = str_of(word);
    if (!str_starts(cursor_rest(&reader->cursor), text))
        return unexpected(reader, "a value");
    TRY(new_node(reader, kind, &node));
    node->text = str_slice(reader->cursor.bytes, reader->cursor.at, reader->cursor.at + text.len);
    if (kind == DOC_BOOL)
        node->truth = truth;
    reader->cursor.at += text.len;
    return doc_build_attach(&reader->build, node);
}

/* Four hex digits behind a "\u" at the place. */
static bool take_unit(struct reader *reader, uint32_t *ret)
{
    size_t from = reader->cursor.at;
    if (cursor_take(&reader->cursor, "\\u") && cursor_take_hex(&reader->cursor, 4, ret))
        return true;
    reader->cursor.at = from;
    return false;
}

static FALLIBLE read_unicode(struct reader *reader, struct buf *out)
{
    size_t from = reader->cursor.at;
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
    cursor_add_utf8(out, code);
    return NULL;
}

static FALLIBLE read_escape(struct reader *reader, struct buf *out)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    struct str pair = str_slice(reader->cursor.bytes, reader->cursor.at, reader->cursor.at + 2);
    if (pair.len == 2 && pair.at[1] == 'u')
        return read_unicode(reader, out);
    const char *found = pair.len == 2 ? memchr(escapes, pair.at[1], sizeof escapes - 1) : NULL;
    if (!found)
        return doc_error_at(reader->build.doc, reader->cursor.at, "unknown escape in a string");
    buf_add_char(out, meanings[found - escapes]);
    reader->cursor.at += 2;
    return NULL;
}

/* Moves over characters that stand for themselves; stops at '"', '\' or what may not be there. */
static void skip_plain(struct reader *reader)
{
    while (!cursor_at_end(&reader->cursor)) {
        unsigned char c = (unsigned char)cursor_peek(&reader->cursor);
        uint32_t code = 0;
        size_t used = 1;
        if (c >= 0x80)
            used = utf8_decode(reader->cursor.bytes.at + reader->cursor.at,
                               reader->cursor.bytes.len - reader->cursor.at, &code);
        if (c < 0x20 || c == '"' || c == '\\' || !used)
            return;
        reader->cursor.at += used;
    }
}

static FALLIBLE unclosed(struct reader *reader, const struct doc_node *node)
{
    unsigned char c = (unsigned char)cursor_peek(&reader->cursor);
    if (cursor_at_end(&reader->cursor) || c == '\n' || c == '\r')
        return doc_error(node, "this string is never closed");
    if (c < 0x20)
        return doc_error_at(reader->build.doc, reader->cursor.at,
                            "control character U+%04X in a string must be escaped", c);
    return doc_error_at(reader->build.doc, reader->cursor.at, "not valid UTF-8");
}

/* Borrows the text from the file where it holds no escape. */
static FALLIBLE read_text(struct reader *reader, struct doc_node *node)
{
    size_t from = ++reader->cursor.at;
    struct buf text = buf_in(reader->build.arena);
    bool has_escape = false;
    for (;;) {
        size_t piece = reader->cursor.at;
        skip_plain(reader);
        if (has_escape || cursor_peek(&reader->cursor) == '\\')
            buf_add(&text, reader->cursor.bytes.at + piece, reader->cursor.at - piece);
        if (cursor_peek(&reader->cursor) == '"')
            break;
        if (cursor_peek(&reader->cursor) != '\\')
            return unclosed(reader, node);
        has_escape = true;
        TRY(read_escape(reader, &text));
    }
    node->text =
        has_escape ? buf_str(&text) : str_slice(reader->cursor.bytes, from, reader->cursor.at);
    reader->cursor.at++;
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
    reader->cursor.at++;
    return doc_build_open(&reader->build, node);
}

/* A scalar, or the start of a list or object. */
static FALLIBLE read_value(struct reader *reader)
{
    struct doc_node *node = NULL;
    skip_blanks(reader);
    switch (cursor_peek(&reader->cursor)) {
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
    if (cursor_peek(&reader->cursor) != '"')
        return unexpected(reader, "a name in double quotes");
    TRY(read_string(reader, &node));
    if (!reader->is_lenient && memchr(node->text.at, '\0', node->text.len))
        return doc_error(node, "a name must not hold a NUL character");
    TRY(doc_build_attach(&reader->build, node));
    skip_blanks(reader);
    if (cursor_peek(&reader->cursor) != ':')
        return unexpected(reader, "':'");
    reader->cursor.at++;
    return NULL;
}

/* The next item of what is open, or its end. */
static FALLIBLE read_item(struct reader *reader)
{
    const struct doc_node *open = reader->build.open[reader->build.depth - 1].node;
    bool is_map = open->kind == DOC_MAP;
    char end = is_map ? '}' : ']';
    skip_blanks(reader);
    if (cursor_peek(&reader->cursor) == end) {
        reader->cursor.at++;
        doc_build_close(&reader->build);
        return NULL;
    }
    if (open->count) {
        if (cursor_peek(&reader->cursor) != ',')
            return unexpected(reader, is_map ? "',' or '}'" : "',' or ']'");
        size_t comma = reader->cursor.at++;
        skip_blanks(reader);
        if (cursor_peek(&reader->cursor) == end)
            return doc_error_at(reader->build.doc, comma, "a comma before '%c' is not JSON", end);
    }
    if (is_map)
        TRY(read_name(reader));
    return read_value(reader);
}

static FALLIBLE read_document(struct reader *reader)
{
    skip_blanks(reader);
    if (cursor_at_end(&reader->cursor))
        return doc_error_at(reader->build.doc, 0, "the file is empty; a JSON value was expected");
    TRY(read_value(reader));
    while (reader->build.depth)
        TRY(read_item(reader));
    skip_blanks(reader);
    if (!cursor_at_end(&reader->cursor))
        return unexpected(reader, "the end of the file");
    return NULL;
}

static FALLIBLE parse(struct arena *arena, struct str name, struct str bytes, bool is_lenient,
                      struct doc **ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct error_list errors = {0};
    struct doc *doc = doc_make(arena, name, bytes, DOC_NATIVE);
    TRY(doc_check_size(doc, LIMIT_JSON_BYTES, "JSON_BYTES"));
    struct reader reader = {.cursor = cursor_of(doc->bytes), .is_lenient = is_lenient};
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
    TRY(doc_finish(doc, &errors, read_document(&reader)));
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
