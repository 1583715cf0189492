#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "worktree_private.h"

enum { BIG_BYTES = 65536, FILES_A_TIME = 32 /* of the others */ };

static const int64_t TELL_NS = 100 * NS_PER_MS;
static const int64_t SETTLE_NS = 30 * NS_PER_MS;     /* no kernel's clock ticks slower */
static const int64_t FOREIGN_TICK_NS = 2 * NS_PER_S; /* of file systems we know nothing of */

static void tell(struct worktree *worktree, int64_t now, int64_t done_bytes)
{
    check(pthread_mutex_lock(&worktree->mutex) == 0);
    struct event event = {.kind = EVENT_HASHING,
                          .at_ns = now,
                          .done_bytes = done_bytes,
                          .total_bytes = worktree->total_bytes};
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

/* --- which files have to be read --- */

/* A known digest is enough for a look; to capture, the store must have the bytes too. */
static FALLIBLE ask_index(struct batch *batch, struct str directory, struct str name,
                          const struct file_stat *stat, struct digest *ret, bool *ret_known)
{
    struct worktree *worktree = batch->worktree;
    *ret_known = index_find_at(worktree->index, directory, name, stat, ret);
    if (*ret_known && batch->is_capture)
        TRY(cas_is_known(worktree->cas, *ret, ret_known));
    return NULL;
}

static void add_hashing(struct batch *batch, struct look *look, struct directory *directory,
                        struct node *node, int64_t size_bytes)
{
    struct arena *arena = &batch->worktree->workers[0].arena;
    *vec_push(arena, &batch->hashings) = (struct hashing){
        .look = look, .directory = directory, .node = node, .size_bytes = size_bytes};
}

static FALLIBLE ask_for_look(struct batch *batch, struct look *look)
{
    bool is_link = S_ISLNK(look->stat.mode);
    if (look->error || !look->is_found || is_link || !S_ISREG(look->stat.mode))
        return NULL;
    ptrdiff_t slash = str_find_last_char(look->path, '/');
    struct str directory = str_slice(look->path, 0, slash < 0 ? 0 : (size_t)MAX_OF(slash, 1));
    struct str name = str_slice(look->path, (size_t)(slash + 1), look->path.len);
    TRY(ask_index(batch, directory, name, &look->stat, &look->digest, &look->is_known));
    if (!look->is_known)
        add_hashing(batch, look, NULL, NULL, look->stat.size_bytes);
    return NULL;
}

static bool is_file(const struct node *node)
{
    return !node->is_odd && (node->kind == TREE_FILE || node->kind == TREE_EXECUTABLE);
}

FALLIBLE batch_ask(struct batch *batch, struct directory *directory, bool *ret_known)
{
    *ret_known = true;
    for (size_t i = 0; i < directory->count; i++) {
        struct node *node = &directory->nodes[i];
        if (is_file(node) && !node->is_known)
            TRY(ask_index(batch, directory->path, node->name, &node->stat, &node->digest,
                          &node->is_known));
        *ret_known = *ret_known && (node->is_known || !is_file(node));
    }
    return NULL;
}

static FALLIBLE ask_for_directory(struct batch *batch, struct directory *directory)
{
    bool knows_all = false;
    if (directory->is_settled)
        return NULL;
    TRY(batch_ask(batch, directory, &knows_all));
    for (size_t i = 0; i < directory->count && !knows_all; i++) {
        struct node *node = &directory->nodes[i];
        if (is_file(node) && !node->is_known)
            add_hashing(batch, directory->look, directory, node, node->stat.size_bytes);
    }
    return NULL;
}

/* Room for all at once: a list that grows takes three times its size. */
static void reserve(struct batch *batch)
{
    size_t most = batch->count;
    for (size_t i = 0; i < batch->directories.len; i++)
        most += batch->directories.at[i]->is_settled ? 0 : batch->directories.at[i]->count;
    struct arena *arena = &batch->worktree->workers[0].arena;
    batch->hashings.at = arena_new_array(arena, struct hashing, most);
    batch->hashings.cap = most;
}

static FALLIBLE collect(struct batch *batch)
{
    reserve(batch);
    if (batch->is_capture)
        TRY(cas_begin_put(batch->worktree->cas));
    for (size_t i = 0; i < batch->count; i++)
        if (!batch->looks[i].pattern.len)
            TRY(ask_for_look(batch, &batch->looks[i]));
    for (size_t i = 0; i < batch->directories.len; i++) {
        struct directory *directory = batch->directories.at[i];
        if (!directory->look->error && !directory->look->pattern.len)
            TRY(ask_for_directory(batch, directory));
    }
    return NULL;
}

/* --- racy files: docs/formats.md, "Racy entries" --- */

static int64_t newest_of(const struct batch *batch)
{
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < batch->hashings.len; i++) {
        const struct hashing *hashing = &batch->hashings.at[i];
        const struct file_stat *stat = hashing->node ? &hashing->node->stat : &hashing->look->stat;
        if (stat->device == batch->worktree->device)
            newest = MAX_OF(newest, MAX_OF(stat->mtime_ns, stat->ctime_ns));
    }
    return newest;
}

