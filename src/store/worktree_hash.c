#include "mlops/host/clock.h"

#include <sys/stat.h>
#include <time.h>

#include "worktree_private.h"

enum {
    BIG_BYTES = 65536,
    HUGE_BYTES = CAS_LEAVES_LEAST_BYTES, /* left to the last round: none is begun last */
    HASHINGS_A_ROUND = 32768,
};

static const int64_t SETTLE_NS = 30 * NS_PER_MS;     /* no kernel's clock ticks slower */
static const int64_t FOREIGN_TICK_NS = 2 * NS_PER_S; /* of file systems we know nothing of */

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
    struct arena *arena = batch->is_round ? &batch->round : &batch->worktree->workers[0].arena;
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

bool node_is_file(const struct node *node)
{
    return !node->is_odd && (node->kind == TREE_FILE || node->kind == TREE_EXECUTABLE);
}

static FALLIBLE ask_for_node(struct batch *batch, struct directory *directory, struct node *node)
{
    bool is_later = batch->is_round && node->stat.size_bytes >= HUGE_BYTES;
    if (!node_is_file(node) || node->is_known || is_later)
        return NULL;
    if (!directory->is_asked)
        TRY(ask_index(batch, directory->path, node->name, &node->stat, &node->digest,
                      &node->is_known));
    if (!node->is_known)
        add_hashing(batch, directory->look, directory, node, node->stat.size_bytes);
    return NULL;
}

static FALLIBLE ask_for_directory(struct batch *batch, struct directory *directory)
{
    for (size_t i = 0; i < directory->count && !directory->is_settled; i++)
        TRY(ask_for_node(batch, directory, &directory->nodes[i]));
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

/* --- order --- */

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

/* One of them is named to the user. */
static void note_held(struct worktree *worktree, const struct hashing *hashing)
{
    AUTO(buf_drop) struct buf path = hashing_path(hashing);
    if (!worktree->held_count++)
        worktree->held_path = str_copy(&worktree->memory, buf_str(&path));
}

static void take_digest(const struct batch *batch, struct hashing *hashing)
{
    struct worktree *worktree = batch->worktree;
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
    if (worktree->now_ns != INT64_MIN && !put->is_held) /* a write may be on its way */
        index_note_at(worktree->index, directory, name, &put->stat, put->digest, now_ns);
    if (hashing->is_twin)
        return;
    if (put->is_held && batch->is_capture)
        note_held(worktree, hashing);
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
            take_digest(batch, hashing);
        if (hashing->error && !hashing->look->error) {
            hashing->look->error = hashing->error;
            hashing->error = NULL;
        }
    }
}

/* The order in which files are read, and how much that is. */
static void put_in_order(struct batch *batch)
{
    struct worktree *worktree = batch->worktree;
    vec_sort(&batch->hashings, compare_biggest_first);
    find_twins(batch);
    worktree->total_bytes = 0;
    batch->big_count = 0;
    vec_each (const struct hashing, hashing, &batch->hashings) {
        batch->big_count += big_size(hashing) > 0;
        worktree->total_bytes += hashing->is_twin ? 0 : hashing->size_bytes;
    }
}

/* Asking costs two microseconds a file: of a hundred thousand that have just been made only those
 * are asked about that changed last. In whole seconds. */
static int64_t watch_of(const struct batch *batch)
{
    enum { SECONDS_MOST = CAS_WATCH_NS / NS_PER_S, ASKED_MOST = 4096 };
    size_t counts[SECONDS_MOST] = {0}, asked = 0;
    int64_t now_ns = clock_stamp_ns(), seconds = 0;
    vec_each (const struct hashing, hashing, &batch->hashings) {
        const struct file_stat *stat = hashing_stat(hashing);
        int64_t age_ns = now_ns - MAX_OF(stat->mtime_ns, stat->ctime_ns);
        if (age_ns < CAS_WATCH_NS)
            counts[MAX_OF(age_ns, 0) / NS_PER_S]++;
    }
    while (seconds < SECONDS_MOST && asked + counts[seconds] <= ASKED_MOST)
        asked += counts[seconds++];
    return MAX_OF(seconds, 1) * NS_PER_S;
}

static FALLIBLE hash_collected(struct batch *batch)
{
    bool some_are_left = false;
    if (!batch->hashings.len)
        return NULL;
    TRY(find_now(batch));
    put_in_order(batch);
    if (batch->is_capture)
        batch->worktree->cas->watch_ns = watch_of(batch);
    leaves_plan(batch);
    TRY(files_hash(batch));
    share_results(batch, &some_are_left);
    if (some_are_left)
        TRY(files_hash_left(batch));
    leaves_keep(batch);
    take_results(batch);
    return NULL;
}

FALLIBLE batch_hash(struct batch *batch)
{
    TRY(collect(batch));
    TRY(hash_collected(batch));
    index_relieve(batch->worktree->index);
    return NULL;
}

static FALLIBLE hash_part(struct batch *batch)
{
    TRY(hash_collected(batch));
    batch->hashings = (struct hashing_vec){0};
    arena_reset(&batch->round);
    return NULL;
}

static FALLIBLE hash_directory(struct batch *batch, struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++) {
        TRY(ask_for_node(batch, directory, &directory->nodes[i]));
        if (batch->hashings.len == HASHINGS_A_ROUND)
            TRY(hash_part(batch));
    }
    return NULL;
}

FALLIBLE batch_hash_round(struct batch *batch, size_t end)
{
    TRY(cas_begin_put(batch->worktree->cas));
    index_expect_many(batch->worktree->index);
    batch->is_round = true;
    for (size_t i = batch->round_first; i < end; i++)
        if (!batch->directories.at[i]->look->error)
            TRY(hash_directory(batch, batch->directories.at[i]));
    TRY(hash_part(batch));
    batch->is_round = false;
    index_relieve(batch->worktree->index);
    return NULL;
}
