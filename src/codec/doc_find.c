/* Looking up keys and paths. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"

#include "doc_private.h"

enum {
    MANY_KEYS = 32,   /* up to here walking along them is as fast as an index */
    WALKS_BEFORE = 4, /* so often a large map is walked along before it is worth an index */
};

/* The keys of one large map. */
struct names {
    const struct doc_node *map;
    const struct doc_node *first;
    size_t count;
    int walks;
    struct map by_key; /* -> struct doc_node *; empty: not made yet */
};

struct doc_index {
    struct arena *arena;
    struct map maps; /* address of a map -> struct names */
    struct names *latest;
};

struct doc_index *doc_index_make(struct arena *arena)
{
    struct doc_index *index = arena_new(arena, struct doc_index);
    index->arena = arena;
    return index;
}

static struct names *names_of(struct doc_index *index, const struct doc_node *map)
{
    if (index->latest && index->latest->map == map)
        return index->latest;
    struct names *names = map_get(&index->maps, (struct str){(const char *)&map, sizeof map});
    if (!names) {
        names = arena_new(index->arena, struct names);
        *names = (struct names){.map = map, .first = map->first, .count = map->count};
        map_put(index->arena, &index->maps, (struct str){(const char *)&names->map, sizeof map},
                names);
    }
    index->latest = names;
    return names;
}

static void fill(struct doc_index *index, struct names *names)
{
    names->by_key = (struct map){0};
    names->first = names->map->first;
    names->count = names->map->count;
    for (struct doc_node *child = names->map->first; child; child = child->next) {
        void **place = map_place(index->arena, &names->by_key, child->key->text);
        *place = *place ? *place : child; /* of equal keys the first, as without an index */
    }
}

static struct doc_node *find_by_walk(const struct doc_node *map, struct str key)
{
    for (struct doc_node *child = map->first; child; child = child->next)
        if (str_equal(child->key->text, key))
            return child;
    return NULL;
}

struct doc_node *doc_find(const struct doc_node *map, struct str key)
{
    if (!map || map->kind != DOC_MAP)
        return NULL;
    struct doc_index *index = map->doc ? map->doc->index : NULL;
    if (map->count <= MANY_KEYS || !index)
        return find_by_walk(map, key);
    struct names *names = names_of(index, map);
    if (names->walks < WALKS_BEFORE) {
        names->walks++;
        return find_by_walk(map, key);
    }
    if (!names->by_key.len || names->first != map->first || names->count != map->count)
        fill(index, names);
    return map_get(&names->by_key, key);
}

static struct doc_node *find_item(const struct doc_node *list, struct str index)
{
    int64_t at = 0;
    if (!doc_read_decimal(index, &at))
        return NULL;
    at += at < 0 ? (int64_t)list->count : 0;
    struct doc_node *item = at < 0 ? NULL : list->first;
    while (item && at-- > 0)
        item = item->next;
    return item;
}

/* The longest key that leads to the end of the path. Each node is tried at most once, because it
 * has but one path; recursion is bounded by LIMIT_DOCUMENT_DEPTH. */
struct doc_node *doc_find_path(const struct doc_node *node, struct str dotted)
{
    for (struct str part = dotted; node;) {
        struct doc_node *found =
            node->kind == DOC_LIST ? find_item(node, part) : doc_find(node, part);
        if (found && part.len < dotted.len)
            found = doc_find_path(found, str_slice(dotted, part.len + 1, dotted.len));
        if (found)
            return found;
        ptrdiff_t dot = str_find_last_char(part, '.');
        if (dot < 0)
            return NULL;
        part.len = (size_t)dot;
    }
    return NULL;
}
