#include "pipeline_context.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/template.h"

#include <stdlib.h>

enum { INDEXED_FROM = 17 }; /* smaller maps are searched */

struct value *value_of_node(struct arena *arena, const struct doc_node *node,
                            const struct value_source *source)
{
    struct value *value = arena_new(arena, struct value);
    value->kind = node->kind;
    value->node = node;
    value->source = source;
    return value;
}

struct value *value_new(struct arena *arena, enum doc_kind kind, const struct value_source *source)
{
    struct value *value = arena_new(arena, struct value);
    value->kind = kind;
    value->source = source;
    value->is_open = true;
    return value;
}

void value_add(struct arena *arena, struct value *to, struct str name, struct value *child)
{
    if (!child->name.len)
        child->name = name;
    child->place = to->children.len;
    *vec_push(arena, &to->children) = child;
    if (to->index.len)
        map_put(arena, &to->index, name, child);
}

/* Makes the children of a node that was only referred to. */
static void open_value(struct arena *arena, struct value *value)
{
    size_t count = value->node->count;
    struct value *room = arena_new_array(arena, struct value, count);
    value->children.at = arena_new_array(arena, struct value *, count);
    value->children.cap = count;
    size_t index = 0;
    for (const struct doc_node *node = value->node->first; node; node = node->next, index++) {
        struct value *child = &room[index];
        *child = (struct value){.kind = node->kind,
                                .node = node,
                                .source = value->source,
                                .parent = value,
                                .place = index};
        child->name = node->key ? template_text(arena, node->key) : str_print(arena, "%zu", index);
        *vec_push(arena, &value->children) = child;
    }
    value->is_open = true;
}

struct value *value_renamed(struct arena *arena, struct value *value, struct str name)
{
    struct value *renamed = arena_new(arena, struct value);
    *renamed = (struct value){
        .kind = value->kind,
        .node = value->node,
        .source = value->source,
        .parent = value->parent,
        .path = value_path(arena, value),
        .name = name,
        .alias = value->alias ? value->alias : value,
    };
    return renamed;
}

const struct value_vec *value_children(struct arena *arena, struct value *value)
{
    if (value->alias)
        value = value->alias;
    if (!value->is_open && (value->kind == DOC_LIST || value->kind == DOC_MAP))
        open_value(arena, value);
    return &value->children;
}

static void index_children(struct arena *arena, struct value *map)
{
    for (size_t i = 0; i < map->children.len; i++)
        map_put(arena, &map->index, map->children.at[i]->name, map->children.at[i]);
}

static struct value *find_key(struct arena *arena, struct value *map, struct str word)
{
    if (map->children.len >= INDEXED_FROM) {
        if (!map->index.len)
            index_children(arena, map);
        return map_get(&map->index, word);
    }
    for (size_t i = 0; i < map->children.len; i++) {
        if (str_equal(map->children.at[i]->name, word))
            return map->children.at[i];
    }
    return NULL;
}

static bool read_index(struct str word, int64_t *ret)
{
    char text[24];
    char *end;
    if (word.len == 0 || word.len >= sizeof text || !strchr("+-0123456789", word.at[0]))
        return false;
    memcpy(text, word.at, word.len);
    text[word.len] = '\0';
    *ret = strtoll(text, &end, 10);
    return end == text + word.len;
}

struct value *value_find(struct arena *arena, struct value *value, struct str word)
{
    if (value->alias)
        value = value->alias;
    const struct value_vec *children = value_children(arena, value);
    int64_t at;
    if (value->kind == DOC_MAP)
        return find_key(arena, value, word);
    if (value->kind != DOC_LIST || !read_index(word, &at))
        return NULL;
    at += at < 0 ? (int64_t)children->len : 0;
    return at >= 0 && at < (int64_t)children->len ? children->at[at] : NULL;
}

static struct doc_node *key_node(struct arena *arena, const struct value *child,
                                 const struct doc_node *of)
{
    struct doc_node *key = arena_new(arena, struct doc_node);
    *key = *of;
    key->kind = DOC_STR;
    key->text = child->name;
    key->first = key->next = key->key = NULL;
    return key;
}

/* Recursion is bounded by LIMIT_DOCUMENT_DEPTH: maps merge level by level. */
const struct doc_node *value_node(struct arena *arena, struct value *value)
{
    if (value->alias)
        return value_node(arena, value->alias);
    if (value->node)
        return value->node;
    struct doc_node *node = arena_new(arena, struct doc_node);
    *node = (struct doc_node){.kind = value->kind, .count = value->children.len};
    struct doc_node **place = &node->first;
    for (size_t i = 0; i < value->children.len; i++) {
        const struct doc_node *child = value_node(arena, value->children.at[i]);
        struct doc_node *copy = *place = arena_new(arena, struct doc_node);
        *copy = *child;
        copy->next = NULL;
        copy->key = value->kind == DOC_MAP ? key_node(arena, value->children.at[i], child) : NULL;
        if (i == 0) {
            node->doc = child->doc;
            node->line = child->line;
            node->column = child->column;
        }
        place = &copy->next;
    }
    value->node = node;
    return node;
}

