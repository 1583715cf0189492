#include "mlops/engine/arrival.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "arrival_private.h"

enum { TELL_MS = 100 };

/* --- progress --- */

/* Whoever finds somebody else telling goes on with its work. */
void arrival_tell(struct taking *taking, int64_t bytes)
{
    int64_t done = __atomic_add_fetch(&taking->done_bytes, bytes, __ATOMIC_RELAXED);
    if (!taking->arrival->observer ||
        __atomic_exchange_n(&taking->is_telling, true, __ATOMIC_ACQUIRE))
        return;
    int64_t now = clock_monotonic_ns();
    if (now - taking->told_ns >= TELL_MS * NS_PER_MS) {
        struct event event = {.kind = EVENT_HASHING,
                              .at_ns = now,
                              .done_bytes = done,
                              .total_bytes = taking->total_bytes};
        taking->told_ns = now;
        observer_tell(taking->arrival->observer, &event);
    }
    __atomic_store_n(&taking->is_telling, false, __ATOMIC_RELEASE);
}

/* --- workers --- */

static FALLIBLE take_files(struct taking *taking, struct connection *connection)
{
    while (!__atomic_load_n(&taking->has_failed, __ATOMIC_RELAXED)) {
        size_t at = __atomic_fetch_add(&taking->next, 1, __ATOMIC_RELAXED);
        if (at >= taking->count)
            return NULL;
        TRY(signal_check());
        if (!taking->files[at].is_here)
            TRY(arrival_fetch(taking, connection, &taking->files[at]));
    }
    return NULL;
}

static FALLIBLE work(void *context, size_t index)
{
    struct taking *taking = context;
    struct connection *connection = NULL;
    (void)index;
    struct error *error = NULL;
    if (!taking->upstream->is_local)
        error = transport_connect(taking->upstream->transport, &connection);
    if (!error)
        error = take_files(taking, connection);
    connection_drop(&connection);
    if (error)
        __atomic_store_n(&taking->has_failed, true, __ATOMIC_RELAXED);
    return error;
}

static size_t workers_for(const struct taking *taking)
{
    int wanted =
        taking->upstream->is_local ? -1 : transport_connections(taking->upstream->transport);
    return wanted < 0 ? taking->count : MIN_OF((size_t)MAX_OF(wanted, 1), taking->count);
}

static FALLIBLE take_all(struct taking *taking)
{
    size_t workers = workers_for(taking);
    AUTO(pool_drop) struct pool *pool = NULL;
    if (!workers)
        return NULL;
    if (workers > 1)
        pool = pool_open(taking->upstream->is_local ? -1 : (int)workers - 1);
    if (!pool)
        return work(taking, 0);
    if (taking->upstream->is_local)
        workers = MIN_OF(workers, (size_t)pool_threads(pool) + 1);
    return pool_run(pool, workers, work, taking, NULL);
}

/* --- what is to be done --- */

/* Better told before than after hours. */
static FALLIBLE check_space(const struct taking *taking)
{
    struct statvfs disk;
    const struct workspace *workspace = taking->arrival->workspace;
    if (fstatvfs(fd_number(workspace->cache_fd), &disk) != 0 || disk.f_blocks == 0)
        return NULL;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes >= (uint64_t)taking->total_bytes)
        return NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    return error_os(ENOSPC, "cannot store %.*s in '%.*s': only %.*s are free",
                    STR_FMT(bytes_print(&scratch, taking->total_bytes)), STR_FMT(workspace->cache),
                    STR_FMT(bytes_print(&scratch, (int64_t)free_bytes)));
}

static void count_bytes(struct taking *taking)
{
    for (size_t i = 0; i < taking->count; i++) {
        const struct arriving *arriving = &taking->files[i];
        if (!arriving->is_here && arriving->file->size_bytes > 0)
            taking->total_bytes += arriving->file->size_bytes;
    }
}

static struct taking taking_of(const struct arrival *arrival, struct upstream *upstream,
                               struct upstream_state *state)
{
    struct taking taking = {.arrival = arrival, .upstream = upstream, .count = state->files.len};
    taking.files = arena_new_array(arrival->arena, struct arriving, taking.count + 1);
    for (size_t i = 0; i < taking.count; i++)
        taking.files[i] = (struct arriving){.file = &state->files.at[i]};
    return taking;
}

/* --- what it makes --- */

static FALLIBLE make_tree(const struct taking *taking, struct str path, struct artifact *ret)
{
    struct arena *arena = taking->arrival->arena;
    struct worktree_file *files = arena_new_array(arena, struct worktree_file, taking->count + 1);
    for (size_t i = 0; i < taking->count; i++)
        files[i] = (struct worktree_file){.path = taking->files[i].file->path,
                                          .digest = taking->files[i].digest,
                                          .size_bytes = taking->files[i].size_bytes,
                                          .kind = taking->files[i].is_executable ? TREE_EXECUTABLE
                                                                                 : TREE_FILE};
    return worktree_tree_of(taking->arrival->worktree, path, files, taking->count, LOOK_OUT, true,
                            ret);
}

static void make_file(const struct arriving *arriving, struct str path, struct artifact *ret)
{
    *ret = (struct artifact){.path = path,
                             .kind = ARTIFACT_FILE,
                             .is_executable = arriving->is_executable,
                             .is_stored = true,
                             .digest = arriving->digest,
                             .size_bytes = arriving->size_bytes,
                             .file_count = 1};
}

static FALLIBLE settle(const struct taking *taking, struct upstream_state *state, struct str path,
                       struct artifact *ret)
{
    state->bytes = 0;
    for (size_t i = 0; i < taking->count; i++)
        state->bytes += taking->files[i].size_bytes;
    if (state->is_directory)
        return make_tree(taking, path, ret);
    state->etag = taking->files[0].file->version;
    make_file(&taking->files[0], path, ret);
    return NULL;
}

struct error *arrival_take(const struct arrival *arrival, struct upstream *upstream,
                           struct upstream_state *state, struct str path, struct artifact *ret,
                           struct arrival_counts *ret_counts)
{
    struct taking taking = taking_of(arrival, upstream, state);
    TRY(arrival_sweep(arrival->workspace));
    if (state->is_directory)
        TRY(arrival_recall(&taking));
    count_bytes(&taking);
    TRY(check_space(&taking));
    TRY(take_all(&taking));
    TRY(settle(&taking, state, path, ret));
    if (state->is_directory)
        arrival_remember(&taking);
    *ret_counts = (struct arrival_counts){.files = (int64_t)taking.count,
                                          .bytes = state->bytes,
                                          .fetched_files = taking.fetched_files,
                                          .fetched_bytes = taking.fetched_bytes,
                                          .continued_bytes = taking.continued_bytes};
    return NULL;
}
