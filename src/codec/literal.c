/* Lines of Python: blocks by indentation, statements that assign, and everything else. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"

#include <inttypes.h>

#include "literal_private.h"

/* Where names go: the module, a class. */
struct scope {
    struct doc_node *map;
    struct doc_node *last;
    struct map names; /* -> struct doc_node *, the value */
};

enum block_kind {
    BLOCK_BODY,    /* of the module or a class: its names */
    BLOCK_INIT,    /* of `__init__`: only names of self */
    BLOCK_SKIPPED, /* anything else */
};

struct block {
    enum block_kind kind;
    int indent;
    struct scope *scope;
};

enum { TAB_COLUMNS = 8 };

struct lines {
    struct literal_reader reader;
    struct block blocks[LITERAL_BLOCKS_MOST];
    int depth;
    struct block next; /* opened by the line before, its indentation is still to come */
    bool has_next;
};

FALLIBLE literal_node(struct literal_reader *reader, enum doc_kind kind, struct doc_node **ret)
{
    cursor_count(&reader->cursor);
    return doc_build_node(&reader->build, kind, reader->cursor.line, reader->cursor.column, ret);
}

static bool is_break(const struct cursor *cursor)
{
    char c = cursor_peek(cursor);
    return c == '\n' || c == '\r';
}

static void skip_comment(struct cursor *cursor)
{
    while (!cursor_at_end(cursor) && !is_break(cursor))
        cursor->at++;
}

/* Over a backslash that ends its line. */
static bool skip_joint(struct cursor *cursor)
{
    char next = cursor_peek_at(cursor, 1);
    if (cursor_peek(cursor) != '\\' || (next != '\n' && next != '\r'))
        return false;
    cursor->at += next == '\r' && cursor_peek_at(cursor, 2) == '\n' ? 3 : 2;
    return true;
}

void literal_skip_blanks(struct literal_reader *reader, bool in_brackets)
{
    struct cursor *cursor = &reader->cursor;
    for (;;) {
        char c = cursor_peek(cursor);
        if (c == ' ' || c == '\t' || c == '\f' || (in_brackets && (c == '\n' || c == '\r')))
            cursor->at++;
        else if (in_brackets && c == '#')
            skip_comment(cursor);
        else if (!skip_joint(cursor))
            return;
    }
}

size_t literal_name_len(const struct cursor *cursor)
{
    size_t len = 0;
    char first = cursor_peek(cursor);
    if (first >= '0' && first <= '9')
        return 0;
    while (literal_is_name_char(cursor_peek_at(cursor, len)))
        len++;
    return len;
}

static struct str take_name(struct cursor *cursor)
{
    size_t from = cursor->at;
    cursor->at += literal_name_len(cursor);
    return str_slice(cursor->bytes, from, cursor->at);
}

/* What a walk over tokens stops at. */
enum stop {
    STOP_LINE,   /* the break or end behind a logical line */
    STOP_PART,   /* also ';' */
    STOP_COLON,  /* also ':' */
    STOP_EQUALS, /* also ';' and a lone '=' */
};

struct walk {
    enum stop stop;
    bool ends_with_colon;
    int depth;
    size_t open[DOC_OPEN_MOST * 4]; /* places of brackets */
};

static FALLIBLE walk_bracket(struct literal_reader *reader, struct walk *walk, char c)
{
    static const char pairs[] = "()[]{}";
    const struct doc *doc = reader->build.doc;
    if (c == '(' || c == '[' || c == '{') {
        if (walk->depth == (int)COUNT_OF(walk->open))
            return doc_error_at(doc, reader->cursor.at, "brackets are nested too deep");
        walk->open[walk->depth++] = reader->cursor.at;
        return NULL;
    }
    const char *pair = strchr(pairs, c);
    if (!walk->depth || reader->cursor.bytes.at[walk->open[walk->depth - 1]] != pair[-1])
        return doc_error_at(doc, reader->cursor.at, "'%c' closes nothing", c);
    walk->depth--;
    return NULL;
}

static bool is_stop(const struct literal_reader *reader, const struct walk *walk)
{
    const struct cursor *cursor = &reader->cursor;
    char c = cursor_peek(cursor), next = cursor_peek_at(cursor, 1);
    char before = cursor->at ? cursor->bytes.at[cursor->at - 1] : ' ';
    switch (walk->stop) {
    case STOP_LINE:
        return false;
    case STOP_PART:
        return c == ';';
    case STOP_COLON:
        return c == ':' && next != '=';
    case STOP_EQUALS:
        return c == ';' || (c == '=' && next != '=' && !memchr("=!<>:", before, 5));
    }
    return false;
}

