/* Reading every object, in batches that a kill does not undo. */
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <stdlib.h>

#include "verify_private.h"

/* Handed to the pool at a time: progress is told and signals are answered in between. */
enum {
    BATCH_FILES = 256,
    BATCH_RUNS = 64, /* of objects that lie behind each other in a pack */
    RUN_OBJECTS = 4096,
    RUN_BYTES = 1 << 20,
};
#define BATCH_BYTES (INT64_C(256) << 20)

static FALLIBLE list_object(void *context, struct digest digest, const struct file_stat *stat)
{
    struct verification *verification = context;
    uint64_t place = 0;
    TRY(cas_place(verification->cas, digest, &place));
    *vec_push(verification->arena, &verification->objects) =
        (struct cas_checked){digest, stat->size_bytes, place, CAS_GOOD};
    verification->report->objects++;
    verification->report->bytes += stat->size_bytes;
    return NULL;
}

/* Files first, the largest of them before others; then packs from front to back: small objects
 * in any other order would be a seek each. */
static int compare_objects(const void *a, const void *b)
{
    const struct cas_checked *left = a, *right = b;
    if (left->place != right->place)
        return left->place < right->place ? -1 : 1;
    if (left->size_bytes != right->size_bytes)
        return left->size_bytes < right->size_bytes ? 1 : -1;
    return digest_compare(left->digest, right->digest);
}

/* Objects that one thread reads. */
struct object_run {
    size_t from, len;
};

struct batch {
    struct cas *cas;
    struct cas_checked *objects;
    struct object_run runs[BATCH_FILES];
    size_t run_count;
    size_t len; /* objects of all runs */
    int64_t bytes;
};

static FALLIBLE check_run(void *context, size_t index)
{
    const struct batch *batch = context;
    struct object_run run = batch->runs[index];
    struct cas_checked *object = &batch->objects[run.from];
    if (object->place)
        return cas_verify_run(batch->cas, object, run.len);
    return cas_verify(batch->cas, object->digest, &object->health);
}

void verify_tell(struct verify_teller *teller, int64_t more)
{
    const struct event event = {.kind = EVENT_HASHING,
                                .at_ns = clock_monotonic_ns(),
                                .done_bytes = MIN_OF(teller->done + more, teller->total),
                                .total_bytes = teller->total};
    observer_tell(teller->observer, &event);
}

/* A large object is a batch of its own, so that no thread waits for another's. */
static FALLIBLE check_batch(struct verification *verification, struct pool *pool,
                            struct batch *batch, struct verify_teller *teller)
{
    if (batch->len == 1 && !batch->objects->place && cas_leaf_count(batch->objects->size_bytes))
        return verify_large(verification, pool, batch->objects, teller);
    TRY(pool_run(pool, batch->run_count, check_run, batch, signal_stops));
    return signal_check();
}

/* How many objects from `from` on are read at once: neighbours in a pack, with what lies between
 * them. */
static size_t run_len(const struct object_vec *objects, size_t from)
{
    const struct cas_checked *first = &objects->at[from];
    size_t len = 1;
    while (first->place && from + len < objects->len && len < RUN_OBJECTS) {
        const struct cas_checked *next = &first[len];
        if (next->place >> CAS_PLACE_OFFSET_BITS != first->place >> CAS_PLACE_OFFSET_BITS ||
            (int64_t)(next->place - first->place) + next->size_bytes > RUN_BYTES)
            break;
        len++;
    }
    return len;
}

/* The objects from `from` on that make a batch: files, or runs in packs. */
static void batch_fill(struct batch *batch, const struct object_vec *objects, size_t from)
{
    bool is_packed = objects->at[from].place != 0;
    size_t most = is_packed ? BATCH_RUNS : BATCH_FILES;
    batch->objects = objects->at + from;
    batch->run_count = batch->len = 0;
    batch->bytes = 0;
    while (from + batch->len < objects->len && batch->run_count < most &&
           batch->bytes < BATCH_BYTES && (objects->at[from + batch->len].place != 0) == is_packed) {
        struct object_run run = {batch->len, run_len(objects, from + batch->len)};
        for (size_t i = 0; i < run.len; i++)
            batch->bytes += batch->objects[run.from + i].size_bytes;
        batch->runs[batch->run_count++] = run;
        batch->len += run.len;
    }
}

/* Those of a batch that are good need not be read again if we are interrupted. */
static FALLIBLE note_good(struct checked *checked, const struct batch *batch)
{
    struct digest good[BATCH_FILES];
    size_t count = 0;
    for (size_t i = 0; i < batch->len; i++) {
        if (batch->objects[i].health == CAS_GOOD)
            good[count++] = batch->objects[i].digest;
        if (count == COUNT_OF(good) || i + 1 == batch->len) {
            TRY(checked_add(checked, good, count));
            count = 0;
        }
    }
    return NULL;
}

/* Takes out what an interrupted verification has read. */
static void skip_checked(struct verification *verification, const struct checked *checked)
{
    struct object_vec *objects = &verification->objects;
    size_t kept = 0;
    vec_each (struct cas_checked, object, objects) {
        if (!checked_has(checked, object->digest)) {
            objects->at[kept++] = *object;
            continue;
        }
        verification->report->skipped_objects++;
        verification->report->skipped_bytes += object->size_bytes;
    }
    objects->len = kept;
}

static FALLIBLE check_objects(struct verification *verification, struct pool *pool,
                              struct checked *checked, const struct observer *observer)
{
    struct object_vec *objects = &verification->objects;
    struct verify_report *report = verification->report;
    struct batch batch = {.cas = verification->cas};
    skip_checked(verification, checked);
    struct verify_teller teller = {.observer = observer,
                                   .total = report->bytes - report->skipped_bytes};
    vec_sort(objects, compare_objects);
    cas_warm(verification->cas);
    for (size_t at = 0; at < objects->len; at += batch.len) {
        batch_fill(&batch, objects, at);
        TRY(check_batch(verification, pool, &batch, &teller));
        TRY(note_good(checked, &batch));
        verify_tell(&teller, batch.bytes);
        teller.done += batch.bytes;
    }
    return NULL;
}

FALLIBLE verify_objects(struct verification *verification, struct pool *pool,
                        const struct verify_wish *wish, const struct observer *observer)
{
    AUTO(checked_drop) struct checked checked = {0};
    const struct workspace *workspace = verification->workspace;
    int state_fd = workspace->is_read_only ? -1 : fd_number(workspace->home_fd);
    TRY(checked_open(state_fd, "verified", wish->afresh, &checked));
    TRY(cas_each(verification->cas, list_object, verification));
    TRY(check_objects(verification, pool, &checked, observer));
    return checked_finish(&checked);
}
