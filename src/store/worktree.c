#include "mlops/store/worktree.h"

#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "worktree_private.h"

struct error *worktree_open(struct arena *arena, const struct workspace *workspace,
                            struct index *index, struct cas *cas, struct pool *pool,
                            struct worktree **ret)
{
    struct worktree *worktree = arena_new(arena, struct worktree);
    worktree->workspace = workspace;
    worktree->index = index;
    worktree->cas = cas;
    worktree->pool = pool;
    worktree->root_fd = fd_number(workspace->root_fd);
    worktree->sequence = 1;
    worktree->worker_count = (size_t)pool_threads(pool) + 1;
    worktree->workers = arena_new_array(arena, struct worker, worktree->worker_count);
    check(pthread_mutex_init(&worktree->mutex, NULL) == 0);
    *ret = worktree;
    return NULL;
}

void worktree_drop(struct worktree **place)
{
    struct worktree *worktree = *place;
    *place = NULL;
    if (!worktree)
        return;
    for (size_t role = 0; role < LOOK_ROLES; role++)
        map_each (entry, &worktree->seen[role])
            error_drop(((struct seen *)entry->value)->error);
    for (size_t i = 0; i < worktree->worker_count; i++) {
        arena_drop(&worktree->workers[i].arena);
        arena_drop(&worktree->workers[i].listing);
        arena_drop(&worktree->workers[i].nodes);
        free(worktree->workers[i].buffer);
        sums_tap_drop(&worktree->workers[i].tap);
    }
    pthread_mutex_destroy(&worktree->mutex);
    arena_drop(&worktree->memory);
}

void worktree_note_sums(struct worktree *worktree, struct sums *sums)
{
    worktree->sums = sums;
}

void worktree_follow_links(struct worktree *worktree)
{
    worktree->follows_links = true;
}

char *worker_buffer(struct worker *worker)
{
    if (!worker->buffer)
        worker->buffer = memory_grow(NULL, CAS_BUFFER_BYTES);
    return worker->buffer;
}

/* A run of the crew: workers take the next item until none is left. */
struct crew {
    struct worktree *worktree;
    size_t count;
    struct error *(*work)(void *context, size_t i, struct worker *worker);
    void *context;
    atomic_size_t next;
    atomic_bool is_over;
};

static FALLIBLE crew_work(void *context, size_t index)
{
    struct crew *crew = context;
    struct worker *worker = &crew->worktree->workers[index];
    while (!atomic_load(&crew->is_over)) {
        size_t i = atomic_fetch_add(&crew->next, 1);
        if (i >= crew->count)
            return NULL;
        struct error *error = crew->work(crew->context, i, worker);
        if (!error && signal_stops())
            error = signal_check();
        if (error) {
            atomic_store(&crew->is_over, true);
            return error;
        }
    }
    return NULL;
}

FALLIBLE crew_run(struct worktree *worktree, size_t count,
                  FALLIBLE (*work)(void *context, size_t i, struct worker *worker), void *context)
{
    struct crew crew = {.worktree = worktree, .count = count, .work = work, .context = context};
    size_t hands = MIN_OF(count, worktree->worker_count);
    return hands ? pool_run(worktree->pool, hands, crew_work, &crew, NULL) : NULL;
}

/* Whether something at `path`, above or below it was forgotten after `sequence`. */
static bool is_forgotten(const struct worktree *worktree, struct str path, int64_t sequence)
{
    const struct forgotten *forgotten = map_get(&worktree->forgotten, path);
    if (worktree->forgotten.len == 0)
        return false;
    if (forgotten && MAX_OF(forgotten->here, forgotten->below) >= sequence)
        return true;
    for (struct str at = path_directory(path); at.len; at = path_directory(at)) {
        forgotten = map_get(&worktree->forgotten, at);
        if (forgotten && forgotten->here >= sequence)
            return true;
        if (at.len == 1)
            break;
    }
    return false;
}

static struct forgotten *forgotten_at(struct worktree *worktree, struct str path)
{
    struct forgotten *forgotten = map_get(&worktree->forgotten, path);
    if (!forgotten) {
        forgotten = arena_new(&worktree->memory, struct forgotten);
        map_put(&worktree->memory, &worktree->forgotten, str_copy(&worktree->memory, path),
                forgotten);
    }
    return forgotten;
}

void worktree_forget(struct worktree *worktree, struct str path)
{
    int64_t now = worktree->sequence++;
    forgotten_at(worktree, path)->here = now;
    for (struct str at = path_directory(path); at.len; at = path_directory(at)) {
        forgotten_at(worktree, at)->below = now;
        if (at.len == 1)
            break;
    }
}

