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

struct variants *variants_place(struct arena *arena, struct map *map, struct str name)
{
    void **place = map_place(arena, map, name);
    if (!*place)
        *place = arena_new(arena, struct variants);
    return *place;
}

static bool variant_equal(const struct variant *a, const struct variant *b)
{
    return a->tag == b->tag && str_equal(a->value, b->value);
}

void variants_add(struct arena *arena, struct variants *variants, enum diff_side side,
                  struct variant variant)
{
    struct variant **place = &variants->sides[side];
    for (int count = 0; *place; place = &(*place)->next, count++)
        if (count == VARIANTS_MOST || variant_equal(*place, &variant))
            return;
    *place = arena_new(arena, struct variant);
    **place = variant;
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

enum diff_change variants_compare(const struct variants *variants,
                                  const void *ret_items[static SIDE_COUNT])
{
    const struct variant *before = variants->sides[SIDE_BEFORE];
    const struct variant *after = variants->sides[SIDE_AFTER];
    const struct variant *only_before = find_missing(before, after);
    const struct variant *only_after = find_missing(after, before);
    before = only_before ? only_before : before;
    after = only_after ? only_after : after;
    ret_items[SIDE_BEFORE] = before ? before->item : NULL;
    ret_items[SIDE_AFTER] = after ? after->item : NULL;
    if (!only_before && !only_after)
        return DIFF_SAME;
    return !before ? DIFF_ADDED : !after ? DIFF_REMOVED : DIFF_CHANGED;
}
