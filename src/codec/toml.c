/* Lines, headers, keys and the rules by which tables grow. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <inttypes.h>

#include "toml_private.h"

FALLIBLE toml_node(struct toml_reader *reader, enum doc_kind kind, struct doc_node **ret)
{
    cursor_count(&reader->cursor);
    return doc_build_node(&reader->build, kind, reader->cursor.line, reader->cursor.column, ret);
}

FALLIBLE toml_unexpected(struct toml_reader *reader, const char *expected)
{
    const struct cursor *cursor = &reader->cursor;
    struct str rest = cursor_rest(cursor);
    uint32_t code = 0;
    if (!rest.len)
        return doc_error_at(reader->build.doc, cursor->at, "%s was expected, found the end",
                            expected);
    size_t used = utf8_decode(rest.at, rest.len, &code);
    if (cursor_break_len(cursor))
        return doc_error_at(reader->build.doc, cursor->at,
                            "%s was expected, found the end of the line", expected);
    if (code < 0x20 || code == 0x7F)
        return doc_error_at(reader->build.doc, cursor->at,
                            "control character U+%04X is not allowed", (unsigned)code);
    return doc_error_at(reader->build.doc, cursor->at, "%s was expected, found '%.*s'", expected,
                        (int)used, rest.at);
}

void toml_skip_blanks(struct toml_reader *reader)
{
    while (cursor_peek(&reader->cursor) == ' ' || cursor_peek(&reader->cursor) == '\t')
        reader->cursor.at++;
}

/* Blanks and a comment; the break or the end is ahead then. */
static FALLIBLE skip_to_end_of_line(struct toml_reader *reader)
{
    struct cursor *cursor = &reader->cursor;
    toml_skip_blanks(reader);
    if (cursor_peek(cursor) != '#')
        return NULL;
    for (; !cursor_at_end(cursor) && !cursor_break_len(cursor); cursor->at++) {
        unsigned char c = (unsigned char)cursor_peek(cursor);
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return doc_error_at(reader->build.doc, cursor->at,
                                "control character U+%04X is not allowed in a comment", c);
    }
    return NULL;
}