struct seen *seen_find(const struct worktree *worktree, struct str path, enum look_role role)
{
    struct seen *seen = map_get(&worktree->seen[role], path);
    if (!seen || seen->sequence == 0 || is_forgotten(worktree, path, seen->sequence))
        return NULL;
    return seen;
}

struct seen *seen_place(struct worktree *worktree, struct str path, enum look_role role,
                        bool *ret_is_new)
{
    struct map *map = &worktree->seen[role];
    void **place = map_place(&worktree->memory, map, path);
    struct seen *seen = *place;
    if (!seen) {
        *place = seen = arena_new(&worktree->memory, struct seen);
        seen->artifact.path = str_copy(&worktree->memory, path);
        map->entries[map->len - 1].key = seen->artifact.path; /* the caller's may go */
    }
    *ret_is_new = seen->sequence == 0 || is_forgotten(worktree, path, seen->sequence);
    if (*ret_is_new) {
        error_drop(seen->error);
        seen->error = NULL;
        seen->outline = (struct map){0};
        seen->sequence = worktree->sequence;
    }
    return seen;
}

static struct str *keep_texts(struct arena *arena, const struct str *texts, size_t count)
{
    struct str *kept = arena_new_array(arena, struct str, count);
    for (size_t i = 0; i < count; i++)
        kept[i] = str_copy(arena, texts[i]);
    return kept;
}

/* The artifact with all its text in memory that lives as long as the worktree. */
static struct artifact keep_artifact(struct arena *arena, struct str path,
                                     const struct artifact *from)
{
    struct artifact kept = *from;
    kept.path = path;
    kept.empty_dirs = keep_texts(arena, from->empty_dirs, from->empty_dir_count);
    kept.ignored = keep_texts(arena, from->ignored, from->ignored_count);
    return kept;
}

static void keep_answers(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct look *look = &batch->looks[i];
        struct seen *seen = look->seen;
        if (!seen)
            continue;
        seen->artifact =
            keep_artifact(&batch->worktree->memory, seen->artifact.path, &look->artifact);
        seen->error = look->error;
        look->error = NULL;
    }
}

/* Of those that are to be compared and differ: which directories the difference can't be in. */
static void keep_outlines(struct batch *batch)
{
    struct arena *arena = &batch->worktree->memory;
    for (size_t i = 0; i < batch->directories.len; i++) {
        const struct directory *directory = batch->directories.at[i];
        const struct look *look = directory->look;
        if (!look->seen || !look->recorded || look->error || !directory->file_count ||
            artifact_equal(&look->artifact, look->recorded))
            continue;
        struct digest *digest = arena_new(arena, struct digest);
        *digest = directory->digest;
        map_put(arena, &look->seen->outline, str_copy(arena, directory->below), digest);
    }
}

static void forget_answers(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->looks[i].seen)
            batch->looks[i].seen->sequence = 0;
}

static FALLIBLE run_and_keep(struct batch *batch)
{
    batch->is_brief = !batch->is_capture;
    struct error *error = batch_run(batch);
    if (error) {
        forget_answers(batch);
    } else {
        keep_outlines(batch);
        keep_answers(batch);
    }
    batch_end(batch);
    return error;
}

struct error *worktree_prefetch(struct worktree *worktree, const struct worktree_wish *wishes,
                                size_t count, const struct observer *observer)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct look_vec looks = {0};
    struct error *error = glance_at(worktree, &scratch, wishes, count, &looks);
    struct batch batch = {.worktree = worktree, .looks = looks.at, .count = looks.len};
    if (error) {
        forget_answers(&batch);
        batch_end(&batch);
        return error;
    }
    worktree->observer = observer;
    error = looks.len ? run_and_keep(&batch) : NULL;
    worktree->observer = NULL;
    return error;
}

/* An error is told once; asked again, the path is looked at again. */
static FALLIBLE answer(struct seen *seen, struct artifact *ret)
{
    if (seen->error) {
        struct error *error = seen->error;
        seen->error = NULL;
        seen->sequence = 0;
        return error;
    }
    *ret = seen->artifact;
    return NULL;
}

struct error *worktree_look(struct worktree *worktree, struct str path, enum look_role role,
                            struct artifact *ret)
{
    struct seen *seen = seen_find(worktree, path, role);
    if (!seen) {
        struct worktree_wish wish = {.path = path, .role = role};
        TRY(worktree_prefetch(worktree, &wish, 1, NULL));
        seen = seen_find(worktree, path, role);
    }
    check(seen);
    return answer(seen, ret);
}

