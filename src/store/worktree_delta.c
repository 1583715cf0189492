/* What a directory is to hold and what it holds. Directories that are the same on both sides are
 * not entered: of millions of files, of which few change, nothing else is kept. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include "worktree_delta_private.h"

struct finding {
    struct delta *delta;
    int64_t entries; /* looked at so far */
    bool is_found;
};

/* Of a directory whose digest was enough for the look the nodes are gone. What came there since is
 * not known to the store, so it will get out of the way if need be. */
static FALLIBLE list_again(struct delta *delta, struct directory *directory)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct worktree *worktree = delta->restoring->worktree;
    if (!directory->is_settled || directory->nodes)
        return NULL;
    directory->count = 0;
    TRY(directory_list(worktree, directory, delta->arena, delta->arena, &scratch));
    directory_ask(worktree, directory, &scratch);
    return NULL;
}

static const struct node *node_of(const struct directory *directory, struct str name)
{
    for (size_t low = 0, high = directory ? directory->count : 0; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(name, directory->nodes[middle].name);
        if (order == 0)
            return &directory->nodes[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static void add_present(struct delta *delta, const struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++) {
        const struct node *node = &directory->nodes[i];
        if (node->kind != TREE_DIRECTORY)
            *vec_push(delta->arena, &delta->present) = (struct present){
                .below = path_join(delta->arena, directory->below, node->name), .node = node};
    }
}

static void index_present(struct delta *delta)
{
    vec_each (struct present, present, &delta->present)
        map_put(delta->arena, &delta->present_by_path, present->below, present);
}

/* Directories without files may be in those that are the same, and are not to be there. */
static void add_old_directories(struct delta *delta, const struct batch *batch)
{
    delta->old_directories = arena_new_array(delta->arena, struct str, batch->directories.len);
    for (size_t i = 0; i < batch->directories.len; i++) {
        struct directory *directory = batch->directories.at[i];
        directory->is_as_stored =
            directory->is_as_stored || (directory->parent && directory->parent->is_as_stored);
        if (!directory->depth || (directory->is_as_stored && directory->file_count))
            continue;
        struct str below = str_copy(delta->arena, directory->below);
        delta->old_directories[delta->old_count++] = below;
        map_put(delta->arena, &delta->old_paths, below, delta);
    }
}

static FALLIBLE find_present(struct delta *delta, struct directory *directory)
{
    TRY(list_again(delta, directory));
    add_present(delta, directory);
    return NULL;
}

static FALLIBLE find_level(struct finding *finding, struct str below, struct digest stored,
                           struct directory *directory, int depth);

static FALLIBLE find_entry(struct finding *finding, struct str directory_below,
                           const struct tree_entry *entry, const struct node *node, int depth)
{
    struct delta *delta = finding->delta;
    bool is_directory = entry->kind == TREE_DIRECTORY;
    struct directory *directory = node ? node->directory : NULL;
    struct wanted wanted = {.below = path_join(delta->arena, directory_below, entry->name),
                            .kind = entry->kind,
                            .digest = entry->digest,
                            .size_bytes = entry->size_bytes};
    *vec_push(delta->arena, is_directory ? &delta->directories : &delta->files) = wanted;
    return is_directory ? find_level(finding, wanted.below, entry->digest, directory, depth + 1)
                        : NULL;
}

static FALLIBLE check_size(const struct finding *finding, int depth)
{
    if (depth > LIMIT_TREE_DEPTH)
        return error_new(ERROR_STORED, "a stored tree is more than %lld directories deep",
                         (long long)LIMIT_TREE_DEPTH);
    if (finding->entries > LIMIT_TREE_ENTRIES)
        return error_new(ERROR_STORED, "a stored tree holds more than %lld entries",
                         (long long)LIMIT_TREE_ENTRIES);
    return signal_check();
}

/* Recursion is bounded by LIMIT_TREE_DEPTH. */
static FALLIBLE find_level(struct finding *finding, struct str below, struct digest stored,
                           struct directory *directory, int depth)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct worktree *worktree = finding->delta->restoring->worktree;
    struct tree tree = {0};
    if (directory && directory->is_whole && !worktree->relinks &&
        digest_equal(directory->digest, stored)) {
        directory->is_as_stored = true;
        return NULL;
    }
    TRY(worktree_stored_tree(worktree->cas, &scratch, stored, &tree, &finding->is_found));
    finding->entries += (int64_t)tree.count;
    TRY(check_size(finding, depth));
    if (directory)
        TRY(list_again(finding->delta, directory));
    for (size_t i = 0; i < tree.count && finding->is_found; i++)
        TRY(find_entry(finding, below, &tree.entries[i], node_of(directory, tree.entries[i].name),
                       depth));
    return NULL;
}

FALLIBLE delta_find(struct delta *delta, struct directory *top, const struct batch *batch,
                    bool *ret_found)
{
    struct finding finding = {.delta = delta, .is_found = true};
    TRY(find_level(&finding, STR(""), delta->restoring->artifact->digest, top, 0));
    *ret_found = finding.is_found;
    add_old_directories(delta, batch);
    for (size_t i = 0; i < batch->directories.len && *ret_found; i++)
        if (!batch->directories.at[i]->is_as_stored)
            TRY(find_present(delta, batch->directories.at[i]));
    index_present(delta);
    return NULL;
}

void delta_add_present(struct delta *delta, const struct batch *batch)
{
    add_old_directories(delta, batch);
    for (size_t i = 0; i < batch->directories.len; i++)
        add_present(delta, batch->directories.at[i]);
    index_present(delta);
}
