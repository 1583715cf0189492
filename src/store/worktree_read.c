/* Reading and hashing files, and storing them if they are captured, by all threads. */
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/model/event.h"

#include <fcntl.h>

#include "worktree_private.h"

enum { FILES_A_TIME = 32 }; /* that are not big */

static const int64_t TELL_NS = 100 * NS_PER_MS;

static void tell(struct worktree *worktree, int64_t now, int64_t done_bytes)
{
    check(pthread_mutex_lock(&worktree->mutex) == 0);
    struct event event = {.kind = EVENT_HASHING,
                          .at_ns = now,
                          .done_bytes = done_bytes,
                          .total_bytes = worktree->is_total_known ? worktree->total_bytes : 0};
    observer_tell(worktree->observer, &event);
    check(pthread_mutex_unlock(&worktree->mutex) == 0);
}

/* Called from any worker. Nobody else tells anything meanwhile: the caller is within pool_run. */
static void tell_progress(void *context, int64_t bytes)
{
    struct worktree *worktree = context;
    int64_t done_bytes = atomic_fetch_add(&worktree->done_bytes, bytes) + bytes;
    int64_t now = clock_monotonic_ns(), next = atomic_load(&worktree->tell_ns);
    if (worktree->observer && now >= next &&
        atomic_compare_exchange_strong(&worktree->tell_ns, &next, now + TELL_NS))
        tell(worktree, now, done_bytes);
}

/* Who hears of a file's bytes. */
struct listener {
    struct worktree *worktree;
    struct sums_tap *tap;
};

static void tell_listener(void *context, int64_t bytes)
{
    tell_progress(((struct listener *)context)->worktree, bytes);
}

static void listen_for_sums(void *context, const char *at, size_t len)
{
    struct listener *listener = context;
    if (at)
        sums_tap_add(listener->tap, at, len);
    else
        sums_tap_restart(listener->tap);
}

static FALLIBLE look_at_file(struct worktree *worktree, struct hashing *hashing, const char *path,
                             struct worker *worker)
{
    struct listener listener = {worktree, &worker->tap};
    struct cas_progress progress = {.tell = tell_listener,
                                    .listen = worktree->sums ? listen_for_sums : NULL,
                                    .context = &listener};
    TRY(cas_read_file(worktree->root_fd, path, worker_buffer(worker), &progress, &hashing->put));
    if (!worktree->sums)
        return NULL;
    hashing->sums = arena_new(&worker->arena, struct sums_row);
    *hashing->sums = (struct sums_row){.digest = hashing->put.digest,
                                       .size_bytes = hashing->put.stat.size_bytes};
    sums_tap_finish(&worker->tap, hashing->sums);
    return NULL;
}

static FALLIBLE hash_path(struct batch *batch, struct hashing *hashing, const char *path,
                          struct worker *worker)
{
    struct worktree *worktree = batch->worktree;
    if (!batch->is_capture)
        return look_at_file(worktree, hashing, path, worker);
    struct cas_progress progress = {
        .is_straight = hashing->look->is_straight, .tell = tell_progress, .context = worktree};
    return cas_put_file(worktree->cas, worktree->root_fd, path, &progress, &hashing->put);
}

void worker_leave_directory(struct worker *worker)
{
    fd_drop(&worker->directory_fd);
    worker->directory = NULL;
}

/* Directory to look the file up in, and its name there. A directory is opened where the next file
 * lies in it, too: its path is not walked for each of them then. */
static int find_place(struct batch *batch, struct hashing *hashing, struct worker *worker,
                      const char **ret_name)
{
    const struct directory *directory = hashing->directory;
    const struct hashing *end = batch->hashings.at + batch->hashings.len;
    *ret_name = NULL;
    if (!directory)
        return -1;
    if (worker->directory != directory) {
        worker_leave_directory(worker);
        if (hashing + 1 == end || hashing[1].directory != directory)
            return -1;
        worker->directory_fd =
            fd_of(openat(batch->worktree->root_fd, directory->path.len ? directory->path.at : ".",
                         O_PATH | O_DIRECTORY | O_CLOEXEC));
        worker->directory = directory;
    }
    *ret_name = hashing->node->name.at;
    return fd_number(worker->directory_fd);
}

