/* The merge key `<<`. */
#include "mlops/base/map.h"

#include "doc_yaml.h"

static bool is_merge(const struct doc_node *child)
{
    return str_is(child->key->text, "<<") && !child->key->is_quoted;
}

/* What a mapping becomes when it merges others. */
struct merging {
    struct arena *scratch;
    struct map seen; /* keys that win over what follows */
    struct doc_node *first;
    struct doc_node *last;
    size_t count;
};

static void merge_one(struct merging *merging, struct doc_node *from)
{
    struct doc_node *next = NULL;
    for (struct doc_node *child = from->first; child; child = next) {
        next = child->next;
        if (map_put(merging->scratch, &merging->seen, child->key->text, child))
            continue;
        child->next = NULL;
        *(merging->last ? &merging->last->next : &merging->first) = child;
        merging->last = child;
        merging->count++;
    }
}

static FALLIBLE check_merge(const struct doc_node *value)
{
    bool fits = value->kind == DOC_MAP || value->kind == DOC_LIST;
    for (const struct doc_node *item = value->kind == DOC_LIST ? value->first : NULL; item;
         item = item->next)
        fits = fits && item->kind == DOC_MAP;
    return fits ? NULL
                : doc_error(value,
                            "the merge key '<<' takes a mapping or a list of mappings, "
                            "found %s",
                            doc_kind_name(value->kind));
}

static void unlink_child(struct doc_node *map, struct doc_node *child)
{
    struct doc_node **at = &map->first;
    while (*at != child)
        at = &(*at)->next;
    *at = child->next;
    map->count--;
}

/* Replaces `<<` by what it merges, in front (as DVC's reader does); keys of the map itself win,
 * then the earlier of a list. The value is this map's own copy, so its entries may be moved. */
static void merge_into(struct arena *scratch, struct doc_node *map, struct doc_node *value)
{
    struct merging merging = {.scratch = scratch};
    unlink_child(map, value);
    arena_reset(scratch);
    for (struct doc_node *child = map->first; child; child = child->next)
        map_put(scratch, &merging.seen, child->key->text, child);
    if (value->kind == DOC_MAP)
        merge_one(&merging, value);
    for (struct doc_node *item = value->kind == DOC_LIST ? value->first : NULL; item;
         item = item->next)
        merge_one(&merging, item);
    if (merging.last) {
        merging.last->next = map->first;
        map->first = merging.first;
        map->count += merging.count;
    }
}

FALLIBLE doc_yaml_merge(struct arena *scratch, struct doc_node *map)
{
    struct doc_node *child = map->first;
    while (child && !is_merge(child))
        child = child->next;
    if (!child)
        return NULL;
    TRY(check_merge(child));
    merge_into(scratch, map, child);
    return NULL;
}
