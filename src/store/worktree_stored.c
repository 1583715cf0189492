#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
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
    struct arena arena; /* of the tree and of paths in it, which go when it is read */
    struct tree tree;
    size_t next;
};

struct walking {
    struct cas *cas;
    struct open_tree stack[LOOK_DEPTH];
    size_t depth;
    int64_t entries;
};

static void walking_drop(struct walking **walking)
{
    for (size_t i = 0; i < COUNT_OF((*walking)->stack); i++)
        arena_drop(&(*walking)->stack[i].arena);
}

static FALLIBLE push_tree(struct walking *walking, struct str below, struct digest digest,
                          bool *ret_found)
{
    if (walking->depth == LOOK_DEPTH)
        return error_new(ERROR_STORED, "a stored tree is more than %lld directories deep",
                         (long long)LIMIT_TREE_DEPTH);
    struct open_tree *open = &walking->stack[walking->depth];
    open->next = 0;
    arena_reset(&open->arena);
    TRY(worktree_stored_tree(walking->cas, &open->arena, digest, &open->tree, ret_found));
    open->below = str_copy(&open->arena, below);
    walking->depth += *ret_found;
    return signal_check();
}

static FALLIBLE visit_next(struct walking *walking, struct open_tree *open,
                           const struct stored_visitor *visitor, bool *ret_found)
{
    const struct tree_entry *entry = &open->tree.entries[open->next++];
    /* Trees that hold each other many times over would never end. */
    if (walking->entries++ >= LIMIT_TREE_ENTRIES)
        return error_new(ERROR_STORED, "a stored tree holds more than %lld entries",
                         (long long)LIMIT_TREE_ENTRIES);
    TRY(visitor->visit(visitor->context, open->below, entry, ret_found));
    if (!*ret_found || entry->kind != TREE_DIRECTORY)
        return NULL;
    return push_tree(walking, path_join(&open->arena, open->below, entry->name), entry->digest,
                     ret_found);
}

FALLIBLE worktree_stored_walk(struct cas *cas, struct digest tree,
                              const struct stored_visitor *visitor, bool *ret_found)
{
    AUTO(arena_drop) struct arena memory = {0};
    AUTO(walking_drop) struct walking *walking = arena_new(&memory, struct walking);
    walking->cas = cas;
    TRY(push_tree(walking, STR(""), tree, ret_found));
    while (*ret_found && walking->depth) {
        struct open_tree *open = &walking->stack[walking->depth - 1];
        if (open->next == open->tree.count)
            walking->depth--;
        else
            TRY(visit_next(walking, open, visitor, ret_found));
    }
    return NULL;
}

/* --- listing --- */

struct listing {
    struct arena *arena;
    struct wanted_vec *files, *directories;
};

static FALLIBLE list_entry(void *context, struct str below, const struct tree_entry *entry,
                           bool *goes_on)
{
    struct listing *listing = context;
    struct wanted_vec *list = entry->kind == TREE_DIRECTORY ? listing->directories : listing->files;
    (void)goes_on;
    *vec_push(listing->arena, list) =
        (struct wanted){.below = path_join(listing->arena, below, entry->name),
                        .kind = entry->kind,
                        .digest = entry->digest,
                        .size_bytes = entry->size_bytes};
    return NULL;
}

FALLIBLE worktree_stored_list(struct cas *cas, struct arena *arena, struct digest tree,
                              struct wanted_vec *ret_files, struct wanted_vec *ret_directories,
                              bool *ret_found)
{
    struct listing listing = {arena, ret_files, ret_directories};
    struct stored_visitor visitor = {list_entry, &listing};
    return worktree_stored_walk(cas, tree, &visitor, ret_found);
}

/* --- is it there? --- */

static FALLIBLE ask_for_entry(void *context, struct str below, const struct tree_entry *entry,
                              bool *goes_on)
{
    (void)below;
    return entry->kind == TREE_DIRECTORY ? NULL : cas_has(context, entry->digest, goes_on);
}

struct error *worktree_can_restore(struct worktree *worktree, const struct artifact *artifact,
                                   bool *ret)
{
    struct stored_visitor visitor = {ask_for_entry, worktree->cas};
    *ret = artifact->kind == ARTIFACT_ABSENT;
    if (!worktree->cas || *ret)
        return NULL;
    if (artifact->kind == ARTIFACT_FILE)
        return cas_has(worktree->cas, artifact->digest, ret);
    return worktree_stored_walk(worktree->cas, artifact->digest, &visitor, ret);
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