/* What the scan saw is the first look at a small file, so that one more is enough. */
static FALLIBLE put_at_once(struct batch *batch, struct hashing *hashing, struct worker *worker)
{
    struct worktree *worktree = batch->worktree;
    const char *name = NULL;
    if (!batch->is_capture || !cas_is_small(worktree->cas, hashing->size_bytes))
        return NULL;
    int at_fd = find_place(batch, hashing, worker, &name);
    AUTO(buf_drop) struct buf path = {0};
    if (at_fd < 0) {
        path = hashing_path(hashing);
        at_fd = worktree->root_fd;
        name = path.at;
    }
    struct error *error = cas_put_seen(worktree->cas, &worker->lane, at_fd, name,
                                       hashing_stat(hashing), &hashing->put, &hashing->is_done);
    if (error && !path.len)
        path = hashing_path(hashing);
    TRY(cas_within_store(worktree->cas, error, path.at, hashing->size_bytes));
    if (hashing->is_done)
        tell_progress(worktree, hashing->size_bytes);
    return NULL;
}

struct buf hashing_path(const struct hashing *hashing)
{
    struct buf path = {0};
    if (hashing->directory) {
        buf_add_str(&path, hashing->directory->path);
        buf_add_text(&path, path.len ? "/" : "");
        buf_add_str(&path, hashing->node->name);
    } else {
        buf_add_str(&path, hashing->look->path);
    }
    return path;
}

/* What is wrong with a file is the answer of its look; a stop ends the batch, and what is wrong
 * while an output is stored, which has but one answer. */
static FALLIBLE hash_one(void *context, size_t i, struct worker *worker)
{
    struct batch *batch = context;
    struct hashing *hashing = &batch->hashings.at[i];
    if (hashing->is_done || hashing->is_twin || hashing->error)
        return NULL;
    TRY(put_at_once(batch, hashing, worker));
    if (hashing->is_done)
        return NULL;
    AUTO(buf_drop) struct buf path = hashing_path(hashing);
    hashing->error = hash_path(batch, hashing, path.at, worker);
    hashing->is_done = hashing->error == NULL;
    leaves_end(hashing);
    if (!hashing->error || (hashing->error->code < ERROR_SIGNAL && !batch->is_capture))
        return NULL;
    struct error *stop = hashing->error;
    hashing->error = NULL;
    return stop;
}

static size_t group_count(const struct batch *batch)
{
    return (batch->hashings.len - batch->big_count + FILES_A_TIME - 1) / FILES_A_TIME;
}

/* Small files in groups, so that threads seldom meet. */
static FALLIBLE hash_group(struct batch *batch, size_t group, struct worker *worker)
{
    size_t first = batch->big_count + group * FILES_A_TIME;
    size_t end = MIN_OF(first + FILES_A_TIME, batch->hashings.len);
    for (size_t i = first; i < end; i++)
        TRY(hash_one(batch, i, worker));
    return NULL;
}

/* Big files, groups of small ones, then leaves of big ones. */
static FALLIBLE hash_item(void *context, size_t i, struct worker *worker)
{
    struct batch *batch = context;
    size_t files = batch->big_count + group_count(batch);
    if (i >= files)
        return leaves_hash(batch, i - files, worker);
    return i < batch->big_count ? hash_one(batch, i, worker)
                                : hash_group(batch, i - batch->big_count, worker);
}

void files_begin(struct worktree *worktree)
{
    atomic_store(&worktree->done_bytes, 0);
    atomic_store(&worktree->tell_ns, clock_monotonic_ns() + TELL_NS);
}

FALLIBLE files_hash(struct batch *batch)
{
    struct worktree *worktree = batch->worktree;
    size_t files = batch->big_count + group_count(batch);
    worktree->is_total_known = !batch->is_round;
    worktree->total_bytes += atomic_load(&worktree->done_bytes);
    return crew_run(worktree, files + batch->leaf_items.len, hash_item, batch);
}

FALLIBLE files_hash_left(struct batch *batch)
{
    return crew_run(batch->worktree, batch->hashings.len, hash_one, batch);
}
