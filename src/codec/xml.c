#include "mlops/codec/xml.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <expat.h>
#include <limits.h>

enum { DEPTH_MOST = 32 };
static const XML_Char NAMESPACE_END = '\n'; /* can't stand in a name */

struct frame {
    struct xml_node *node, *last; /* the element; its last child */
};

struct reader {
    XML_Parser parser;
    struct arena *arena;
    struct arena visited; /* of the child that is being read, if it is to be visited */
    const struct xml_visitor *visitor;
    struct frame *frames; /* DEPTH_MOST + 1 of them, the first for the root */
    int64_t depth;
    int64_t kept, kept_around; /* elements in memory; without those of the child that is visited */
    bool is_visited;           /* what is read is inside such a child */
    struct buf text;           /* since the last tag */
    struct error *fault;
};

static void reader_drop(struct reader *reader)
{
    XML_ParserFree(reader->parser);
    arena_drop(&reader->visited);
    buf_drop(&reader->text);
    error_drop(reader->fault);
}

static void stop(struct reader *reader, struct error *fault)
{
    if (reader->fault)
        error_drop(fault);
    else
        reader->fault = fault;
    XML_StopParser(reader->parser, XML_FALSE);
}

static void take_text(void *context, const XML_Char *at, int len)
{
    struct reader *reader = context;
    buf_add(&reader->text, at, (size_t)len);
}

static struct arena *arena_of(struct reader *reader)
{
    return reader->is_visited ? &reader->visited : reader->arena;
}

static struct str local_name(const XML_Char *name)
{
    const char *end = strrchr(name, NAMESPACE_END);
    return str_of(end ? end + 1 : name);
}

static void begin_element(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *reader = context;
    struct str local = local_name(name);
    (void)attributes;
    buf_clear(&reader->text);
    if (reader->depth == DEPTH_MOST) {
        stop(reader, error_new(ERROR_MACHINE, "nested deeper than %d", DEPTH_MOST));
        return;
    }
    if (++reader->kept > LIMIT_XML_NODES) {
        stop(reader, error_new(ERROR_MACHINE, "it has more than %lld elements",
                               (long long)LIMIT_XML_NODES));
        return;
    }
    if (reader->depth == 1 && reader->visitor)
        reader->is_visited = str_is(local, reader->visitor->name);
    if (!reader->is_visited)
        reader->kept_around = reader->kept;
    struct frame *above = &reader->frames[reader->depth];
    struct xml_node *node = arena_new(arena_of(reader), struct xml_node);
    node->name = str_copy(arena_of(reader), local);
    if (!(reader->is_visited && reader->depth == 1)) { /* else nobody keeps it */
        *(above->last ? &above->last->next : &above->node->first) = node;
        above->last = node;
    }
    reader->frames[++reader->depth] = (struct frame){.node = node};
}

static void end_element(void *context, const XML_Char *name)
{
    struct reader *reader = context;
    struct xml_node *node = reader->frames[reader->depth--].node;
    (void)name;
    if (!node->first && reader->text.len)
        node->text = str_copy(arena_of(reader), str_trim(buf_str(&reader->text)));
    buf_clear(&reader->text);
    if (reader->depth != 1 || !reader->is_visited)
        return;
    struct error *error = reader->visitor->visit(reader->visitor->context, node);
    reader->is_visited = false;
    reader->kept = reader->kept_around;
    arena_reset(&reader->visited);
    if (error)
        stop(reader, error);
}

static void refuse_type(void *context, const XML_Char *name, const XML_Char *system_id,
                        const XML_Char *public_id, int has_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    stop(context, error_new(ERROR_MACHINE, "it declares a document type"));
}

static FALLIBLE read_all(struct reader *reader, struct str bytes)
{
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, begin_element, end_element);
    XML_SetCharacterDataHandler(reader->parser, take_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, refuse_type);
    if (bytes.len > INT_MAX)
        return error_new(ERROR_MACHINE, "this XML is too long");
    enum XML_Status status = XML_Parse(reader->parser, bytes.at, (int)bytes.len, XML_TRUE);
    struct error *fault = reader->fault;
    reader->fault = NULL;
    if (fault || status != XML_STATUS_ERROR)
        return fault;
    return error_new(ERROR_MACHINE, "line %lu is no well-formed XML: %s",
                     (unsigned long)XML_GetCurrentLineNumber(reader->parser),
                     XML_ErrorString(XML_GetErrorCode(reader->parser)));
}

FALLIBLE xml_parse(struct arena *arena, struct str bytes, const struct xml_visitor *visitor,
                   struct xml_node **ret)
{
    struct frame frames[DEPTH_MOST + 1];
    struct xml_node above = {0};
    AUTO(reader_drop)
    struct reader reader = {.parser = XML_ParserCreateNS(NULL, NAMESPACE_END),
                            .arena = arena,
                            .visitor = visitor,
                            .frames = frames};
    frames[0] = (struct frame){.node = &above};
    if (!reader.parser)
        return error_new(ERROR_MACHINE, "expat has no memory");
    TRY(read_all(&reader, bytes));
    *ret = above.first;
    return NULL;
}

const struct xml_node *xml_find(const struct xml_node *node, const char *name)
{
    for (const struct xml_node *child = node ? node->first : NULL; child; child = child->next)
        if (str_is(child->name, name))
            return child;
    return NULL;
}

struct str xml_text(const struct xml_node *node, const char *name)
{
    const struct xml_node *child = xml_find(node, name);
    return child ? child->text : (struct str){0};
}

/* U+FFFE and U+FFFF are no characters, and no XML. */
static bool is_no_character(const char *at, size_t len)
{
    return len >= 3 && (unsigned char)at[0] == 0xEF && (unsigned char)at[1] == 0xBF &&
           (unsigned char)at[2] >= 0xBE;
}

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void xml_add(struct buf *out, struct str text, bool keep_lines)
{
    AUTO(buf_drop) struct buf safe = {0};
    buf_add_escaped(&safe, text, keep_lines);
    size_t from = 0;
    for (size_t i = 0; i < safe.len; i++) {
        bool is_lost = is_no_character(safe.at + i, safe.len - i);
        const char *entity = is_lost ? "\xEF\xBF\xBD" : entity_of(safe.at[i]);
        if (!entity)
            continue;
        buf_add(out, safe.at + from, i - from);
        buf_add_text(out, entity);
        i += is_lost ? 2 : 0;
        from = i + 1;
    }
    if (safe.len > from)
        buf_add(out, safe.at + from, safe.len - from);
}

struct str xml_escape(struct arena *arena, struct str text)
{
    struct buf out = buf_in(arena);
    buf_add_text(&out, "");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '&')
            buf_add_text(&out, "&amp;");
        else if (c == '<')
            buf_add_text(&out, "&lt;");
        else if (c == '>')
            buf_add_text(&out, "&gt;");
        else
            buf_add_char(&out, c);
    }
    return buf_str(&out);
}
