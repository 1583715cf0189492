/* The end of a round: of a directory whose files are all hashed its tree is all that is needed. */
#include "mlops/base/buf.h"

#include "worktree_private.h"

/* Directories in it, and files that are left to the last round, are still to come. */
static bool is_complete(const struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++)
        if (!directory->nodes[i].is_known)
            return false;
    return true;
}

static FALLIBLE end_directory(struct batch *batch, struct directory *directory)
{
    AUTO(arena_drop) struct arena scratch = {0};
    if (directory->look->error) { /* which is all that will be said of it */
        directory->nodes = NULL;
        directory->count = 0;
        return NULL;
    }
    if (is_complete(directory))
        return batch_tree(batch, directory, &scratch);
    directory_keep_nodes(directory, &batch->worktree->workers[0].arena);
    return NULL;
}

FALLIBLE batch_round(struct batch *batch, size_t end)
{
    struct worktree *worktree = batch->worktree;
    TRY(batch_hash_round(batch, end));
    for (size_t i = batch->round_first; i < end; i++)
        TRY(end_directory(batch, batch->directories.at[i]));
    for (size_t i = 0; i < worktree->worker_count; i++)
        arena_reset(&worktree->workers[i].nodes);
    batch->round_first = end;
    atomic_store(&batch->listed, 0);
    return NULL;
}