static FALLIBLE walk_char(struct literal_reader *reader, struct walk *walk)
{
    struct cursor *cursor = &reader->cursor;
    char c = cursor_peek(cursor);
    if ((unsigned char)c < 0x20 && !memchr("\t\n\r\f", c, 4))
        return doc_error_at(reader->build.doc, cursor->at,
                            "control character U+%04X is not allowed", (unsigned char)c);
    if (memchr("()[]{}", c, 6))
        TRY(walk_bracket(reader, walk, c));
    walk->ends_with_colon = c == ':' && !walk->depth;
    cursor->at++;
    return NULL;
}

/* Over tokens up to where `walk->stop` says, at the latest the end of the logical line. */
static FALLIBLE walk_tokens(struct literal_reader *reader, struct walk *walk)
{
    struct cursor *cursor = &reader->cursor;
    for (;;) {
        literal_skip_blanks(reader, walk->depth > 0);
        if (cursor_peek(cursor) == '#')
            skip_comment(cursor);
        if (cursor_at_end(cursor) || (is_break(cursor) && !walk->depth))
            break;
        if (!walk->depth && is_stop(reader, walk))
            return NULL;
        size_t name = literal_name_len(cursor);
        if (literal_quote_ahead(cursor).len) {
            walk->ends_with_colon = false;
            TRY(literal_skip_string(reader));
        } else if (name) {
            walk->ends_with_colon = false;
            cursor->at += name;
        } else
            TRY(walk_char(reader, walk));
    }
    if (walk->depth)
        return doc_error_at(reader->build.doc, walk->open[walk->depth - 1],
                            "this bracket is never closed");
    return NULL;
}

/* Puts a value under its name; the last one counts, at the place of the first. */
static FALLIBLE put(struct lines *lines, struct scope *scope, struct doc_node *key,
                    struct doc_node *value)
{
    if ((int64_t)key->text.len > LIMIT_KEY_BYTES)
        return doc_error(key, "this name is longer than %" PRId64 " bytes (limit KEY_BYTES)",
                         LIMIT_KEY_BYTES);
    struct doc_node *known = map_get(&scope->names, key->text);
    value->key = key;
    if (known) {
        value->next = known->next;
        *known = *value;
        return NULL;
    }
    map_put(lines->reader.build.scratch, &scope->names, key->text, value);
    if (scope->last)
        scope->last->next = value;
    else
        scope->map->first = value;
    scope->last = value;
    scope->map->count++;
    return NULL;
}

/* `name` or `self.name`; *ret NULL: something else. */
static FALLIBLE read_target(struct lines *lines, const struct block *block, struct doc_node **ret)
{
    struct literal_reader *reader = &lines->reader;
    struct doc_node *node = NULL;
    bool is_of_self = false;
    *ret = NULL;
    TRY(literal_node(reader, DOC_STR, &node));
    node->text = take_name(&reader->cursor);
    literal_skip_blanks(reader, false);
    if (str_is(node->text, "self") && cursor_take(&reader->cursor, ".")) {
        literal_skip_blanks(reader, false);
        TRY(literal_node(reader, DOC_STR, &node));
        node->text = take_name(&reader->cursor);
        literal_skip_blanks(reader, false);
        is_of_self = true;
    }
    if (node->text.len && (is_of_self || block->kind == BLOCK_BODY))
        *ret = node;
    return NULL;
}

/* Over ": type" if it is there, then over "="; false if this is no such assignment. */
static FALLIBLE skip_to_value(struct literal_reader *reader, bool *ret)
{
    struct cursor *cursor = &reader->cursor;
    struct walk walk = {.stop = STOP_EQUALS};
    if (cursor_take(cursor, ":"))
        TRY(walk_tokens(reader, &walk));
    *ret = cursor_peek(cursor) == '=' && cursor_peek_at(cursor, 1) != '=';
    if (*ret)
        cursor->at++;
    literal_skip_blanks(reader, false);
    return NULL;
}

static bool is_at_end_of_part(const struct cursor *cursor)
{
    char c = cursor_peek(cursor);
    return cursor_at_end(cursor) || c == ';' || c == '#' || is_break(cursor);
}

