#include "join_private.h"

static const void *take(const void **items, size_t *count, size_t item_bytes)
{
    const void *item = *items;
    *items = (const char *)item + item_bytes;
    (*count)--;
    return item;
}

bool join_next(struct join *join, const void **ret_before, const void **ret_after)
{
    if (!join->before_count && !join->after_count)
        return false;
    int order = !join->before_count ? 1 : !join->after_count ? -1 : 0;
    if (!order)
        order = join->compare(join->before, join->after);
    *ret_before = *ret_after = NULL;
    if (order <= 0)
        *ret_before = take(&join->before, &join->before_count, join->item_bytes);
    if (order >= 0)
        *ret_after = take(&join->after, &join->after_count, join->item_bytes);
    return true;
}
