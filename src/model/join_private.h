/* Two sorted lists side by side, item by item, in one pass. */
#pragma once

#include <stddef.h>

#include <stdbool.h>

struct join {
    const void *before, *after; /* arrays of items of item_bytes each */
    size_t before_count, after_count;
    size_t item_bytes;
    int (*compare)(const void *a, const void *b); /* what they are sorted by and matched on */
};

/* The next pair of equal items, or an item that only one side has (the other is NULL); false at the
 * end. Of items that repeat within a side each is given once. */
bool join_next(struct join *join, const void **ret_before, const void **ret_after);