/* One simple statement, up to ';' or the end of the line. */
static FALLIBLE read_simple(struct lines *lines, const struct block *block, struct walk *walk)
{
    struct literal_reader *reader = &lines->reader;
    struct cursor start = reader->cursor;
    struct doc_node *key = NULL, *value = NULL;
    bool assigns = false;
    TRY(read_target(lines, block, &key));
    if (key)
        TRY(skip_to_value(reader, &assigns));
    if (assigns)
        TRY(literal_read_value(reader, &value));
    if (value && is_at_end_of_part(&reader->cursor))
        return put(lines, block->scope, key, value);
    reader->cursor.at = start.at; /* again, as something to pass over */
    *walk = (struct walk){.stop = STOP_PART};
    return walk_tokens(reader, walk);
}

static FALLIBLE read_statements(struct lines *lines, const struct block *block)
{
    struct cursor *cursor = &lines->reader.cursor;
    struct walk walk = {.stop = STOP_PART};
    do {
        literal_skip_blanks(&lines->reader, false);
        TRY(read_simple(lines, block, &walk));
        literal_skip_blanks(&lines->reader, false);
    } while (cursor_take(cursor, ";"));
    if (cursor_peek(cursor) == '#')
        skip_comment(cursor);
    lines->next = (struct block){.kind = BLOCK_SKIPPED};
    lines->has_next = walk.ends_with_colon;
    return NULL;
}

/* The rest of a line whose statement is of no interest, and the block below it. What is deeper than
 * a block that is passed over belongs to it. */
static FALLIBLE skip_statement(struct lines *lines)
{
    bool is_in_skipped = lines->blocks[lines->depth - 1].kind == BLOCK_SKIPPED;
    struct walk walk = {.stop = STOP_LINE};
    TRY(walk_tokens(&lines->reader, &walk));
    lines->next = (struct block){.kind = BLOCK_SKIPPED};
    lines->has_next = walk.ends_with_colon && !is_in_skipped;
    return NULL;
}

/* Behind "class X(...)" or "def __init__(...)": a block below, or statements in the same line. */
static FALLIBLE read_suite(struct lines *lines, struct block block)
{
    struct literal_reader *reader = &lines->reader;
    struct walk walk = {.stop = STOP_COLON};
    TRY(walk_tokens(reader, &walk));
    if (!cursor_take(&reader->cursor, ":"))
        return doc_error_at(reader->build.doc, reader->cursor.at, "':' was expected here");
    literal_skip_blanks(reader, false);
    if (cursor_peek(&reader->cursor) == '#')
        skip_comment(&reader->cursor);
    if (!cursor_at_end(&reader->cursor) && !is_break(&reader->cursor))
        return read_statements(lines, &block);
    lines->next = block;
    lines->has_next = true;
    return NULL;
}

static FALLIBLE read_class(struct lines *lines, const struct block *block)
{
    struct literal_reader *reader = &lines->reader;
    struct doc_node *key = NULL, *map = NULL;
    struct scope *scope = arena_new(reader->build.scratch, struct scope);
    literal_skip_blanks(reader, false);
    TRY(literal_node(reader, DOC_STR, &key));
    key->text = take_name(&reader->cursor);
    if (!key->text.len)
        return doc_error(key, "the name of a class was expected here");
    TRY(doc_build_node(&reader->build, DOC_MAP, key->line, key->column, &map));
    TRY(put(lines, block->scope, key, map));
    /* Where the name was taken before, that node is the one in the tree. */
    scope->map = map_get(&block->scope->names, key->text);
    return read_suite(lines, (struct block){.kind = BLOCK_BODY, .scope = scope});
}

static bool is_compound(struct str word)
{
    static const char *const words[] = {"if",     "elif",    "else", "for", "while", "try",
                                        "except", "finally", "with", "def", "async", "lambda"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_is(word, words[i]))
            return true;
    return false;
}

static FALLIBLE read_statement(struct lines *lines)
{
    const struct block block = lines->blocks[lines->depth - 1];
    struct cursor *cursor = &lines->reader.cursor;
    struct cursor ahead = *cursor;
    struct str word = take_name(&ahead);
    bool is_init = str_is(word, "def");
    if (block.kind == BLOCK_SKIPPED)
        return skip_statement(lines);
    if (is_init) {
        while (cursor_peek(&ahead) == ' ' || cursor_peek(&ahead) == '\t')
            ahead.at++;
        is_init = str_is(take_name(&ahead), "__init__");
    }
    bool is_class = str_is(word, "class");
    if (is_init || is_class)
        cursor->at = ahead.at;
    if (is_init)
        return read_suite(lines, (struct block){.kind = BLOCK_INIT, .scope = block.scope});
    if (is_class)
        return read_class(lines, &block);
    return is_compound(word) ? skip_statement(lines) : read_statements(lines, &block);
}

