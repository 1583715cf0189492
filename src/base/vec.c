#include "mlops/base/vec.h"

#include "mlops/base/arena.h"

#include <string.h>

/* Most lists of a stage hold one or two items, and there may be 10,000 stages. */
enum { VEC_ITEMS_FIRST = 2 };

void *vec_grow(struct arena *arena, const void *old, size_t len, size_t *cap, size_t item_bytes)
{
    size_t grown = *cap ? *cap * 2 : VEC_ITEMS_FIRST;
    void *at = arena_array(arena, grown, item_bytes);
    if (len)
        memcpy(at, old, len * item_bytes);
    *cap = grown;
    return at;
}
