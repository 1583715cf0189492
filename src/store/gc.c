#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"
#include "mlops/store/index.h"
#include "mlops/store/results.h"

#include <fcntl.h>
#include <stdlib.h>

#include "gc_private.h"

enum { ITEMS_LISTED = 10000 };

#define NOT_NEEDED "no run, lock file or branch needs it"

static int compare_items(const void *a, const void *b)
{
    const struct gc_item *left = a, *right = b;
    if (left->size_bytes != right->size_bytes)
        return left->size_bytes < right->size_bytes ? 1 : -1;
    return str_compare(left->name, right->name);
}

void gc_items_sort(struct gc_items *items)
{
    struct gc_report *report = items->report;
    if (report->item_count > 1)
        qsort(report->items, report->item_count, sizeof report->items[0], compare_items);
    report->item_count = MIN_OF(report->item_count, (size_t)ITEMS_LISTED);
}

/* Twice as many as are listed are held; when they are full the smaller half goes. */
void gc_items_add(struct gc_items *items, struct gc_item item)
{
    struct gc_report *report = items->report;
    if (!items->cap) {
        items->cap = 2 * (size_t)ITEMS_LISTED;
        report->items = arena_new_array(items->arena, struct gc_item, items->cap);
    }
    report->removed_items++;
    report->freed_bytes += item.size_bytes;
    if (report->item_count == items->cap)
        gc_items_sort(items);
    report->items[report->item_count++] = item;
}

int64_t sweep_age(const struct sweep *sweep, const struct file_stat *stat)
{
    return sweep->marks->now_ns - MAX_OF(stat->mtime_ns, stat->ctime_ns);
}

/* A result of a lock's key costs nothing as long as all that it names is kept anyway. */
static bool is_free(const struct marks *marks, struct digest key, const struct result *result)
{
    if (!digest_set_has(&marks->keys, key))
        return false;
    for (size_t i = 0; i < result->out_count; i++)
        if (result->outs[i].kind != ARTIFACT_ABSENT &&
            !digest_set_has(&marks->objects, result->outs[i].digest))
            return false;
    return true;
}

/* What a result that stays names is not gone before it. */
static FALLIBLE keep_result(struct sweep *sweep, const struct result *result)
{
    mark_as(sweep->marks, MARK_FRESH);
    for (size_t i = 0; i < result->out_count; i++)
        TRY(mark_artifact(sweep->marks, &result->outs[i]));
    return NULL;
}

struct str result_label(struct arena *arena, const struct result *result)
{
    return str_print(arena, "%.*s in run %.*s", STR_FMT(result->stage),
                     STR_FMT(ulid_short(result->run)));
}

static FALLIBLE sweep_result(void *context, struct str project, struct digest key, struct digest id,
                             struct str bytes, const char *path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct sweep *sweep = context;
    struct result result = {0};
    struct file_stat stat = {0};
    bool found = false;
    TRY(signal_check());
    if (digest_set_has(&sweep->marks->results, id))
        return NULL;
    struct error *error = result_decode(&scratch, bytes, &result);
    error_drop(error); /* verify tells of damaged ones */
    if (error || is_free(sweep->marks, key, &result))
        return NULL;
    TRY(file_stat_at(fd_number(sweep->workspace->cache_fd), path, false, &stat, &found));
    if (!found || sweep_age(sweep, &stat) < sweep->options->grace_ns) {
        sweep->items.report->young_results += found;
        return keep_result(sweep, &result);
    }
    digest_set_add(&sweep->gone, id);
    *vec_push(sweep->arena, &sweep->results) =
        (struct swept_result){str_copy(sweep->arena, project), key, id};
    gc_items_add(&sweep->items, (struct gc_item){.what = "result",
                                                 .name = digest_hex(sweep->arena, id),
                                                 .label = result_label(sweep->arena, &result),
                                                 .why = STR(NOT_NEEDED),
                                                 .size_bytes = stat.size_bytes,
                                                 .age_ns = sweep_age(sweep, &stat)});
    return NULL;
}

static FALLIBLE sweep_object(void *context, struct digest digest, const struct file_stat *stat)
{
    struct sweep *sweep = context;
    struct gc_report *report = sweep->items.report;
    enum mark_rank rank = mark_of(sweep->marks, digest);
    bool is_young = sweep_age(sweep, stat) < sweep->options->grace_ns;
    TRY(signal_check());
    report->young_objects += rank == MARK_NONE && is_young;
    if (rank != MARK_NONE || is_young) {
        report->kept_objects++;
        report->kept_bytes += stat->size_bytes;
        gc_hold(report, rank == MARK_NONE ? MARK_FRESH : rank, stat->size_bytes);
        return NULL;
    }
    *vec_push(sweep->arena, &sweep->objects) = digest;
    if (digest_set_has(&sweep->left, digest)) {
        report->left_objects++;
        report->left_bytes += stat->size_bytes;
        return NULL;
    }
    gc_items_add(&sweep->items, (struct gc_item){.what = "object",
                                                 .name = digest_hex(sweep->arena, digest),
                                                 .why = STR(NOT_NEEDED),
                                                 .size_bytes = stat->size_bytes,
                                                 .age_ns = sweep_age(sweep, stat)});
    return NULL;
}