/* Columns of blanks in front of a line. */
static int take_indent(struct cursor *cursor)
{
    int columns = 0;
    for (;; cursor->at++) {
        char c = cursor_peek(cursor);
        if (c == ' ')
            columns++;
        else if (c == '\t')
            columns += TAB_COLUMNS - columns % TAB_COLUMNS;
        else if (c == '\f')
            columns = 0;
        else
            return columns;
    }
}

static FALLIBLE open_block(struct lines *lines, int indent)
{
    const struct cursor *cursor = &lines->reader.cursor;
    const struct doc *doc = lines->reader.build.doc;
    lines->has_next = false;
    if (indent <= lines->blocks[lines->depth - 1].indent)
        return doc_error_at(doc, cursor->at, "an indented block was expected here");
    if (lines->depth == LITERAL_BLOCKS_MOST)
        return doc_error_at(doc, cursor->at, "blocks are nested too deep: at most %d levels",
                            LITERAL_BLOCKS_MOST);
    lines->next.indent = indent;
    lines->blocks[lines->depth++] = lines->next;
    return NULL;
}

/* Opens or closes blocks by the indentation of a line. */
static FALLIBLE fit_indent(struct lines *lines, int indent)
{
    if (lines->has_next)
        return open_block(lines, indent);
    while (indent < lines->blocks[lines->depth - 1].indent)
        lines->depth--;
    const struct block *top = &lines->blocks[lines->depth - 1];
    if (indent > top->indent && top->kind != BLOCK_SKIPPED)
        return doc_error_at(lines->reader.build.doc, lines->reader.cursor.at,
                            "this indentation fits no block");
    return NULL;
}

static FALLIBLE read_line(struct lines *lines)
{
    struct cursor *cursor = &lines->reader.cursor;
    int indent = take_indent(cursor);
    if (skip_joint(cursor))
        literal_skip_blanks(&lines->reader, false);
    if (cursor_peek(cursor) == '#')
        skip_comment(cursor);
    if (!cursor_at_end(cursor) && !is_break(cursor)) {
        TRY(fit_indent(lines, indent));
        TRY(read_statement(lines));
    }
    if (!cursor_at_end(cursor))
        cursor->at++; /* the break; of CRLF its first half, the other is an empty line */
    return NULL;
}

static FALLIBLE read_lines(struct lines *lines)
{
    struct literal_reader *reader = &lines->reader;
    struct scope *module = arena_new(reader->build.scratch, struct scope);
    ptrdiff_t bad = doc_find_bad_utf8(reader->cursor.bytes);
    if (bad >= 0)
        return doc_error_at(reader->build.doc, (size_t)bad,
                            "not valid UTF-8 (byte %td of the file)", bad + 1);
    TRY(literal_node(reader, DOC_MAP, &module->map));
    reader->build.doc->root = module->map;
    lines->blocks[lines->depth++] = (struct block){.kind = BLOCK_BODY, .scope = module};
    while (!cursor_at_end(&reader->cursor))
        TRY(read_line(lines));
    if (lines->has_next)
        return doc_error_at(reader->build.doc, reader->cursor.at,
                            "an indented block was expected here");
    return NULL;
}

FALLIBLE literal_parse(struct arena *arena, struct str name, struct str bytes, struct doc **ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct error_list errors = {0};
    struct doc *doc = doc_make(arena, name, bytes, DOC_NATIVE);
    TRY(doc_check_size(doc, LIMIT_DOCUMENT_BYTES, "DOCUMENT_BYTES"));
    struct lines lines = {.reader.cursor = cursor_of(doc->bytes)};
    lines.reader.build = (struct doc_builder){
        .arena = arena,
        .scratch = &scratch,
        .doc = doc,
        .errors = &errors,
        .nodes_most = LIMIT_DOCUMENT_NODES,
        .nodes_limit = "DOCUMENT_NODES",
    };
    TRY(doc_finish(doc, &errors, read_lines(&lines)));
    *ret = doc;
    return NULL;
}