bool worktree_knows_other(const struct worktree *worktree, const struct artifact *artifact)
{
    const struct seen *seen = seen_find(worktree, artifact->path, LOOK_OUT);
    return seen && !seen->error && !artifact_equal(&seen->artifact, artifact);
}

struct error *worktree_recheck(struct worktree *worktree, const struct artifact *artifact,
                               enum look_role role, bool *ret_same)
{
    struct artifact now = {0};
    struct seen *seen = map_get(&worktree->seen[role], artifact->path);
    struct artifact before = *artifact; /* may be borrowed from `seen` itself */
    if (seen)
        seen->sequence = 0;
    TRY(worktree_look(worktree, artifact->path, role, &now));
    *ret_same = artifact_equal(&before, &now);
    return NULL;
}

struct error *worktree_capture(struct worktree *worktree, struct str path, struct artifact *ret)
{
    bool is_new = false;
    check(worktree->cas);
    struct seen *seen = seen_place(worktree, path, LOOK_OUT, &is_new);
    struct look look = {.path = seen->artifact.path, .role = LOOK_OUT, .seen = seen};
    struct batch batch = {.worktree = worktree, .looks = &look, .count = 1, .is_capture = true};
    seen->sequence = worktree->sequence;
    cas_warm(worktree->cas);
    TRY(run_and_keep(&batch));
    return answer(seen, ret);
}

static void begin_capture(struct worktree *worktree, struct str path, struct look *look)
{
    bool is_new = false;
    struct seen *seen = seen_place(worktree, path, LOOK_OUT, &is_new);
    seen->sequence = worktree->sequence;
    *look = (struct look){.path = seen->artifact.path, .role = LOOK_OUT, .seen = seen};
}

struct error *worktree_capture_all(struct worktree *worktree, const struct str *paths, size_t count,
                                   bool forbids_links, const struct observer *observer)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct batch batch = {
        .worktree = worktree, .count = count, .is_capture = true, .forbids_links = forbids_links};
    check(worktree->cas);
    batch.looks = arena_new_array(&scratch, struct look, count);
    for (size_t i = 0; i < count; i++)
        begin_capture(worktree, paths[i], &batch.looks[i]);
    cas_warm(worktree->cas);
    worktree->observer = observer;
    struct error *error = run_and_keep(&batch);
    worktree->observer = NULL;
    return error;
}

void worktree_tell_held(struct worktree *worktree, const struct observer *observer)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int64_t others = worktree->held_count - 1;
    struct str more = others > 0 ? str_print(&scratch, " and %lld other file%s", (long long)others,
                                             others == 1 ? "" : "s")
                                 : STR("");
    struct event event = {
        .kind = EVENT_WARNING,
        .text = str_print(&scratch,
                          "'%.*s'%.*s %s open for writing by another program: stored as of now, "
                          "maybe incomplete; do it again when that program has ended",
                          STR_FMT(worktree->held_path), STR_FMT(more), others > 0 ? "are" : "is")};
    if (worktree->held_count)
        observer_tell(observer, &event);
    worktree->held_count = 0; /* the next look may need no batch */
}

void worktree_relink(struct worktree *worktree)
{
    worktree->relinks = true;
}

struct worktree_counts worktree_counts(const struct worktree *worktree)
{
    return worktree->counts;
}

FALLIBLE batch_run(struct batch *batch)
{
    batch->worktree->held_count = 0;
    files_begin(batch->worktree);
    TRY(batch_stat(batch));
    TRY(batch_scan(batch));
    TRY(batch_hash(batch));
    return batch_trees(batch);
}

void batch_end(struct batch *batch)
{
    struct worktree *worktree = batch->worktree;
    for (size_t i = 0; i < batch->directories.len; i++)
        error_drop(batch->directories.at[i]->error);
    for (size_t i = 0; i < batch->hashings.len; i++)
        error_drop(batch->hashings.at[i].error);
    for (size_t i = 0; i < batch->count; i++)
        error_drop(batch->looks[i].error);
    for (size_t i = 0; i < worktree->worker_count; i++) {
        worker_leave_directory(&worktree->workers[i]);
        arena_reset(&worktree->workers[i].arena);
        arena_reset(&worktree->workers[i].nodes);
    }
    arena_drop(&batch->round);
    *batch = (struct batch){.worktree = worktree};
}
