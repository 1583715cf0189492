#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/vec.h"
#include "mlops/host/signal.h"
#include "mlops/model/tree.h"

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

static void set_widen(struct digest_set *set)
{
    struct digest_set wider = {.len = set->len};
    wider.slot_count = set->slot_count ? set->slot_count * 2 : SET_SLOTS_FIRST;
    size_t size = wider.slot_count * sizeof(struct digest);
    wider.slots = memset(memory_grow(NULL, size), 0, size);
    for (size_t i = 0; i < set->slot_count; i++)
        if (!digest_is_zero(set->slots[i]))
            wider.slots[slot_of(&wider, set->slots[i])] = set->slots[i];
    free(set->slots);
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

bool digest_set_has(const struct digest_set *set, struct digest digest)
{
    return set->len && !digest_is_zero(digest) && !digest_is_zero(set->slots[slot_of(set, digest)]);
}

void digest_set_drop(struct digest_set *set)
{
    free(set->slots);
    *set = (struct digest_set){0};
}

void marks_drop(struct marks *marks)
{
    digest_set_drop(&marks->objects);
    digest_set_drop(&marks->results);
    digest_set_drop(&marks->keys);
    digest_set_drop(&marks->documents);
}

FALLIBLE mark_object(struct marks *marks, struct digest digest)
{
    digest_set_add(&marks->objects, digest);
    return NULL;
}

VEC(digest_vec, struct digest);

/* Marks what a tree object names; directories not yet seen go to the list of those to be read. A
 * tree that is not here (never fetched) names nothing that is here for its sake. */
static FALLIBLE expand(struct marks *marks, struct arena *arena, struct digest digest,
                       struct digest_vec *waiting)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    struct tree tree = {0};
    bool found = false;
    TRY(cas_get_bytes(marks->cas, &scratch, digest, GC_TREE_BYTES_MOST, &bytes, &found));
    if (!found)
        return NULL;
    TRY_WITHIN(tree_decode(&scratch, bytes, &tree), "a directory in the store");
    for (size_t i = 0; i < tree.count; i++) {
        const struct tree_entry *entry = &tree.entries[i];
        bool is_new = digest_set_add(&marks->objects, entry->digest);
        if (is_new && entry->kind == TREE_DIRECTORY)
            *vec_push(arena, waiting) = entry->digest;
    }
    return NULL;
}

FALLIBLE mark_artifact(struct marks *marks, const struct artifact *artifact)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct digest_vec waiting = {0};
    if (artifact->kind == ARTIFACT_ABSENT || !digest_set_add(&marks->objects, artifact->digest))
        return NULL;
    if (artifact->kind == ARTIFACT_TREE)
        *vec_push(&arena, &waiting) = artifact->digest;
    while (waiting.len) {
        TRY(signal_check());
        TRY(expand(marks, &arena, waiting.at[--waiting.len], &waiting));
    }
    return NULL;
}

FALLIBLE mark_lock(struct marks *marks, const struct lockfile *lockfile)
{
    map_each (item, &lockfile->entries) {
        const struct lock_entry *entry = item->value;
        digest_set_add(&marks->keys, entry->key);
        for (size_t i = 0; i < entry->out_count; i++)
            TRY(mark_artifact(marks, &entry->outs[i]));
    }
    return NULL;
}
