#include "mlops/base/arena.h"

#include <stdlib.h>

#include "cas_private.h"

enum { SLOTS_FIRST = 256 };

/* Digests are evenly spread: their first bytes are the hash. */
static uint32_t tag_of(struct digest digest)
{
    uint32_t tag;
    memcpy(&tag, digest.at, sizeof tag);
    return tag;
}

static struct cas_table_slot *slot_of(const struct cas_table *table, struct digest digest)
{
    uint32_t tag = tag_of(digest);
    size_t at = tag & (table->slot_count - 1);
    for (;; at = (at + 1) & (table->slot_count - 1)) {
        struct cas_table_slot *slot = &table->slots[at];
        if (!slot->entry_plus_one)
            return slot;
        if (slot->tag == tag &&
            digest_equal(table->entries[slot->entry_plus_one - 1].digest, digest))
            return slot;
    }
}

/* Two thirds of the slots are used at most. */
static size_t entries_most(size_t slot_count)
{
    return slot_count / 3 * 2;
}

static void widen(struct cas_table *table)
{
    struct cas_table wider = {.len = table->len};
    wider.slot_count = table->slot_count ? table->slot_count * 2 : SLOTS_FIRST;
    size_t size = wider.slot_count * sizeof *wider.slots;
    wider.slots = memset(memory_grow(NULL, size), 0, size);
    wider.entries =
        memory_grow(table->entries, entries_most(wider.slot_count) * sizeof *wider.entries);
    for (size_t i = 0; i < table->slot_count; i++) {
        size_t at = table->slots[i].tag & (wider.slot_count - 1);
        while (table->slots[i].entry_plus_one && wider.slots[at].entry_plus_one)
            at = (at + 1) & (wider.slot_count - 1);
        if (table->slots[i].entry_plus_one)
            wider.slots[at] = table->slots[i];
    }
    free(table->slots);
    *table = wider;
}

bool cas_table_add(struct cas_table *table, struct digest digest, uint32_t value)
{
    if (table->len >= entries_most(table->slot_count))
        widen(table);
    struct cas_table_slot *slot = slot_of(table, digest);
    if (slot->entry_plus_one)
        return false;
    table->entries[table->len++] = (struct cas_table_entry){digest, value};
    *slot = (struct cas_table_slot){tag_of(digest), (uint32_t)table->len};
    return true;
}

bool cas_table_find(const struct cas_table *table, struct digest digest, uint32_t *ret)
{
    if (!table->len)
        return false;
    const struct cas_table_slot *slot = slot_of(table, digest);
    if (slot->entry_plus_one)
        *ret = table->entries[slot->entry_plus_one - 1].value;
    return slot->entry_plus_one != 0;
}

void cas_table_drop(struct cas_table *table)
{
    free(table->slots);
    free(table->entries);
    *table = (struct cas_table){0};
}
