#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/model/name.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "worktree_private.h"

/* A node as an entry of its directory's tree; false if it is none (a directory without files). */
static bool entry_of(const struct node *node, struct tree_entry *ret)
{
    struct tree_entry entry = {.name = node->name, .kind = node->kind, .file_count = 1};
    if (node->kind == TREE_DIRECTORY) {
        if (!node->directory || node->directory->file_count == 0)
            return false;
        entry.digest = node->directory->digest;
        entry.size_bytes = node->directory->size_bytes;
        entry.file_count = node->directory->file_count;
    } else {
        entry.digest = node->digest;
        entry.size_bytes =
            node->kind == TREE_SYMLINK ? (int64_t)node->target.len : node->stat.size_bytes;
    }
    *ret = entry;
    return true;
}

static FALLIBLE put_links(struct batch *batch, const struct directory *directory)
{
    struct digest ignored;
    for (size_t i = 0; i < directory->count; i++)
        if (directory->nodes[i].kind == TREE_SYMLINK)
            TRY(cas_put_bytes(batch->worktree->cas, directory->nodes[i].target, &ignored));
    return NULL;
}

/* Children stand behind their parents in the batch, so they are done. */
static FALLIBLE make_tree(struct batch *batch, struct directory *directory, struct arena *scratch,
                          struct buf *bytes)
{
    struct tree tree = {arena_new_array(scratch, struct tree_entry, directory->count), 0};
    for (size_t i = 0; i < directory->count; i++) {
        struct tree_entry *entry = &tree.entries[tree.count];
        if (!entry_of(&directory->nodes[i], entry))
            continue;
        directory->size_bytes += entry->size_bytes;
        directory->file_count += entry->file_count;
        tree.count++;
    }
    buf_clear(bytes);
    tree_encode(&tree, bytes);
    bool is_entry = directory->depth == 0 || directory->file_count > 0;
    if (!batch->is_capture || !is_entry) {
        directory->digest = digest_of(bytes->at, bytes->len);
        return NULL;
    }
    TRY(put_links(batch, directory));
    return cas_put_bytes(batch->worktree->cas, buf_str(bytes), &directory->digest);
}

/* For restore a digest only tells where nothing has to be done: it is made of what is brief. */
static bool is_wanted(const struct batch *batch, const struct look *look)
{
    return !look->error && (!look->is_lenient || batch->is_brief) && !look->pattern.len;
}

static bool is_whole(const struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++) {
        const struct node *node = &directory->nodes[i];
        bool is_good = node->kind == TREE_DIRECTORY ? node->directory && node->directory->is_whole
                                                    : node->is_known && !node->is_odd;
        if (!is_good)
            return false;
    }
    return true;
}

bool directory_ask(struct worktree *worktree, struct directory *directory, struct arena *scratch)
{
    struct index_view *view = index_view_open(worktree->index, scratch, directory->path);
    bool knows = true;
    for (size_t i = 0; i < directory->count; i++) {
        struct node *node = &directory->nodes[i];
        if (!node_is_file(node))
            continue;
        node->is_known = index_view_find(view, node->name, &node->stat, &node->digest);
        knows = knows && node->is_known;
    }
    directory->is_asked = true;
    return knows;
}

FALLIBLE batch_tree(struct batch *batch, struct directory *directory, struct arena *scratch)
{
    AUTO(buf_drop) struct buf bytes = {0};
    directory->is_whole = is_whole(directory);
    TRY(make_tree(batch, directory, scratch, &bytes));
    directory->is_settled = true;
    directory->nodes = NULL;
    return NULL;
}

FALLIBLE batch_settle(struct batch *batch, struct directory *directory, struct arena *scratch)
{
    bool is_leaf = directory->skipped.len == 0;
    for (size_t i = 0; i < directory->count && is_leaf; i++)
        is_leaf = directory->nodes[i].kind != TREE_DIRECTORY && !directory->nodes[i].is_odd;
    if (!is_leaf || !is_wanted(batch, directory->look) ||
        !directory_ask(batch->worktree, directory, scratch))
        return NULL;
    struct buf bytes = buf_in(scratch);
    TRY(make_tree(batch, directory, scratch, &bytes));
    directory->is_settled = directory->is_whole = true;
    return NULL;
}

/* What an output's digest does not tell of its tree: directories without anything in them (only the
 * innermost: their parents follow from them), and what ignore files hide. One pass for all looks.
 */
static void list_untold(struct batch *batch, struct arena *arena)
{
    for (size_t i = 0; i < batch->directories.len; i++) {
        const struct directory *directory = batch->directories.at[i];
        struct look *look = directory->look;
        if (look->role != LOOK_OUT)
            continue;
        if (directory->depth > 0 && directory->count == 0 && !directory->has_skipped)
            *vec_push(arena, &look->empty) = directory->below;
        vec_each (const struct str, path, &directory->skipped)
            *vec_push(arena, &look->ignored) = *path;
    }
}

static void make_artifact(const struct batch *batch, struct look *look)
{
    struct artifact *artifact = &look->artifact;
    artifact->path = look->path;
    artifact->is_stored = batch->is_capture;
    if (look->top) {
        artifact->kind = ARTIFACT_TREE;
        artifact->digest = look->top->digest;
        artifact->size_bytes = look->top->size_bytes;
        artifact->file_count = look->top->file_count;
        vec_sort(&look->empty, str_compare_items);
        artifact->empty_dirs = look->empty.at;
        artifact->empty_dir_count = look->empty.len;
        artifact->ignored = look->ignored.at;
        artifact->ignored_count = look->ignored.len;
    } else if (look->is_known) {
        artifact->kind = ARTIFACT_FILE;
        artifact->is_executable = (look->stat.mode & S_IXUSR) != 0;
        artifact->digest = look->digest;
        artifact->size_bytes = look->stat.size_bytes;
        artifact->file_count = 1;
    } else {
        artifact->is_stored = false;
    }
}

FALLIBLE batch_trees(struct batch *batch)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    for (size_t i = batch->directories.len; i-- > 0;) {
        struct directory *directory = batch->directories.at[i];
        if (is_wanted(batch, directory->look) && !directory->is_settled) {
            directory->is_whole = is_whole(directory);
            TRY(make_tree(batch, directory, &scratch, &bytes));
        }
        arena_reset(&scratch);
    }
    list_untold(batch, &batch->worktree->workers[0].arena);
    for (size_t i = 0; i < batch->count; i++)
        if (!batch->looks[i].error)
            make_artifact(batch, &batch->looks[i]);
    return NULL;
}
