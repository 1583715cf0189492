/* YAML through libyaml's events: a loop and a stack, so that depth is counted and bounded here
 * (libyaml 0.2.5 has no limit and takes quadratic time). */
#include "doc_yaml.h"

#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"

#include <inttypes.h>

struct reader {
    struct doc_builder build;
    yaml_parser_t parser;
    struct doc_strict strict;
    struct map anchors; /* name -> node */
    int64_t anchor_count;
    int64_t alias_count;
    int64_t expanded_count;
    int document_count;
    bool refuses_anchors;
    bool huge_is_text;
    bool is_ascii; /* then libyaml's indexes are byte offsets */
    bool is_strict;
    bool is_done;
};

static void reader_drop(struct reader *reader)
{
    yaml_parser_delete(&reader->parser);
}

static bool is_all_ascii(struct str bytes)
{
    uint64_t all = 0;
    size_t at = 0;
    for (uint64_t eight; at + sizeof eight <= bytes.len; at += sizeof eight) {
        memcpy(&eight, bytes.at + at, sizeof eight);
        all |= eight;
    }
    for (; at < bytes.len; at++)
        all |= (unsigned char)bytes.at[at];
    return !(all & UINT64_C(0x8080808080808080));
}

static FALLIBLE new_node(struct reader *reader, enum doc_kind kind, yaml_mark_t mark,
                         struct doc_node **ret)
{
    return doc_build_node(&reader->build, kind, (int)mark.line + 1, (int)mark.column + 1, ret);
}

static struct str str_of_yaml(const yaml_char_t *text)
{
    return str_of((const char *)text);
}

/* The scalar's text: a piece of the file where it stands there as it is, else a copy; only that can
 * hold a NUL, by an escape. */
static void keep_text(struct reader *reader, const yaml_event_t *event, struct doc_node *node)
{
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct str bytes = reader->build.doc->bytes;
    size_t from = event->start_mark.index;
    from += event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    struct str place = str_slice(bytes, from, from + text.len);
    if (reader->is_ascii && str_equal(place, text)) {
        node->text = place;
        return;
    }
    node->text = str_copy(reader->build.arena, text);
    if (memchr(text.at, '\0', text.len))
        doc_build_fault(&reader->build, node, "a text must not hold a NUL character");
}

struct tag_row {
    const char *name;
    unsigned kinds; /* bits of enum doc_kind that it may stand at; with DOC_STR it makes text */
};

enum {
    BIT_STR = 1u << DOC_STR,
    BIT_COLLECTIONS = 1u << DOC_LIST | 1u << DOC_MAP,
    BIT_NUMBERS = 1u << DOC_INT | 1u << DOC_BIGINT | 1u << DOC_REAL,
};

static const struct tag_row TAGS[] = {
    {YAML_STR_TAG, BIT_STR},
    {YAML_INT_TAG, 1u << DOC_INT | 1u << DOC_BIGINT},
    {YAML_FLOAT_TAG, BIT_NUMBERS},
    {YAML_BOOL_TAG, 1u << DOC_BOOL},
    {YAML_NULL_TAG, 1u << DOC_NULL},
    {YAML_SEQ_TAG, 1u << DOC_LIST},
    {YAML_MAP_TAG, 1u << DOC_MAP},
    {"!", BIT_STR | BIT_COLLECTIONS}, /* "not resolved": a scalar is text */
};

static const struct tag_row *find_tag(const yaml_char_t *tag)
{
    for (size_t i = 0; i < COUNT_OF(TAGS); i++)
        if (str_is(str_of_yaml(tag), TAGS[i].name))
            return &TAGS[i];
    return NULL;
}

/* Tells of a tag that is unknown or does not fit what it stands at. */
static void check_tag(struct reader *reader, const yaml_char_t *tag, const struct doc_node *node)
{
    const struct tag_row *row = tag ? find_tag(tag) : NULL;
    if (tag && !row)
        doc_build_fault(&reader->build, node, "unknown tag '%.64s': only plain data is read",
                        (const char *)tag);
    else if (row && !(row->kinds & 1u << node->kind))
        doc_build_fault(&reader->build, node, "the tag '%s' does not fit %s here", row->name,
                        doc_kind_name(node->kind));
}

/* Kind and value. Quoted, or tagged as text or as something unknown, it stays text; another tag
 * counts more than quotes. */
