#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/tree.h"

#include "gc_private.h"

void marks_drop(struct marks *marks)
{
    digest_set_drop(&marks->objects);
    digest_set_drop(&marks->results);
    digest_set_drop(&marks->fetchable);
    digest_set_drop(&marks->keys);
    digest_set_drop(&marks->locks);
    digest_set_drop(&marks->pointers);
    digest_set_drop(&marks->foreign);
    arena_drop(&marks->memory);
}

enum mark_rank mark_as(struct marks *marks, enum mark_rank rank)
{
    enum mark_rank before = marks->rank;
    marks->rank = rank;
    return before;
}

enum mark_rank mark_of(const struct marks *marks, struct digest object)
{
    const uint32_t *note = digest_set_note(&marks->objects, object);
    return note ? (enum mark_rank)(*note & ~(uint32_t)MARK_TREE) : MARK_NONE;
}

bool mark_is_tree(const struct marks *marks, struct digest object)
{
    const uint32_t *note = digest_set_note(&marks->objects, object);
    return note && (*note & MARK_TREE);
}

/* True if it was not held as strongly before: then the same is true of what it names. */
static bool raise_mark(struct marks *marks, struct digest digest, bool is_tree)
{
    if (digest_is_zero(digest))
        return false;
    uint32_t *note = digest_set_enter(&marks->objects, digest);
    uint32_t flag = *note & MARK_TREE, rank = *note & ~(uint32_t)MARK_TREE;
    bool is_raised = rank < (uint32_t)marks->rank || (is_tree && !flag);
    *note = MAX_OF(rank, (uint32_t)marks->rank) | flag | (is_tree ? (uint32_t)MARK_TREE : 0);
    return is_raised;
}

FALLIBLE mark_object(struct marks *marks, struct digest digest)
{
    raise_mark(marks, digest, false);
    return NULL;
}

/* Marks what a tree object names; directories not yet seen go to the list of those to be read. A
 * tree that is not here (never fetched) names nothing that is here for its sake. */
static FALLIBLE expand(struct marks *marks, struct arena *arena, struct digest digest,
                       struct digest_vec *waiting, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    struct tree tree = {0};
    bool found = false;
    TRY(cas_get_bytes(marks->cas, &scratch, digest, LIMIT_TREE_BYTES, &bytes, &found));
    *ret_found = found;
    if (!found && marks->collected)
        *vec_push(marks->collected, &marks->absent) = digest;
    if (!found) {
        *vec_push(&marks->memory, &marks->missing) = (struct missing_tree){digest, marks->rank};
        return NULL;
    }
    TRY_WITHIN(tree_decode(&scratch, bytes, &tree), "a directory in the store");
    for (size_t i = 0; i < tree.count; i++) {
        const struct tree_entry *entry = &tree.entries[i];
        bool is_tree = entry->kind == TREE_DIRECTORY;
        if (raise_mark(marks, entry->digest, is_tree) && is_tree)
            *vec_push(arena, waiting) = entry->digest;
    }
    return NULL;
}

static FALLIBLE expand_all(struct marks *marks, struct arena *arena, struct digest_vec *waiting,
                           bool *ret_found)
{
    while (waiting->len) {
        bool found = false;
        TRY(signal_check());
        TRY(expand(marks, arena, waiting->at[--waiting->len], waiting, &found));
        *ret_found = *ret_found && found;
    }
    return NULL;
}

FALLIBLE mark_below(struct marks *marks, struct digest tree, bool *ret_found)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct digest_vec waiting = {0};
    TRY(expand(marks, &arena, tree, &waiting, ret_found));
    bool is_whole = true;
    return expand_all(marks, &arena, &waiting, &is_whole);
}

FALLIBLE mark_missing(struct marks *marks)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct missing_vec missing = marks->missing;
    enum mark_rank before = marks->rank;
    bool is_whole = true;
    marks->missing = (struct missing_vec){0};
    vec_each (const struct missing_tree, tree, &missing) {
        struct digest_vec waiting = {0};
        *vec_push(&arena, &waiting) = tree->digest;
        mark_as(marks, tree->rank);
        TRY(expand_all(marks, &arena, &waiting, &is_whole));
    }
    mark_as(marks, before);
    return NULL;
}

static void collect_root(struct marks *marks, const struct artifact *artifact)
{
    if (marks->collected)
        *vec_push(marks->collected, &marks->roots) =
            (struct gc_root){.path = str_copy(marks->collected, artifact->path),
                             .is_tree = artifact->kind == ARTIFACT_TREE,
                             .digest = artifact->digest,
                             .size_bytes = artifact->size_bytes};
}

FALLIBLE mark_artifact(struct marks *marks, const struct artifact *artifact)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct digest_vec waiting = {0};
    bool is_whole = true;
    bool is_tree = artifact->kind == ARTIFACT_TREE;
    if (artifact->kind == ARTIFACT_ABSENT || !raise_mark(marks, artifact->digest, is_tree))
        return NULL;
    collect_root(marks, artifact);
    if (is_tree)
        *vec_push(&arena, &waiting) = artifact->digest;
    return expand_all(marks, &arena, &waiting, &is_whole);
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