static FALLIBLE list_unneeded(void *context, struct digest digest, const struct file_stat *stat)
{
    struct sweep *sweep = context;
    bool is_young = sweep_age(sweep, stat) < sweep->options->grace_ns;
    if (!is_young && !digest_set_has(&sweep->marks->objects, digest))
        *vec_push(sweep->arena, &sweep->objects) = digest;
    return NULL;
}

static FALLIBLE note_left(void *context, struct digest digest, int64_t size_bytes)
{
    struct sweep *sweep = context;
    (void)size_bytes;
    digest_set_add(&sweep->left, digest);
    return NULL;
}

/* What is listed goes: so it is asked first what the store would not give back. */
static FALLIBLE sweep_objects(struct sweep *sweep)
{
    struct cas *cas = sweep->marks->cas;
    TRY(cas_each(cas, list_unneeded, sweep));
    TRY(cas_each_left(cas, sweep->objects.at, sweep->objects.len, note_left, sweep));
    sweep->objects.len = 0;
    return cas_each(cas, sweep_object, sweep);
}

/* Results first: nothing ever names an object that is not there. Last what needs room itself: packs
 * that are made anew. */
static FALLIBLE remove_swept(struct sweep *sweep)
{
    int64_t bytes = 0;
    vec_each (struct swept_result, result, &sweep->results)
        TRY(results_remove(sweep->workspace, result->project, result->key, result->id));
    vec_each (struct digest, digest, &sweep->objects) {
        TRY(signal_check());
        TRY(cas_trash(sweep->marks->cas, *digest));
    }
    TRY(cas_sweep(sweep->marks->cas));
    return cas_empty_trash(sweep->marks->cas, &bytes);
}

static void tell_waiting(void *context)
{
    const struct sweep *sweep = context;
    const struct event event = {.kind = EVENT_NOTICE,
                                .text = STR("waiting for processes that write to the cache")};
    observer_tell(sweep->options->observer, &event);
}

/* The first marking reads all trees without stopping anybody; the second, under the lock, finds
 * them read and sees what was recorded and pinned meanwhile. */
static FALLIBLE lock_and_mark(struct sweep *sweep, struct lock *lock)
{
    bool taken = false;
    TRY(gc_check_history(sweep));
    TRY(mark_all(sweep->marks, sweep->workspace, sweep->ledger));
    TRY(gc_ask_remotes(sweep));
    if (!sweep->options->really)
        return NULL;
    TRY(lock_take(fd_number(sweep->workspace->cache_fd), "lock", LOCK_EXCLUSIVE, -1, tell_waiting,
                  sweep, lock, &taken));
    return mark_all(sweep->marks, sweep->workspace, sweep->ledger);
}

static FALLIBLE sweep_all(struct sweep *sweep)
{
    AUTO(lock_drop) struct lock lock = {0};
    TRY(lock_and_mark(sweep, &lock));
    TRY(results_each(sweep->workspace, sweep_result, sweep));
    TRY(sweep_objects(sweep));
    TRY(gc_evict(sweep));
    gc_holders_sort(sweep->items.report);
    TRY(gc_name_items(sweep));
    TRY(gc_parts(sweep));
    TRY(gc_quarantine(sweep));
    if (sweep->options->has_mirrors)
        TRY(gc_mirrors(sweep));
    TRY(gc_leftovers(sweep->workspace, sweep->ledger, sweep->options, sweep->marks->now_ns,
                     &sweep->items));
    return sweep->options->really ? remove_swept(sweep) : NULL;
}

static void sweep_drop(struct sweep *sweep)
{
    digest_set_drop(&sweep->gone);
    digest_set_drop(&sweep->left);
}

/* Files are as old as the clock that stamped them says: ours may be wrong, or have been set. Of
 * both the one counts that takes less. */
static int64_t now_of(const struct workspace *workspace)
{
    int64_t now_ns = clock_real_ns(), there_ns = now_ns;
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop)
    struct fd tmp = fd_of(openat(fd_number(workspace->cache_fd), "tmp", flags));
    if (fd_number(tmp) >= 0)
        error_drop(index_clock(fd_number(tmp), &there_ns)); /* where nothing can be written */
    return MIN_OF(now_ns, there_ns);
}

FALLIBLE gc_run(struct arena *arena, const struct workspace *workspace, struct ledger *ledger,
                struct cas *cas, const struct gc_options *options, struct gc_report *ret)
{
    struct gc_report report = {0};
    AUTO(marks_drop)
    struct marks marks = {.cas = cas,
                          .now_ns = now_of(workspace),
                          .observer = options->observer,
                          .all_commits = options->all_commits};
    AUTO(sweep_drop)
    struct sweep sweep = {.marks = &marks,
                          .workspace = workspace,
                          .ledger = ledger,
                          .options = options,
                          .items = {arena, &report, 0},
                          .arena = arena};
    TRY(sweep_all(&sweep));
    gc_items_sort(&sweep.items);
    *ret = report;
    return NULL;
}