FALLIBLE toml_skip_lines(struct toml_reader *reader)
{
    TRY(skip_to_end_of_line(reader));
    for (size_t len; (len = cursor_break_len(&reader->cursor)) > 0;) {
        reader->cursor.at += len;
        TRY(skip_to_end_of_line(reader));
    }
    return NULL;
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static FALLIBLE read_part(struct toml_reader *reader, struct doc_node **ret)
{
    struct cursor *cursor = &reader->cursor;
    char c = cursor_peek(cursor);
    if (c == '"' || c == '\'')
        return toml_read_string(reader, true, ret);
    if (!is_bare(c))
        return toml_unexpected(reader, "a key");
    struct doc_node *node = NULL;
    TRY(toml_node(reader, DOC_STR, &node));
    size_t from = cursor->at;
    while (is_bare(cursor_peek(cursor)))
        cursor->at++;
    node->text = str_slice(cursor->bytes, from, cursor->at);
    *ret = node;
    return NULL;
}

static FALLIBLE check_part(const struct doc_node *part)
{
    if ((int64_t)part->text.len > LIMIT_KEY_BYTES)
        return doc_error(part, "this key is longer than %" PRId64 " bytes (limit KEY_BYTES)",
                         LIMIT_KEY_BYTES);
    if (part->text.len && memchr(part->text.at, '\0', part->text.len))
        return doc_error(part, "a key must not hold a NUL character");
    return NULL;
}

/* Leaves the cursor behind the key and the blanks that follow it. */
static FALLIBLE read_key(struct toml_reader *reader, struct toml_key *key)
{
    do {
        struct doc_node *part = NULL;
        toml_skip_blanks(reader);
        TRY(read_part(reader, &part));
        TRY(check_part(part));
        if (key->count == TOML_PARTS_MOST)
            return doc_error(part,
                             "nested too deep: at most %" PRId64 " levels (limit DOCUMENT_DEPTH)",
                             LIMIT_DOCUMENT_DEPTH);
        key->parts[key->count++] = part;
        toml_skip_blanks(reader);
    } while (cursor_take(&reader->cursor, "."));
    return NULL;
}

/* Bytes that name `key` of `parent`, valid until the next call. */
static struct str place_of(struct toml_reader *reader, const struct toml_table *parent,
                           struct str key)
{
    buf_clear(&reader->place);
    buf_add(&reader->place, &parent, sizeof parent);
    if (key.len)
        buf_add_str(&reader->place, key);
    return buf_str(&reader->place);
}

static struct toml_table *find(struct toml_reader *reader, const struct toml_table *parent,
                               const struct doc_node *part)
{
    return map_get(&reader->tables, place_of(reader, parent, part->text));
}

static FALLIBLE check_depth(const struct doc_node *node, int depth)
{
    if (depth > LIMIT_DOCUMENT_DEPTH)
        return doc_error(node, "nested too deep: at most %" PRId64 " levels (limit DOCUMENT_DEPTH)",
                         LIMIT_DOCUMENT_DEPTH);
    return NULL;
}

static void append(struct toml_table *parent, struct doc_node *node)
{
    if (parent->last)
        parent->last->next = node;
    else
        parent->node->first = node;
    parent->last = node;
    parent->node->count++;
}

/* A new entry of a table. */
static FALLIBLE add(struct toml_reader *reader, struct toml_table *parent, struct doc_node *part,
                    struct doc_node *value, struct toml_table **ret)
{
    struct toml_table *table = arena_new(reader->build.scratch, struct toml_table);
    struct str place = place_of(reader, parent, part->text);
    *table = (struct toml_table){.node = value, .depth = parent->depth + 1};
    TRY(check_depth(part, table->depth));
    value->key = part;
    append(parent, value);
    map_put(reader->build.scratch, &reader->tables, str_copy(reader->build.scratch, place), table);
    *ret = table;
    return NULL;
}

/* A new empty map or list at the place of its key. */
static FALLIBLE add_empty(struct toml_reader *reader, struct toml_table *parent,
                          struct doc_node *part, enum doc_kind kind, struct toml_table **ret)
{
    struct doc_node *node = NULL;
    TRY(doc_build_node(&reader->build, kind, part->line, part->column, &node));
    return add(reader, parent, part, node, ret);
}

static void tell_taken(struct toml_reader *reader, const struct doc_node *part, const char *problem,
                       const struct toml_table *earlier)
{
    const struct doc_node *first = earlier->node->key ? earlier->node->key : earlier->node;
    doc_build_fault(&reader->build, part, "%s '%.*s' (first at line %d, column %d)", problem,
                    STR_FMT(str_slice(part->text, 0, (size_t)LIMIT_NAME_BYTES)), first->line,
                    first->column);
}

/* The table that a part of a header before its last leads to; *ret NULL: told that it does not. */
static FALLIBLE walk_header(struct toml_reader *reader, struct toml_table *parent,
                            struct doc_node *part, struct toml_table **ret)
{
    struct toml_table *child = find(reader, parent, part);
    *ret = NULL;
    if (!child)
        return add_empty(reader, parent, part, DOC_MAP, ret);
    if (child->is_closed)
        tell_taken(reader, part, "a table is added to a value: duplicate key", child);
    else
        *ret = child->newest ? child->newest : child;
    return NULL;
}

static FALLIBLE open_table(struct toml_reader *reader, struct toml_table *parent,
                           struct doc_node *part, struct toml_table **ret)
{
    struct toml_table *child = find(reader, parent, part);
    *ret = NULL;
    if (child && (child->is_closed || child->newest))
        tell_taken(reader, part, "duplicate key", child);
    else if (child && (child->is_declared || child->dotted_in))
        tell_taken(reader, part, "duplicate table", child);
    else if (child)
        *ret = child;
    else
        TRY(add_empty(reader, parent, part, DOC_MAP, ret));
    if (*ret)
        (*ret)->is_declared = true;
    return NULL;
}

static FALLIBLE open_item(struct toml_reader *reader, struct toml_table *parent,
                          struct doc_node *part, struct toml_table **ret)
{
    struct toml_table *list = find(reader, parent, part);
    struct doc_node *node = NULL;
    *ret = NULL;
    if (list && !list->newest) {
        tell_taken(reader, part, "duplicate key", list);
        return NULL;
    }
    if (!list)
        TRY(add_empty(reader, parent, part, DOC_LIST, &list));
    TRY(check_depth(part, list->depth + 1));
    TRY(doc_build_node(&reader->build, DOC_MAP, part->line, part->column, &node));
    append(list, node);
    list->newest = arena_new(reader->build.scratch, struct toml_table);
    *list->newest =
        (struct toml_table){.node = node, .depth = list->depth + 1, .is_declared = true};
    *ret = list->newest;
    return NULL;
}

/* What follows a header that was refused is read into a table that belongs to nothing. */
static FALLIBLE nowhere(struct toml_reader *reader, struct toml_table **ret)
{
    struct doc_node *node = NULL;
    TRY(toml_node(reader, DOC_MAP, &node));
    *ret = arena_new(reader->build.scratch, struct toml_table);
    **ret = (struct toml_table){.node = node, .is_declared = true};
    return NULL;
}

static FALLIBLE enter(struct toml_reader *reader, struct toml_table *root,
                      const struct toml_key *key, bool is_item, struct toml_table **ret)
{
    struct toml_table *at = root;
    for (int i = 0; at && i + 1 < key->count; i++)
        TRY(walk_header(reader, at, key->parts[i], &at));
    struct doc_node *last = key->parts[key->count - 1];
    if (at && is_item)
        TRY(open_item(reader, at, last, &at));
    else if (at)
        TRY(open_table(reader, at, last, &at));
    if (!at)
        TRY(nowhere(reader, &at));
    *ret = at;
    return NULL;
}

static FALLIBLE read_header(struct toml_reader *reader, struct toml_table *root,
                            struct toml_scope *scope)
{
    struct toml_key key = {.count = 0};
    bool is_item = cursor_take(&reader->cursor, "[[");
    if (!is_item)
        reader->cursor.at++;
    TRY(read_key(reader, &key));
    if (!cursor_take(&reader->cursor, is_item ? "]]" : "]"))
        return toml_unexpected(reader, is_item ? "']]'" : "']'");
    scope->section = ++reader->section_last;
    return enter(reader, root, &key, is_item, &scope->table);
}

/* The table that a part of a dotted key before its last leads to. Only what dotted keys of the same
 * section made, or what no header has declared yet, may grow by them. */
static FALLIBLE walk_dotted(struct toml_reader *reader, const struct toml_scope *scope,
                            struct toml_table *parent, struct doc_node *part,
                            struct toml_table **ret)
{
    struct toml_table *child = find(reader, parent, part);
    *ret = NULL;
    if (!child)
        TRY(add_empty(reader, parent, part, DOC_MAP, &child));
    else if (child->is_closed || child->newest || child->is_declared ||
             (child->dotted_in && child->dotted_in != scope->section)) {
        tell_taken(reader, part, "a dotted key adds to what is complete: duplicate key", child);
        return NULL;
    }
    child->dotted_in = scope->section;
    *ret = child;
    return NULL;
}

FALLIBLE toml_read_pair(struct toml_reader *reader, const struct toml_scope *scope)
{
    struct toml_key key = {.count = 0};
    struct toml_table *at = scope->table;
    struct doc_node *value = NULL;
    TRY(read_key(reader, &key));
    if (!cursor_take(&reader->cursor, "="))
        return toml_unexpected(reader, "'='");
    toml_skip_blanks(reader);
    for (int i = 0; at && i + 1 < key.count; i++)
        TRY(walk_dotted(reader, scope, at, key.parts[i], &at));
    TRY(toml_read_value(reader, scope->table->depth + key.count, &value));
    if (!at)
        return NULL;
    struct doc_node *last = key.parts[key.count - 1];
    struct toml_table *taken = find(reader, at, last);
    if (taken)
        tell_taken(reader, last, "duplicate key", taken);
    else {
        TRY(add(reader, at, last, value, &taken));
        taken->is_closed = true;
    }
    return NULL;
}

static FALLIBLE read_line(struct toml_reader *reader, struct toml_table *root,
                          struct toml_scope *scope)
{
    if (cursor_peek(&reader->cursor) == '[')
        TRY(read_header(reader, root, scope));
    else
        TRY(toml_read_pair(reader, scope));
    TRY(skip_to_end_of_line(reader));
    if (!cursor_at_end(&reader->cursor) && !cursor_break_len(&reader->cursor))
        return toml_unexpected(reader, "the end of the line");
    return NULL;
}

static FALLIBLE read_lines(struct toml_reader *reader)
{
    struct toml_table root = {.is_declared = true};
    ptrdiff_t bad = doc_find_bad_utf8(reader->cursor.bytes);
    if (bad >= 0)
        return doc_error_at(reader->build.doc, (size_t)bad,
                            "not valid UTF-8 (byte %td of the file)", bad + 1);
    TRY(toml_node(reader, DOC_MAP, &root.node));
    reader->build.doc->root = root.node;
    struct toml_scope scope = {&root, ++reader->section_last};
    TRY(toml_skip_lines(reader));
    while (!cursor_at_end(&reader->cursor)) {
        TRY(read_line(reader, &root, &scope));
        TRY(toml_skip_lines(reader));
    }
    return NULL;
}

FALLIBLE toml_parse(struct arena *arena, struct str name, struct str bytes, struct doc **ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct error_list errors = {0};
    struct doc *doc = doc_make(arena, name, bytes, DOC_NATIVE);
    TRY(doc_check_size(doc, LIMIT_DOCUMENT_BYTES, "DOCUMENT_BYTES"));
    struct toml_reader reader = {.cursor = cursor_of(doc->bytes), .place = buf_in(&scratch)};
    reader.build = (struct doc_builder){
        .arena = arena,
        .scratch = &scratch,
        .doc = doc,
        .errors = &errors,
        .nodes_most = LIMIT_DOCUMENT_NODES,
        .nodes_limit = "DOCUMENT_NODES",
    };
    TRY(doc_finish(doc, &errors, read_lines(&reader)));
    *ret = doc;
    return NULL;
}
