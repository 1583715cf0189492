#include "mlops/base/arena.h"

#include <stdlib.h>

#include "cas_private.h"

enum { SLOTS_FIRST = 256 };

/* Digests are evenly spread: their first bytes are the hash. */
static size_t slot_of(const struct cas_table *table, struct digest digest)
{
    uint64_t hash;
    memcpy(&hash, digest.at, sizeof hash);
    size_t at = (size_t)hash & (table->slot_count - 1);
    while (table->slots[at].value_plus_one && !digest_equal(table->slots[at].digest, digest))
        at = (at + 1) & (table->slot_count - 1);
    return at;
}

static void widen(struct cas_table *table)
{
    struct cas_table wider = {.len = table->len};
    wider.slot_count = table->slot_count ? table->slot_count * 2 : SLOTS_FIRST;
    size_t size = wider.slot_count * sizeof *wider.slots;
    wider.slots = memset(memory_grow(NULL, size), 0, size);
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i].value_plus_one)
            wider.slots[slot_of(&wider, table->slots[i].digest)] = table->slots[i];
    free(table->slots);
    *table = wider;
}

bool cas_table_add(struct cas_table *table, struct digest digest, uint32_t value)
{
    if (table->len * 3 >= table->slot_count * 2)
        widen(table);
    struct cas_table_slot *slot = &table->slots[slot_of(table, digest)];
    if (slot->value_plus_one)
        return false;
    *slot = (struct cas_table_slot){digest, value + 1};
    table->len++;
    return true;
}

bool cas_table_find(const struct cas_table *table, struct digest digest, uint32_t *ret)
{
    if (!table->len)
        return false;
    const struct cas_table_slot *slot = &table->slots[slot_of(table, digest)];
    if (slot->value_plus_one)
        *ret = slot->value_plus_one - 1;
    return slot->value_plus_one != 0;
}

void cas_table_drop(struct cas_table *table)
{
    free(table->slots);
    *table = (struct cas_table){0};
}