/* Waits for the file system's clock to pass the files; those of the future stay racy. */
static FALLIBLE settle(struct batch *batch, int directory_fd)
{
    struct worktree *worktree = batch->worktree;
    int64_t newest = newest_of(batch);
    int64_t until = clock_monotonic_ns() + SETTLE_NS;
    struct timespec pause = {.tv_nsec = NS_PER_MS};
    for (;;) {
        TRY(index_now(directory_fd, &worktree->now_ns));
        if (worktree->now_ns == INT64_MIN)
            return NULL;
        bool is_near = newest >= worktree->now_ns && newest - worktree->now_ns <= SETTLE_NS;
        if (!is_near || clock_monotonic_ns() >= until)
            return NULL;
        nanosleep(&pause, NULL);
    }
}

/* Without a place to touch a file in, nothing is recorded. */
static FALLIBLE find_now(struct batch *batch)
{
    struct worktree *worktree = batch->worktree;
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat stat;
    if (worktree->now_ns == INT64_MAX)
        return NULL; /* stamps are exact on this file system: nothing to wait for, ever */
    worktree->now_ns = INT64_MIN;
    worktree->other_now_ns = clock_real_ns() - FOREIGN_TICK_NS;
    if (worktree->workspace->is_read_only || !worktree->workspace->state_fd.number_plus_one)
        return NULL;
    TRY(directory_open(fd_number(worktree->workspace->state_fd), "tmp", &fd));
    TRY(file_stat_fd(fd_number(fd), &stat));
    worktree->device = stat.device;
    return settle(batch, fd_number(fd));
}

/* --- hashing --- */

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

const struct file_stat *hashing_stat(const struct hashing *hashing)
{
    return hashing->node ? &hashing->node->stat : &hashing->look->stat;
}

static int64_t big_size(const struct hashing *hashing)
{
    return hashing->size_bytes < BIG_BYTES ? 0 : hashing->size_bytes;
}

/* Big ones by size, so that no thread has one left at the end; then by file: twins are neighbours,
 * and small files lie on the disk, and in directories, about in this order. */
static int compare_biggest_first(const void *a, const void *b)
{
    const struct hashing *left = a, *right = b;
    const struct file_stat *one = hashing_stat(left), *other = hashing_stat(right);
    int64_t left_size = big_size(left), right_size = big_size(right);
    if (left_size != right_size)
        return left_size < right_size ? 1 : -1;
    if (one->inode != other->inode)
        return one->inode < other->inode ? -1 : 1;
    return one->device < other->device ? -1 : one->device > other->device;
}

