#include "mlops/base/buf.h"

#include <stdatomic.h>

#include "worktree_private.h"

/* When a file is done, as many of its leaves are made though nobody would wait for anything else:
 * a part of them, and some more. */
enum { LATE_PART = 8, LATE_MORE = 8 };

struct leaves {
    struct digest *digests;
    size_t count;
    atomic_bool is_lost; /* some are of something else, or nobody had the time */
    atomic_size_t done;
};

static void plan_one(struct batch *batch, struct hashing *hashing)
{
    struct arena *arena = &batch->worktree->workers[0].arena;
    struct leaves *leaves = arena_new(arena, struct leaves);
    leaves->count = cas_leaf_count(hashing->size_bytes);
    leaves->digests = arena_alloc(arena, leaves->count * sizeof *leaves->digests);
    hashing->leaves = leaves;
    for (size_t i = 0; i < leaves->count; i++)
        *vec_push(arena, &batch->leaf_items) = (struct leaf_item){hashing, i};
}

/* Only where most of the work is fewer large files than there are threads: the others would have
 * nothing to do, so leaves cost no time. A file that is copied keeps another thread busy writing
 * (cas_read), so with two processors its leaves are left to the first verification. */
static bool has_idle_threads(struct batch *batch)
{
    int64_t bytes = 0;
    int count = 0, threads = pool_threads(batch->worktree->pool);
    for (size_t i = 0; i < batch->hashings.len; i++) {
        const struct hashing *hashing = &batch->hashings.at[i];
        if (!cas_leaf_count(hashing->size_bytes))
            break; /* the biggest are first */
        bytes += hashing->is_twin ? 0 : hashing->size_bytes;
        count += !hashing->is_twin;
    }
    batch->is_leaf_for_clones = count + 1 >= threads;
    return count < threads && bytes >= batch->worktree->total_bytes / 4 * 3;
}

void leaves_plan(struct batch *batch)
{
    if (!batch->is_capture || batch->is_round || !has_idle_threads(batch))
        return;
    for (size_t i = 0; i < batch->hashings.len; i++) {
        struct hashing *hashing = &batch->hashings.at[i];
        if (!cas_leaf_count(hashing->size_bytes))
            return;
        if (!hashing->is_twin)
            plan_one(batch, hashing);
    }
}

/* The kernel may have told meanwhile that it clones nothing here. */
static bool is_worth_it(const struct batch *batch, const struct leaves *leaves)
{
    return !atomic_load(&leaves->is_lost) &&
           (!batch->is_leaf_for_clones || cas_clones(batch->worktree->cas));
}

static FALLIBLE hash_leaf(struct worktree *worktree, const struct leaf_item *item,
                          struct worker *worker, bool *ret_same)
{
    AUTO(fd_drop) struct fd fd = {0};
    const struct hashing *hashing = item->hashing;
    AUTO(buf_drop) struct buf path = hashing_path(hashing);
    struct file_stat before, after;
    bool is_whole = false;
    TRY(file_open_seen(worktree->root_fd, path.at, &fd, &before));
    TRY(cas_hash_leaf(fd_number(fd), hashing->size_bytes, item->index, worker_buffer(worker),
                      &hashing->leaves->digests[item->index], &is_whole));
    TRY(file_stat_fd(fd_number(fd), &after));
    *ret_same = is_whole && cas_stat_equal(&before, &after) &&
                cas_stat_equal(&before, hashing_stat(hashing));
    return NULL;
}

/* What goes wrong is told by the file's own reading, or did not matter. */
FALLIBLE leaves_hash(struct batch *batch, size_t at, struct worker *worker)
{
    const struct leaf_item *item = &batch->leaf_items.at[at];
    struct leaves *leaves = item->hashing->leaves;
    bool is_same = false;
    if (!is_worth_it(batch, leaves)) {
        atomic_store(&leaves->is_lost, true);
        return NULL;
    }
    error_drop(hash_leaf(batch->worktree, item, worker, &is_same));
    if (!is_same)
        atomic_store(&leaves->is_lost, true);
    atomic_fetch_add(&leaves->done, 1);
    return NULL;
}

void leaves_end(const struct hashing *hashing)
{
    struct leaves *leaves = hashing->leaves;
    size_t done = leaves ? atomic_load(&leaves->done) : 0;
    if (leaves && leaves->count - done > leaves->count / LATE_PART + LATE_MORE)
        atomic_store(&leaves->is_lost, true);
}

void leaves_keep(struct batch *batch)
{
    for (size_t i = 0; i < batch->hashings.len; i++) {
        const struct hashing *hashing = &batch->hashings.at[i];
        const struct leaves *leaves = hashing->leaves;
        if (!leaves)
            continue;
        bool is_whole = hashing->is_done && !atomic_load(&leaves->is_lost) &&
                        cas_stat_equal(&hashing->put.stat, hashing_stat(hashing));
        if (is_whole) /* nothing depends on it: a disk that is full is told by the flush */
            error_drop(cas_set_leaves(batch->worktree->cas, hashing->put.digest,
                                      hashing->size_bytes, leaves->digests));
    }
}
