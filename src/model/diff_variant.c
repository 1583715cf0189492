#include "mlops/base/arena.h"

#include "diff_private.h"

/* More contents of one name within a side than this tell nobody more, and comparing is quadratic.
 */
enum { VARIANTS_MOST = 16 };

struct str variants_name(struct arena *arena, struct str file, struct str key)
{
    char *at = arena_alloc(arena, file.len + 1 + key.len);
    if (file.len)
        memcpy(at, file.at, file.len);
    if (key.len)
        memcpy(at + file.len + 1, key.at, key.len);
    return (struct str){at, file.len + 1 + key.len};
}

static bool variant_equal(const struct variant *a, const struct variant *b)
{
    return a->tag == b->tag && str_equal(a->value, b->value);
}

void variants_add(struct arena *arena, struct map *map, struct str name, struct variant variant)
{
    struct variant **place = (struct variant **)map_place(arena, map, name);
    for (int count = 0; *place; place = &(*place)->next, count++)
        if (count == VARIANTS_MOST || variant_equal(*place, &variant))
            return;
    *place = arena_new(arena, struct variant);
    **place = variant;
}

void variants_join(struct arena *arena, const struct map *before, const struct map *after,
                   struct variant_pair_vec *ret)
{
    map_each (entry, before)
        *vec_push(arena, ret) = (struct variant_pair){entry->value, map_get(after, entry->key)};
    map_each (entry, after)
        if (!map_has(before, entry->key))
            *vec_push(arena, ret) = (struct variant_pair){NULL, entry->value};
}

/* The first of `variants` that `others` do not hold, or NULL. */
static const struct variant *find_missing(const struct variant *variants,
                                          const struct variant *others)
{
    for (const struct variant *variant = variants; variant; variant = variant->next) {
        const struct variant *other = others;
        while (other && !variant_equal(variant, other))
            other = other->next;
        if (!other)
            return variant;
    }
    return NULL;
}

enum diff_change variants_compare(struct variant_pair *pair)
{
    if (!pair->before)
        return DIFF_ADDED;
    if (!pair->after)
        return DIFF_REMOVED;
    const struct variant *before = find_missing(pair->before, pair->after);
    const struct variant *after = find_missing(pair->after, pair->before);
    if (!before && !after)
        return DIFF_SAME;
    pair->before = before ? before : pair->before;
    pair->after = after ? after : pair->after;
    return DIFF_CHANGED;
}
