/* Sets of digests, as large as the store. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <stdlib.h>

#include "gc_private.h"

enum { SET_SLOTS_FIRST = 1024 };

/* Digests are evenly spread: their first bytes are the hash. */
static size_t slot_of(const struct digest_set *set, struct digest digest)
{
    uint64_t hash;
    memcpy(&hash, digest.at, sizeof hash);
    size_t at = (size_t)hash & (set->slot_count - 1);
    while (!digest_is_zero(set->slots[at]) && !digest_equal(set->slots[at], digest))
        at = (at + 1) & (set->slot_count - 1);
    return at;
}

static void *new_zeros(size_t size)
{
    return memset(memory_grow(NULL, size), 0, size);
}

static void set_widen(struct digest_set *set)
{
    struct digest_set wider = {.len = set->len};
    wider.slot_count = set->slot_count ? set->slot_count * 2 : SET_SLOTS_FIRST;
    wider.slots = new_zeros(wider.slot_count * sizeof(struct digest));
    wider.notes = new_zeros(wider.slot_count * sizeof(uint32_t));
    for (size_t i = 0; i < set->slot_count; i++) {
        if (digest_is_zero(set->slots[i]))
            continue;
        size_t at = slot_of(&wider, set->slots[i]);
        wider.slots[at] = set->slots[i];
        wider.notes[at] = set->notes[i];
    }
    free(set->slots);
    free(set->notes);
    *set = wider;
}

bool digest_set_add(struct digest_set *set, struct digest digest)
{
    if (digest_is_zero(digest))
        return false;
    if (set->len * 3 >= set->slot_count * 2)
        set_widen(set);
    size_t at = slot_of(set, digest);
    if (!digest_is_zero(set->slots[at]))
        return false;
    set->slots[at] = digest;
    set->len++;
    return true;
}

uint32_t *digest_set_enter(struct digest_set *set, struct digest digest)
{
    if (set->len * 3 >= set->slot_count * 2)
        set_widen(set);
    size_t at = slot_of(set, digest);
    set->len += digest_is_zero(set->slots[at]);
    set->slots[at] = digest;
    return &set->notes[at];
}

bool digest_set_has(const struct digest_set *set, struct digest digest)
{
    return set->len && !digest_is_zero(digest) && !digest_is_zero(set->slots[slot_of(set, digest)]);
}

uint32_t *digest_set_note(const struct digest_set *set, struct digest digest)
{
    if (!set->len || digest_is_zero(digest))
        return NULL;
    size_t at = slot_of(set, digest);
    return digest_is_zero(set->slots[at]) ? NULL : &set->notes[at];
}

void digest_set_drop(struct digest_set *set)
{
    free(set->slots);
    free(set->notes);
    *set = (struct digest_set){0};
}
