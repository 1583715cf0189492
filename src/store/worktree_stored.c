#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include "worktree_private.h"

FALLIBLE worktree_stored_tree(struct cas *cas, struct arena *arena, struct digest digest,
                              struct tree *ret, bool *ret_found)
{
    struct str bytes = {0};
    TRY(cas_get_bytes(cas, arena, digest, LIMIT_TREE_BYTES, &bytes, ret_found));
    return *ret_found ? tree_decode(arena, bytes, ret) : NULL;
}

/* Directories whose trees are still to be read, as a stack, so that files come in order of path. */
struct open_tree {
    struct str below;
    struct arena arena; /* of the tree, which goes when it is read */
    struct tree tree;
    size_t next;
};

struct listing {
    struct cas *cas;
    struct arena *arena;
    struct wanted_vec *files, *directories;
    struct open_tree stack[LOOK_DEPTH];
    size_t depth;
};

static void listing_drop(struct listing **listing)
{
    for (size_t i = 0; i < COUNT_OF((*listing)->stack); i++)
        arena_drop(&(*listing)->stack[i].arena);
}

static FALLIBLE push_tree(struct listing *listing, struct str below, struct digest digest,
                          bool *ret_found)
{
    if (listing->depth == LOOK_DEPTH)
        return error_new(ERROR_STORED, "a stored tree is more than %lld directories deep",
                         (long long)LIMIT_TREE_DEPTH);
    struct open_tree *open = &listing->stack[listing->depth];
    open->below = below;
    open->next = 0;
    arena_reset(&open->arena);
    TRY(worktree_stored_tree(listing->cas, &open->arena, digest, &open->tree, ret_found));
    listing->depth += *ret_found;
    return NULL;
}

FALLIBLE worktree_stored_list(struct cas *cas, struct arena *arena, struct digest tree,
                              struct wanted_vec *ret_files, struct wanted_vec *ret_directories,
                              bool *ret_found)
{
    AUTO(listing_drop) struct listing *listing = arena_new(arena, struct listing);
    *listing = (struct listing){
        .cas = cas, .arena = arena, .files = ret_files, .directories = ret_directories};
    TRY(push_tree(listing, STR(""), tree, ret_found));
    while (*ret_found && listing->depth) {
        struct open_tree *open = &listing->stack[listing->depth - 1];
        if (open->next == open->tree.count) {
            listing->depth--;
            continue;
        }
        const struct tree_entry *entry = &open->tree.entries[open->next++];
        /* Trees that hold each other many times over would never end. */
        if ((int64_t)(ret_files->len + ret_directories->len) >= LIMIT_TREE_ENTRIES)
            return error_new(ERROR_STORED, "a stored tree holds more than %lld entries",
                             (long long)LIMIT_TREE_ENTRIES);
        bool is_directory = entry->kind == TREE_DIRECTORY;
        struct wanted_vec *list = is_directory ? ret_directories : ret_files;
        struct wanted *wanted = vec_push(arena, list);
        *wanted = (struct wanted){.below = path_join(arena, open->below, entry->name),
                                  .kind = entry->kind,
                                  .digest = entry->digest,
                                  .size_bytes = entry->size_bytes};
        if (is_directory)
            TRY(push_tree(listing, wanted->below, entry->digest, ret_found));
    }
    return NULL;
}

struct error *worktree_can_restore(struct worktree *worktree, const struct artifact *artifact,
                                   bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct wanted_vec files = {0}, directories = {0};
    *ret = artifact->kind == ARTIFACT_ABSENT;
    if (!worktree->cas || *ret)
        return NULL;
    if (artifact->kind == ARTIFACT_FILE)
        return cas_has(worktree->cas, artifact->digest, ret);
    TRY(worktree_stored_list(worktree->cas, &scratch, artifact->digest, &files, &directories, ret));
    for (size_t i = 0; i < files.len && *ret; i++)
        TRY(cas_has(worktree->cas, files.at[i].digest, ret));
    return NULL;
}

struct error *worktree_heal(struct worktree *worktree, const struct artifact *artifact,
                            bool *ret_healed)
{
    struct artifact now = {0}, captured = {0};
    *ret_healed = false;
    if (!worktree->cas || artifact->kind == ARTIFACT_ABSENT)
        return NULL;
    TRY(worktree_can_restore(worktree, artifact, ret_healed));
    if (*ret_healed)
        return NULL;
    TRY(worktree_look(worktree, artifact->path, LOOK_OUT, &now));
    if (!artifact_equal(artifact, &now))
        return NULL;
    TRY(worktree_capture(worktree, artifact->path, &captured));
    *ret_healed = artifact_equal(artifact, &captured);
    return NULL;
}