static bool is_same_file(const struct file_stat *a, const struct file_stat *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static void find_twins(struct batch *batch)
{
    for (size_t i = 1; i < batch->hashings.len; i++) {
        struct hashing *hashing = &batch->hashings.at[i];
        hashing->is_twin = is_same_file(hashing_stat(hashing), hashing_stat(hashing - 1));
    }
}

/* Twins take what was found; *ret_left: some can't, and are to be read themselves. */
static void share_results(struct batch *batch, bool *ret_left)
{
    *ret_left = false;
    for (size_t i = 1; i < batch->hashings.len; i++) {
        struct hashing *hashing = &batch->hashings.at[i];
        if (!hashing->is_twin)
            continue;
        const struct hashing *first = hashing - 1;
        hashing->is_twin = hashing->is_done = first->is_done;
        hashing->put = first->put;
        *ret_left = *ret_left || !hashing->is_done;
    }
}

static void take_digest(struct worktree *worktree, struct hashing *hashing)
{
    const struct cas_put *put = &hashing->put;
    struct node *node = hashing->node;
    struct str directory = {0}, name = {0};
    if (node) {
        node->digest = put->digest;
        node->is_known = true;
        node->stat = put->stat;
        node->kind = put->stat.mode & S_IXUSR ? TREE_EXECUTABLE : TREE_FILE;
        directory = hashing->directory->path;
        name = node->name;
    } else {
        struct look *look = hashing->look;
        ptrdiff_t slash = str_find_last_char(look->path, '/');
        look->digest = put->digest;
        look->is_known = true;
        look->stat = put->stat;
        directory = str_slice(look->path, 0, slash < 0 ? 0 : (size_t)MAX_OF(slash, 1));
        name = str_slice(look->path, (size_t)(slash + 1), look->path.len);
    }
    bool is_ours = put->stat.device == worktree->device;
    int64_t now_ns = is_ours ? worktree->now_ns : worktree->other_now_ns;
    if (worktree->now_ns != INT64_MIN)
        index_note_at(worktree->index, directory, name, &put->stat, put->digest, now_ns);
    if (hashing->is_twin)
        return;
    if (worktree->sums && hashing->sums)
        sums_add(worktree->sums, hashing->sums);
    worktree->counts.hashed_files++;
    worktree->counts.hashed_bytes += put->stat.size_bytes;
    worktree->counts.stored_files += put->is_new;
    worktree->counts.stored_bytes += put->is_new ? put->stat.size_bytes : 0;
}

static void take_results(struct batch *batch)
{
    for (size_t i = 0; i < batch->hashings.len; i++) {
        struct hashing *hashing = &batch->hashings.at[i];
        if (hashing->is_done)
            take_digest(batch->worktree, hashing);
        if (hashing->error && !hashing->look->error) {
            hashing->look->error = hashing->error;
            hashing->error = NULL;
        }
    }
}

FALLIBLE batch_hash(struct batch *batch)
{
    struct worktree *worktree = batch->worktree;
    TRY(collect(batch));
    if (!batch->hashings.len)
        return NULL;
    TRY(find_now(batch));
    worktree->total_bytes = 0;
    atomic_store(&worktree->done_bytes, 0);
    atomic_store(&worktree->tell_ns, clock_monotonic_ns() + TELL_NS);
    vec_sort(&batch->hashings, compare_biggest_first);
    while (batch->big_count < batch->hashings.len &&
           big_size(&batch->hashings.at[batch->big_count]))
        batch->big_count++;
    find_twins(batch);
    for (size_t i = 0; i < batch->hashings.len; i++)
        worktree->total_bytes +=
            batch->hashings.at[i].is_twin ? 0 : batch->hashings.at[i].size_bytes;
    bool some_are_left = false;
    leaves_plan(batch);
    TRY(crew_run(worktree, batch->big_count + group_count(batch) + batch->leaf_items.len, hash_item,
                 batch));
    share_results(batch, &some_are_left);
    if (some_are_left)
        TRY(crew_run(worktree, batch->hashings.len, hash_one, batch));
    leaves_keep(batch);
    take_results(batch);
    return NULL;
}
