/* Reading all of a table: one thread at a time fills slots and one at a time commits them, in order
 * of the file; in between each works on its own. */
#include "mlops/base/check.h"
#include "mlops/host/pool.h"
#include "mlops/host/signal.h"
#include "mlops/model/event.h"

#include <pthread.h>

#include "table_private.h"

enum { TELL_BYTES = 16777216 };

struct scan {
    struct table_reader *table;
    const struct table_visitor *visitor;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changes;
    bool is_filling, is_committing, is_filled; /* is_filled: nothing more is to be read */
    bool is_stopped;
    uint64_t next_commit, next_index;
    uint64_t done_bytes, told_bytes;
    struct error *error;      /* the first in order of the file */
    struct error *last_error; /* of reading: told when all before it is committed */
};

static void stop(struct scan *scan, struct error *error)
{
    if (!scan->error)
        scan->error = error;
    else
        error_drop(error);
    scan->is_stopped = true;
}

static struct table_slot *slot_in(const struct scan *scan, enum slot_state state, uint64_t index)
{
    struct table_reader *table = scan->table;
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i].state == state &&
            (state == SLOT_FREE || table->slots[i].batch.index == index))
            return &table->slots[i];
    return NULL;
}

static size_t slot_number(const struct scan *scan, const struct table_slot *slot)
{
    return (size_t)(slot - scan->table->slots);
}

static size_t records_most(const struct table_reader *table)
{
    size_t columns = MAX_OF(table->column_count, (size_t)1);
    return MAX_OF(TABLE_BATCH_CELLS / columns, (size_t)TABLE_BATCH_RECORDS_LEAST);
}

/* With the mutex held, which is let go while the work is done. Only one thread is in here. */
static bool fill_one(struct scan *scan, struct table_slot *slot)
{
    struct table_reader *table = scan->table;
    scan->is_filling = true;
    slot->state = SLOT_FILLING;
    pthread_mutex_unlock(&scan->mutex);
    struct error *error = table_fill(table, slot, records_most(table));
    uint64_t done_bytes = source_done_bytes(table->source);
    pthread_mutex_lock(&scan->mutex);
    bool has_records = !error && slot->cut.record_count;
    scan->is_filling = false;
    scan->done_bytes = done_bytes;
    scan->is_filled = !has_records;
    scan->last_error = error;
    slot->state = has_records ? SLOT_WORKING : SLOT_FREE;
    scan->next_index += has_records;
    pthread_cond_broadcast(&scan->changes);
    return has_records;
}

static FALLIBLE split_and_visit(struct scan *scan, struct table_slot *slot, size_t worker)
{
    const struct table_visitor *visitor = scan->visitor;
    TRY(table_split(scan->table, slot));
    if (!visitor->visit)
        return NULL;
    return visitor->visit(visitor->context, worker, slot_number(scan, slot), &slot->batch);
}

static void work_one(struct scan *scan, struct table_slot *slot, size_t worker)
{
    pthread_mutex_unlock(&scan->mutex);
    slot->error = split_and_visit(scan, slot, worker);
    pthread_mutex_lock(&scan->mutex);
    slot->state = SLOT_DONE;
    pthread_cond_broadcast(&scan->changes);
}

static FALLIBLE commit(struct scan *scan, struct table_slot *slot)
{
    const struct table_visitor *visitor = scan->visitor;
    if (slot->error || !visitor->commit)
        return slot->error;
    return visitor->commit(visitor->context, slot_number(scan, slot), &slot->batch);
}

static void commit_one(struct scan *scan, struct table_slot *slot)
{
    scan->is_committing = true;
    pthread_mutex_unlock(&scan->mutex);
    struct error *error = commit(scan, slot);
    slot->error = NULL;
    size_t record_count = slot->batch.record_count;
    slot_shrink(slot, scan->table->batch_bytes);
    pthread_mutex_lock(&scan->mutex);
    scan->table->record_count += record_count;
    scan->is_committing = false;
    scan->next_commit++;
    slot->state = SLOT_FREE;
    if (error)
        stop(scan, error);
    pthread_cond_broadcast(&scan->changes);
}

/* Only the thread that called tells: an observer is not made for several. */
static void tell(struct scan *scan, size_t worker)
{
    struct event event = {
        .kind = EVENT_HASHING,
        .done_bytes = (int64_t)scan->done_bytes,
        .total_bytes = (int64_t)source_total_bytes(scan->table->source),
    };
    const struct observer *observer = scan->table->options.observer;
    if (worker != 0 || !observer || scan->done_bytes - scan->told_bytes < TELL_BYTES)
        return;
    scan->told_bytes = scan->done_bytes;
    pthread_mutex_unlock(&scan->mutex);
    observer_tell(observer, &event);
    pthread_mutex_lock(&scan->mutex);
}

/* One step of work, if there is any: committing goes before filling, so that slots become free. */
static bool step(struct scan *scan, size_t worker)
{
    struct table_slot *slot = NULL;
    if (!scan->is_committing && (slot = slot_in(scan, SLOT_DONE, scan->next_commit))) {
        commit_one(scan, slot);
        return true;
    }
    if (scan->is_filling || scan->is_filled || !(slot = slot_in(scan, SLOT_FREE, 0)))
        return false;
    if (fill_one(scan, slot))
        work_one(scan, slot, worker);
    return true;
}

static bool is_over(const struct scan *scan)
{
    return scan->is_stopped || (scan->is_filled && scan->next_commit == scan->next_index);
}

static FALLIBLE work(void *context, size_t worker)
{
    struct scan *scan = context;
    pthread_mutex_lock(&scan->mutex);
    while (!is_over(scan)) {
        if (signal_stops())
            stop(scan, signal_check());
        else if (!step(scan, worker))
            pthread_cond_wait(&scan->changes, &scan->mutex);
        else
            tell(scan, worker);
    }
    pthread_cond_broadcast(&scan->changes);
    pthread_mutex_unlock(&scan->mutex);
    return NULL;
}

static FALLIBLE run(struct scan *scan)
{
    size_t count = scan->table->worker_count;
    AUTO(pool_drop) struct pool *pool = pool_open((int)count - 1);
    TRY(pool_run(pool, count, work, scan, NULL));
    if (scan->error) {
        error_drop(scan->last_error);
        return scan->error;
    }
    return scan->last_error;
}

FALLIBLE table_scan(struct table_reader *table, const struct table_visitor *visitor)
{
    struct scan scan = {.table = table, .visitor = visitor};
    check(!table->is_scanned);
    table->is_scanned = true;
    scan.next_commit = scan.next_index = table->next_index;
    check(pthread_mutex_init(&scan.mutex, NULL) == 0);
    check(pthread_cond_init(&scan.changes, NULL) == 0);
    struct error *error = run(&scan);
    pthread_cond_destroy(&scan.changes);
    pthread_mutex_destroy(&scan.mutex);
    TRY(error);
    table->is_over = true;
    table->digest = source_digest(table->source);
    return NULL;
}
