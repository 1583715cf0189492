/* Trees of the store to the objects that they hold. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/host/path.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <stdlib.h>

#include "transfer_private.h"

static int compare_wants(const void *a, const void *b)
{
    const struct depot_want *left = a, *right = b;
    return digest_compare(left->digest, right->digest);
}

void wants_sort(struct depot_want_vec *wants)
{
    size_t kept = 0;
    vec_sort(wants, compare_wants);
    for (size_t i = 0; i < wants->len; i++) {
        if (!kept || compare_wants(&wants->at[kept - 1], &wants->at[i]) != 0)
            wants->at[kept++] = wants->at[i];
    }
    wants->len = kept;
}

static int compare_digests(const void *a, const void *b)
{
    const struct digest *left = a, *right = b;
    return digest_compare(*left, *right);
}

struct digest_list digest_list_of(struct arena *arena, const struct depot_want_vec *wants)
{
    struct digest_list list = {arena_new_array(arena, struct digest, wants->len + 1), wants->len};
    for (size_t i = 0; i < wants->len; i++)
        list.at[i] = wants->at[i].digest;
    qsort(list.at, list.len, sizeof *list.at, compare_digests);
    return list;
}

bool digest_list_has(const struct digest_list *list, struct digest digest)
{
    return list->len && bsearch(&digest, list->at, list->len, sizeof *list->at, compare_digests);
}

enum walk_choice walk_selects(const struct transfer_root *root, struct str path, bool is_directory)
{
    struct str below = root->below;
    bool may_hold =
        root->is_pattern ? glob_may_match_below(below, path) : path_is_within(below, path);
    bool is_it = root->is_pattern ? glob_match(below, path) : path_is_within(path, below);
    if (is_it || !below.len)
        return WALK_ALL;
    return is_directory && may_hold ? WALK_SOME : WALK_NONE;
}

static FALLIBLE add_file(struct walk *walk, struct digest digest, int64_t size_bytes,
                         bool *ret_whole)
{
    if (digest_list_has(&walk->missing, digest))
        *ret_whole = false;
    else if (!walk->knows_files)
        *vec_push(walk->arena, &walk->files) = (struct depot_want){digest, size_bytes};
    return NULL;
}

/* What the store lacks is whole if the remote has it: whoever put it there saw to that. */
static void add_absent_tree(struct walk *walk, struct digest digest, bool *ret_whole)
{
    if (walk->depot && depot_has(walk->depot, digest))
        return;
    *vec_push(walk->arena, &walk->lost) = (struct depot_want){digest, -1};
    *ret_whole = false;
}

static FALLIBLE walk_tree(struct walk *walk, struct digest digest, int depth, bool *ret_whole);

static FALLIBLE walk_entries(struct walk *walk, const struct tree *tree, int depth, bool *ret_whole)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_entry *entry = &tree->entries[i];
        bool is_whole = true;
        TRY(entry->kind == TREE_DIRECTORY
                ? walk_tree(walk, entry->digest, depth + 1, &is_whole)
                : add_file(walk, entry->digest, entry->size_bytes, &is_whole));
        *ret_whole = *ret_whole && is_whole;
    }
    return signal_check();
}

static FALLIBLE load_tree(struct walk *walk, struct arena *arena, struct digest digest, int depth,
                          struct str *ret_bytes, struct tree *ret, bool *ret_found)
{
    if (depth > LIMIT_TREE_DEPTH)
        return error_new(ERROR_STORED, "a stored tree is more than %lld directories deep",
                         (long long)LIMIT_TREE_DEPTH);
    TRY(cas_get_bytes(walk->cas, arena, digest, LIMIT_TREE_BYTES, ret_bytes, ret_found));
    return *ret_found ? tree_decode(arena, *ret_bytes, ret) : NULL;
}

/* Trees that many directories share are walked once. Recursion is bounded by LIMIT_TREE_DEPTH. */
static FALLIBLE walk_tree(struct walk *walk, struct digest digest, int depth, bool *ret_whole)
{
    static char whole, torn;
    AUTO(arena_drop) struct arena scratch = {0};
    struct str key = {(const char *)digest.at, sizeof digest.at}, bytes = {0};
    struct tree tree = {0};
    bool found = false;
    const void *seen = map_get(&walk->seen, key);
    *ret_whole = seen != &torn;
    if (seen)
        return NULL;
    TRY(load_tree(walk, &scratch, digest, depth, &bytes, &tree, &found));
    if (found)
        TRY(walk_entries(walk, &tree, depth, ret_whole));
    else
        add_absent_tree(walk, digest, ret_whole);
    if (found && *ret_whole)
        *vec_push(walk->arena, &walk->trees) = (struct depot_want){digest, (int64_t)bytes.len};
    map_put(walk->arena, &walk->seen, str_copy(walk->arena, key), *ret_whole ? &whole : &torn);
    return NULL;
}

static FALLIBLE walk_part(struct walk *walk, struct digest digest, struct str path, int depth,
                          bool *ret_whole);

static FALLIBLE walk_part_entry(struct walk *walk, const struct tree_entry *entry, struct str path,
                                int depth, bool *ret_whole)
{
    bool is_directory = entry->kind == TREE_DIRECTORY;
    switch (walk_selects(walk->root, path, is_directory)) {
    case WALK_NONE:
        return NULL;
    case WALK_SOME:
        return walk_part(walk, entry->digest, path, depth + 1, ret_whole);
    case WALK_ALL:
        break;
    }
    return is_directory ? walk_tree(walk, entry->digest, depth + 1, ret_whole)
                        : add_file(walk, entry->digest, entry->size_bytes, ret_whole);
}

/* Only parts of a tree are wanted: it is looked through, but is no part itself. */
static FALLIBLE walk_part(struct walk *walk, struct digest digest, struct str path, int depth,
                          bool *ret_whole)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    struct tree tree = {0};
    bool found = false;
    TRY(load_tree(walk, &scratch, digest, depth, &bytes, &tree, &found));
    if (!found)
        add_absent_tree(walk, digest, ret_whole);
    for (size_t i = 0; i < tree.count; i++) {
        bool is_whole = true;
        TRY(walk_part_entry(walk, &tree.entries[i], path_join(&scratch, path, tree.entries[i].name),
                            depth, &is_whole));
        *ret_whole = *ret_whole && is_whole;
    }
    return signal_check();
}

FALLIBLE walk_root(struct walk *walk, const struct transfer_root *root, bool *ret_whole)
{
    const struct artifact *artifact = &root->artifact;
    *ret_whole = true;
    walk->root = root;
    if (artifact->kind == ARTIFACT_FILE)
        return add_file(walk, artifact->digest, artifact->size_bytes, ret_whole);
    if (artifact->kind == ARTIFACT_ABSENT)
        return NULL;
    return root->below.len ? walk_part(walk, artifact->digest, artifact->path, 0, ret_whole)
                           : walk_tree(walk, artifact->digest, 0, ret_whole);
}
