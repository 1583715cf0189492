#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"

#include <stdarg.h>

#include <inttypes.h>

#include "doc_private.h"

enum {
    SPARE_NODES = 32, /* allocated at once: one by one costs as much as reading them */
    FEW_KEYS = 16,    /* up to here comparing all pairs is faster than hashing */
};

void doc_build_fault(struct doc_builder *builder, const struct doc_node *node, const char *format,
                     ...)
{
    if (builder->errors->kept >= LIMIT_ERRORS_TOLD) {
        builder->errors->dropped++; /* not even made: a file may hold a million of them */
        return;
    }
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    error_list_add(builder->errors, doc_error(node, "%s", text.at));
}

FALLIBLE doc_build_node(struct doc_builder *builder, enum doc_kind kind, int line, int column,
                        struct doc_node **ret)
{
    if (builder->node_count++ == builder->nodes_most)
        return doc_error_place(builder->doc, line, column,
                               "too large: more than %" PRId64 " nodes (limit %s)",
                               builder->nodes_most, builder->nodes_limit);
    if (!builder->spare_count) {
        builder->spare = arena_new_array(builder->arena, struct doc_node, SPARE_NODES);
        builder->spare_count = SPARE_NODES;
    }
    struct doc_node *node = builder->spare++;
    builder->spare_count--;
    node->kind = kind;
    node->line = line;
    node->column = column;
    node->doc = builder->doc;
    *ret = node;
    return NULL;
}

static FALLIBLE attach_key(struct doc_builder *builder, struct doc_open *open,
                           struct doc_node *node)
{
    if (node->kind == DOC_LIST || node->kind == DOC_MAP)
        return doc_error(node, "a key must be plain text, found %s", doc_kind_name(node->kind));
    if ((int64_t)node->text.len > LIMIT_KEY_BYTES)
        return doc_error(node, "this key is longer than %" PRId64 " bytes (limit KEY_BYTES)",
                         LIMIT_KEY_BYTES);
    if (!node->text.len && !builder->allows_empty_keys)
        doc_build_fault(builder, node, "a key must not be empty");
    open->key = node;
    return NULL;
}

FALLIBLE doc_build_attach(struct doc_builder *builder, struct doc_node *node)
{
    if (!builder->depth) {
        builder->doc->root = node;
        return NULL;
    }
    struct doc_open *open = &builder->open[builder->depth - 1];
    if (open->node->kind == DOC_MAP && !open->key)
        return attach_key(builder, open, node);
    node->key = open->key;
    open->key = NULL;
    if (open->last)
        open->last->next = node;
    else
        open->node->first = node;
    open->last = node;
    open->node->count++;
    return NULL;
}

FALLIBLE doc_build_open(struct doc_builder *builder, struct doc_node *node)
{
    check(LIMIT_DOCUMENT_DEPTH <= DOC_OPEN_MOST);
    if (builder->depth == LIMIT_DOCUMENT_DEPTH)
        return doc_error(node, "nested too deep: at most %" PRId64 " levels (limit DOCUMENT_DEPTH)",
                         LIMIT_DOCUMENT_DEPTH);
    builder->open[builder->depth++] = (struct doc_open){.node = node};
    return NULL;
}

static void tell_duplicate(struct doc_builder *builder, const struct doc_node *first,
                           const struct doc_node *second)
{
    const struct doc_node *key = second->key;
    if (!builder->allows_duplicates)
        doc_build_fault(builder, key, "duplicate key '%.*s' (first at line %d, column %d)",
                        STR_FMT(str_slice(key->text, 0, (size_t)LIMIT_NAME_BYTES)),
                        first->key->line, first->key->column);
}

static void find_duplicates_in_few(struct doc_builder *builder, const struct doc_node *map)
{
    for (struct doc_node *child = map->first; child; child = child->next)
        for (struct doc_node *other = map->first; other != child; other = other->next)
            if (str_equal(child->key->text, other->key->text)) {
                tell_duplicate(builder, other, child);
                break;
            }
}

static void find_duplicates_in_many(struct doc_builder *builder, const struct doc_node *map)
{
    struct map seen = {0};
    arena_reset(builder->scratch);
    for (struct doc_node *child = map->first; child; child = child->next) {
        void **place = map_place(builder->scratch, &seen, child->key->text);
        if (*place)
            tell_duplicate(builder, *place, child);
        else
            *place = child;
    }
}

struct doc_node *doc_build_close(struct doc_builder *builder)
{
    check(builder->depth > 0);
    struct doc_node *node = builder->open[--builder->depth].node;
    if (node->kind == DOC_MAP && node->count > FEW_KEYS)
        find_duplicates_in_many(builder, node);
    else if (node->kind == DOC_MAP)
        find_duplicates_in_few(builder, node);
    return node;
}