struct str value_path(struct arena *arena, struct value *value)
{
    enum { DEPTH_MOST = 256 }; /* documents are not as deep */
    const struct value *way[DEPTH_MOST];
    size_t count = 0;
    const struct value *at = value;
    for (; at->parent && !at->path.len && count < DEPTH_MOST; at = at->parent)
        way[count++] = at;
    if (!count)
        return value->path;
    struct buf out = buf_in(arena);
    buf_add_str(&out, at->path);
    while (count--) {
        if (out.len)
            buf_add_char(&out, '.');
        buf_add_str(&out, way[count]->name);
    }
    value->path = buf_str(&out);
    return value->path;
}

struct value *context_find(struct arena *arena, const struct context *context, struct str name)
{
    for (; context; context = context->below) {
        struct value *found = value_find(arena, context->root, name);
        if (found)
            return found;
    }
    return NULL;
}

struct import *context_import(const struct context *context, struct str path)
{
    struct import *found = NULL;
    for (; context && !found; context = context->below)
        found = map_get(&context->imports, path);
    return found;
}

bool context_imports_key(const struct context *context, struct str path, struct str key)
{
    bool found = false;
    for (; context && !found; context = context->below) {
        const struct import *import = map_get(&context->imports, path);
        found = import && map_has(&import->keys, key);
    }
    return found;
}

/* A map that this layer may add to, with the children of `of`. */
static struct value *own_copy(struct arena *arena, struct context *owner, struct value *of)
{
    const struct value_vec *children = value_children(arena, of);
    struct value *copy = value_new(arena, DOC_MAP, of->source);
    copy->name = of->name;
    copy->parent = of->parent;
    copy->owner = owner;
    copy->place = of->place;
    owner->copied += (int64_t)children->len;
    for (size_t i = 0; i < children->len; i++)
        *vec_push(arena, &copy->children) = children->at[i];
    copy->path = value_path(arena, of);
    return copy;
}

static void replace_child(struct arena *arena, struct value *map, struct value *with)
{
    size_t count = map->children.len;
    for (size_t i = 0; i < count; i++) {
        size_t at = (with->place + i) % count; /* mostly the first that is looked at */
        if (!str_equal(map->children.at[at]->name, with->name))
            continue;
        map->children.at[at] = with;
        with->place = at;
        break;
    }
    if (map->index.len)
        map_put(arena, &map->index, with->name, with);
}

static bool merge_into(struct arena *arena, struct context *owner, struct value *into,
                       struct value *map, struct clash *ret);

/* `existing` stands in `into` or, if `is_below`, in a layer below it. */
static bool merge_child(struct arena *arena, struct context *owner, struct value *into,
                        struct value *existing, bool is_below, struct value *child,
                        struct clash *ret)
{
    if (existing->kind != DOC_MAP || child->kind != DOC_MAP) {
        *ret = (struct clash){.added = child, .existing = existing};
        return false;
    }
    if (existing->owner != owner) {
        existing = own_copy(arena, owner, existing);
        if (is_below)
            value_add(arena, into, existing->name, existing);
        else
            replace_child(arena, into, existing);
    }
    return merge_into(arena, owner, existing, child, ret);
}

/* Recursion is bounded by LIMIT_DOCUMENT_DEPTH. */
static bool merge_into(struct arena *arena, struct context *owner, struct value *into,
                       struct value *map, struct clash *ret)
{
    const struct value_vec *children = value_children(arena, map);
    into->node = NULL;
    for (size_t i = 0; i < children->len; i++) {
        struct value *child = children->at[i];
        struct value *existing = value_find(arena, into, child->name);
        if (!existing)
            value_add(arena, into, child->name, child);
        else if (!merge_child(arena, owner, into, existing, false, child, ret))
            return false;
    }
    return true;
}

/* Reserved names first, whatever else is wrong. */
static bool has_reserved(struct arena *arena, const struct context *context,
                         const struct value_vec *children, struct clash *ret)
{
    for (; context; context = context->below) {
        for (size_t i = 0; context->reserves && i < children->len; i++) {
            struct value *found = value_find(arena, context->root, children->at[i]->name);
            if (!found)
                continue;
            *ret = (struct clash){children->at[i], found, true};
            return true;
        }
    }
    return false;
}

bool context_merge(struct arena *arena, struct context *context, struct value *map,
                   struct clash *ret)
{
    const struct value_vec *children = value_children(arena, map);
    check(map->kind == DOC_MAP);
    if (has_reserved(arena, context->below, children, ret))
        return false;
    for (size_t i = 0; i < children->len; i++) {
        struct value *child = children->at[i];
        struct value *own = value_find(arena, context->root, child->name);
        struct value *existing = own ? own : context_find(arena, context->below, child->name);
        if (!existing)
            value_add(arena, context->root, child->name, child);
        else if (!merge_child(arena, context, context->root, existing, !own, child, ret))
            return false;
    }
    return true;
}