static void resolve_scalar(struct reader *reader, const yaml_event_t *event, struct doc_node *node)
{
    const yaml_char_t *tag = event->data.scalar.tag;
    const struct tag_row *row = tag ? find_tag(tag) : NULL;
    bool is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->is_quoted = tag ? !row || row->kinds & BIT_STR : is_quoted;
    bool is_huge =
        !node->is_quoted && !doc_resolve(node, reader->build.doc->dialect, reader->build.scratch);
    if (is_huge && reader->huge_is_text)
        node->kind = DOC_STR;
    else if (is_huge)
        doc_build_fault(&reader->build, node,
                        "'%.*s' is out of the range of numbers; put quotes around a text",
                        STR_FMT(str_slice(node->text, 0, 64)));
    check_tag(reader, tag, node);
}

static FALLIBLE read_scalar(struct reader *reader, const yaml_event_t *event, struct doc_node **ret)
{
    struct doc_node *node = NULL;
    TRY(new_node(reader, DOC_STR, event->start_mark, &node));
    keep_text(reader, event, node);
    if ((int64_t)node->text.len > LIMIT_SCALAR_BYTES)
        return doc_error(node, "this value is longer than %" PRId64 " bytes (limit SCALAR_BYTES)",
                         LIMIT_SCALAR_BYTES);
    resolve_scalar(reader, event, node);
    *ret = node;
    return NULL;
}

static FALLIBLE note_anchor(struct reader *reader, const yaml_char_t *anchor, struct doc_node *node)
{
    if (!anchor)
        return NULL;
    if (reader->refuses_anchors)
        return doc_error(node, "anchors and aliases are not allowed in this file");
    if (reader->anchor_count++ == LIMIT_DOCUMENT_ANCHORS)
        return doc_error(node, "more than %" PRId64 " anchors (limit DOCUMENT_ANCHORS)",
                         LIMIT_DOCUMENT_ANCHORS);
    map_put(reader->build.arena, &reader->anchors,
            str_copy(reader->build.arena, str_of_yaml(anchor)), node);
    return NULL;
}

static bool is_open(const struct doc_builder *build, const struct doc_node *node)
{
    for (int i = 0; i < build->depth; i++)
        if (build->open[i].node == node)
            return true;
    return false;
}

/* A copy of what an anchor stands for, attached where the alias is. Recursion is bounded: copies
 * are opened like any list or map, and so are counted against LIMIT_DOCUMENT_DEPTH. */
static FALLIBLE attach_copy(struct reader *reader, const struct doc_node *from,
                            const struct doc_node *place)
{
    struct doc_node *node = NULL;
    if (reader->expanded_count++ == LIMIT_EXPANDED_NODES)
        return doc_error_place(reader->build.doc, place->line, place->column,
                               "aliases expand to more than %" PRId64
                               " nodes (limit EXPANDED_NODES)",
                               LIMIT_EXPANDED_NODES);
    TRY(doc_build_node(&reader->build, from->kind, place->line, place->column, &node));
    struct doc_node fresh = *node;
    *node = *from;
    node->line = fresh.line;
    node->column = fresh.column;
    node->first = node->next = node->key = NULL;
    TRY(doc_build_attach(&reader->build, node));
    if (from->kind != DOC_LIST && from->kind != DOC_MAP)
        return NULL;
    node->count = 0;
    TRY(doc_build_open(&reader->build, node));
    for (const struct doc_node *child = from->first; child; child = child->next) {
        if (child->key)
            TRY(attach_copy(reader, child->key, child->key));
        TRY(attach_copy(reader, child, child));
    }
    reader->build.depth--; /* its keys were checked in the original */
    return NULL;
}

static FALLIBLE read_alias(struct reader *reader, const yaml_event_t *event)
{
    struct doc_node *place = NULL;
    const char *name = (const char *)event->data.alias.anchor;
    TRY(new_node(reader, DOC_NULL, event->start_mark, &place));
    const struct doc_node *found = map_get(&reader->anchors, str_of_yaml(event->data.alias.anchor));
    if (reader->refuses_anchors)
        return doc_error(place, "anchors and aliases are not allowed in this file");
    if (reader->alias_count++ == LIMIT_DOCUMENT_ALIASES)
        return doc_error(place, "more than %" PRId64 " aliases (limit DOCUMENT_ALIASES)",
                         LIMIT_DOCUMENT_ALIASES);
    if (!found)
        return doc_error(place, "alias '*%.64s' without an anchor '&%.64s' before it", name, name);
    if (is_open(&reader->build, found))
        return doc_error(place, "alias '*%.64s' stands inside of what it stands for", name);
    return attach_copy(reader, found, place);
}

