/* Where the values of a YAML file stand, from libyaml's events. The file was read by codec/doc
 * before, so it is right and its depth is bounded. */
#include "mlops/base/check.h"

#include <yaml.h>

#include "doc_private.h"
#include "edit_private.h"

struct walker {
    yaml_parser_t parser;
    struct edited *edited;
    struct str bytes;
    size_t at, index; /* of the place found last: byte, code point */
    struct span *open[DOC_OPEN_MOST];
    struct span *keyed[DOC_OPEN_MOST]; /* a key was read, its value is still to come */
    int depth;
    struct span *root;
    bool is_done;
};

static void walker_drop(struct walker *walker)
{
    yaml_parser_delete(&walker->parser);
}

static bool is_inner(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* libyaml counts code points. Its places come nearly in order, so going from the last one is
 * linear. */
static size_t offset_of(struct walker *walker, yaml_mark_t mark)
{
    while (walker->index < mark.index && walker->at < walker->bytes.len) {
        walker->at++;
        while (walker->at < walker->bytes.len && is_inner(walker->bytes.at[walker->at]))
            walker->at++;
        walker->index++;
    }
    while (walker->index > mark.index && walker->at > 0) {
        walker->at--;
        while (walker->at > 0 && is_inner(walker->bytes.at[walker->at]))
            walker->at--;
        walker->index--;
    }
    return walker->at;
}

static struct span *new_span(struct walker *walker, const yaml_event_t *event)
{
    struct span *span = arena_new(walker->edited->arena, struct span);
    span->line = (int)event->start_mark.line + 1;
    span->column = (int)event->start_mark.column + 1;
    span->from = span->content = offset_of(walker, event->start_mark);
    span->to = offset_of(walker, event->end_mark);
    return span;
}

static void append(struct span *parent, struct span *span)
{
    span->before = parent->last;
    if (parent->last)
        parent->last->next = span;
    else
        parent->first = span;
    parent->last = span;
    parent->count++;
}

/* The dash in front of an item of a block list: what follows the item before. */
static void find_dash(const struct walker *walker, const struct span *list, struct span *item)
{
    size_t at = edit_skip_gap(walker->edited, list->last ? list->last->to : list->content);
    bool is_dash = at < item->from + 1 && at < walker->bytes.len && walker->bytes.at[at] == '-';
    item->key_from = is_dash ? at : item->from;
    item->key_to = is_dash ? at + 1 : item->from;
}

/* Puts a span where it belongs; a key is kept until its value comes. */
static void attach(struct walker *walker, struct span *span)
{
    struct span *parent = walker->depth ? walker->open[walker->depth - 1] : NULL;
    if (!parent) {
        walker->root = span;
        return;
    }
    struct span **keyed = &walker->keyed[walker->depth - 1];
    if (parent->is_map && !*keyed) {
        *keyed = span;
        return;
    }
    if (parent->is_map) {
        span->is_keyed = true;
        span->key_from = (*keyed)->from;
        span->key_to = (*keyed)->to;
        span->line = (*keyed)->line;
        span->column = (*keyed)->column;
        *keyed = NULL;
    } else if (parent->style == SPAN_BLOCK)
        find_dash(walker, parent, span);
    append(parent, span);
}

/* Behind anchors and tags. */
static size_t behind_properties(struct str bytes, size_t at, size_t to)
{
    for (;;) {
        while (at < to && strchr(" \t\r\n", bytes.at[at]))
            at++;
        if (at >= to || (bytes.at[at] != '&' && bytes.at[at] != '!'))
            return at;
        while (at < to && !strchr(" \t\r\n", bytes.at[at]))
            at++;
    }
}

/* Lines that are left blank below a block scalar belong to it only if it keeps them. */
static void trim_block(struct walker *walker, struct span *span)
{
    struct str head =
        str_slice(walker->bytes, span->content, edit_line_end(walker->bytes, span->content));
    bool keeps = head.len > 1 && (head.at[1] == '+' || (head.len > 2 && head.at[2] == '+'));
    size_t to = span->to;
    while (to > span->content && strchr(" \t\r\n", walker->bytes.at[to - 1])) {
        bool is_end = walker->bytes.at[to - 1] == '\n';
        to -= is_end && to > 1 && walker->bytes.at[to - 2] == '\r' ? 2 : 1;
        if (is_end && keeps)
            break;
    }
    span->to = to;
}

static void take_scalar(struct walker *walker, const yaml_event_t *event)
{
    struct span *span = new_span(walker, event);
    yaml_scalar_style_t style = event->data.scalar.style;
    span->has_anchor = event->data.scalar.anchor;
    if (event->data.scalar.anchor || event->data.scalar.tag)
        span->content = behind_properties(walker->bytes, span->from, span->to);
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        trim_block(walker, span);
    attach(walker, span);
}

static void open_collection(struct walker *walker, const yaml_event_t *event, bool is_map,
                            bool is_flow, const yaml_char_t *anchor)
{
    struct span *span = new_span(walker, event);
    span->style = is_flow ? SPAN_FLOW : SPAN_BLOCK;
    span->is_map = is_map;
    span->has_anchor = anchor;
    span->content = behind_properties(walker->bytes, span->from, walker->bytes.len);
    attach(walker, span);
    check(walker->depth < DOC_OPEN_MOST);
    walker->keyed[walker->depth] = NULL;
    walker->open[walker->depth++] = span;
}

static void close_collection(struct walker *walker, const yaml_event_t *event)
{
    struct span *span = walker->open[--walker->depth];
    if (span->style == SPAN_FLOW)
        span->to = offset_of(walker, event->end_mark);
    else if (span->last)
        span->to = span->last->to;
}

static void take_event(struct walker *walker, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        take_scalar(walker, event);
        break;
    case YAML_ALIAS_EVENT: {
        struct span *span = new_span(walker, event);
        span->style = SPAN_ALIAS;
        attach(walker, span);
        break;
    }
    case YAML_SEQUENCE_START_EVENT:
        open_collection(walker, event, false,
                        event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE,
                        event->data.sequence_start.anchor);
        break;
    case YAML_MAPPING_START_EVENT:
        open_collection(walker, event, true,
                        event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE,
                        event->data.mapping_start.anchor);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(walker, event);
        break;
    case YAML_STREAM_END_EVENT:
        walker->is_done = true;
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

FALLIBLE edit_yaml_spans(struct edited *edited, struct span **ret)
{
    AUTO(walker_drop) struct walker walker = {.edited = edited, .bytes = edited->bytes};
    check(yaml_parser_initialize(&walker.parser));
    yaml_parser_set_encoding(&walker.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&walker.parser, (const unsigned char *)edited->bytes.at,
                                 edited->bytes.len);
    while (!walker.is_done) {
        AUTO(yaml_event_delete) yaml_event_t event;
        if (!yaml_parser_parse(&walker.parser, &event))
            return doc_error_at(edited->doc, 0, "this file can't be edited");
        take_event(&walker, &event);
    }
    *ret = walker.root;
    return NULL;
}