static FALLIBLE open_collection(struct reader *reader, enum doc_kind kind,
                                const yaml_event_t *event, const yaml_char_t *anchor,
                                const yaml_char_t *tag)
{
    struct doc_node *node = NULL;
    TRY(new_node(reader, kind, event->start_mark, &node));
    check_tag(reader, tag, node);
    TRY(note_anchor(reader, anchor, node));
    TRY(doc_build_attach(&reader->build, node));
    return doc_build_open(&reader->build, node);
}

static FALLIBLE attach_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct doc_node *node = NULL;
    TRY(read_scalar(reader, event, &node));
    TRY(note_anchor(reader, event->data.scalar.anchor, node));
    return doc_build_attach(&reader->build, node);
}

static FALLIBLE start_document(struct reader *reader, const yaml_event_t *event)
{
    if (reader->document_count++)
        return doc_error_place(reader->build.doc, (int)event->start_mark.line + 1,
                               (int)event->start_mark.column + 1,
                               "a second document starts here; a file holds one");
    return NULL;
}

static FALLIBLE take_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return start_document(reader, event);
    case YAML_SCALAR_EVENT:
        return attach_scalar(reader, event);
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(reader, DOC_LIST, event, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return open_collection(reader, DOC_MAP, event, event->data.mapping_start.anchor,
                               event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
        doc_build_close(&reader->build);
        return NULL;
    case YAML_MAPPING_END_EVENT:
        return doc_yaml_merge(reader->build.scratch, doc_build_close(&reader->build));
    case YAML_STREAM_END_EVENT:
        reader->is_done = true;
        return NULL;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return NULL;
}

static FALLIBLE read_events(struct reader *reader)
{
    while (!reader->is_done) {
        AUTO(yaml_event_delete) yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event))
            return doc_yaml_error(reader->build.doc, &reader->parser);
        if (reader->is_strict)
            TRY(doc_strict_check(&reader->strict, &event));
        TRY(take_event(reader, &event));
    }
    if (reader->document_count)
        return NULL;
    reader->build.doc->is_empty = true;
    return doc_build_node(&reader->build, DOC_NULL, 1, 1, &reader->build.doc->root);
}

/* Git's own test: a NUL among the first bytes. */
static bool is_binary(struct str bytes)
{
    return bytes.len && memchr(bytes.at, '\0', MIN_OF(bytes.len, (size_t)8000));
}

static FALLIBLE check_bytes(const struct doc *doc, int64_t bytes_most)
{
    struct mark mark = {doc->name.at, 1, 1};
    TRY(doc_check_size(doc, bytes_most,
                       bytes_most == LIMIT_LOCK_BYTES ? "LOCK_BYTES" : "DOCUMENT_BYTES"));
    if (is_binary(doc->bytes))
        return error_at(mark, STR(""), "this is a binary file, not YAML");
    return NULL;
}

static FALLIBLE read_document(struct reader *reader)
{
    struct str bytes = reader->build.doc->bytes;
    check(yaml_parser_initialize(&reader->parser));
    /* Otherwise a byte order mark would switch to UTF-16. */
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)bytes.at, bytes.len);
    return read_events(reader);
}

FALLIBLE doc_parse(struct arena *arena, struct str name, struct str bytes,
                   const struct doc_options *options, struct doc **ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(reader_drop)
    struct reader reader = {.refuses_anchors = options->refuse_anchors,
                            .huge_is_text = options->huge_is_text};
    struct error_list errors = {0};
    struct doc *doc = doc_make(arena, name, bytes, options->dialect);
    TRY(check_bytes(doc, options->bytes_most ? options->bytes_most : LIMIT_DOCUMENT_BYTES));
    reader.is_ascii = is_all_ascii(doc->bytes);
    reader.is_strict = options->dialect == DOC_NATIVE && !options->refuse_anchors;
    doc_strict_open(&reader.strict, doc, reader.is_ascii);
    reader.build = (struct doc_builder){
        .arena = arena,
        .scratch = &scratch,
        .doc = doc,
        .errors = &errors,
        .nodes_most = options->nodes_most ? options->nodes_most : LIMIT_DOCUMENT_NODES,
        .nodes_limit = options->nodes_most == LIMIT_LOCK_NODES ? "LOCK_NODES" : "DOCUMENT_NODES",
    };
    TRY(doc_finish(doc, &errors, read_document(&reader)));
    *ret = doc;
    return NULL;
}
