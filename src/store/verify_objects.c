/* Reading every object, in batches that a kill does not undo. */
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <stdlib.h>

#include "verify_private.h"

/* Objects handed to the pool at a time: progress is told and signals are answered in between. */
enum { BATCH_OBJECTS = 256 };
#define BATCH_BYTES (INT64_C(256) << 20)

static FALLIBLE list_object(void *context, struct digest digest, const struct file_stat *stat)
{
    struct verification *verification = context;
    *vec_push(verification->arena, &verification->objects) =
        (struct checked_object){digest, stat->size_bytes, CAS_GOOD};
    verification->report->objects++;
    verification->report->bytes += stat->size_bytes;
    return NULL;
}

static int compare_objects(const void *a, const void *b)
{
    const struct checked_object *left = a, *right = b;
    if (left->size_bytes != right->size_bytes)
        return left->size_bytes < right->size_bytes ? 1 : -1;
    return digest_compare(left->digest, right->digest);
}

struct batch {
    struct cas *cas;
    struct checked_object *objects;
};

static FALLIBLE check_object(void *context, size_t index)
{
    const struct batch *batch = context;
    struct checked_object *object = &batch->objects[index];
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
                            struct checked_object *objects, size_t len,
                            struct verify_teller *teller)
{
    struct batch batch = {verification->cas, objects};
    if (len == 1 && cas_leaf_count(objects->size_bytes))
        return verify_large(verification, pool, objects, teller);
    TRY(pool_run(pool, len, check_object, &batch, signal_stops));
    return signal_check();
}

/* Number of objects from `from` on that make a batch. */
static size_t batch_len(const struct object_vec *objects, size_t from, int64_t *ret_bytes)
{
    size_t len = 0;
    *ret_bytes = 0;
    while (from + len < objects->len && len < BATCH_OBJECTS && *ret_bytes < BATCH_BYTES)
        *ret_bytes += objects->at[from + len++].size_bytes;
    return len;
}

/* Those of a batch that are good need not be read again if we are interrupted. */
static FALLIBLE note_good(struct checked *checked, const struct checked_object *objects, size_t len)
{
    struct digest good[BATCH_OBJECTS];
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        if (objects[i].health == CAS_GOOD)
            good[count++] = objects[i].digest;
    return checked_add(checked, good, count);
}

/* Takes out what an interrupted verification has read. */
static void skip_checked(struct verification *verification, const struct checked *checked)
{
    struct object_vec *objects = &verification->objects;
    size_t kept = 0;
    vec_each (struct checked_object, object, objects) {
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
    int64_t bytes = 0;
    skip_checked(verification, checked);
    struct verify_teller teller = {.observer = observer,
                                   .total = report->bytes - report->skipped_bytes};
    vec_sort(objects, compare_objects);
    cas_warm(verification->cas);
    for (size_t at = 0, len; at < objects->len; at += len) {
        len = batch_len(objects, at, &bytes);
        TRY(check_batch(verification, pool, objects->at + at, len, &teller));
        TRY(note_good(checked, objects->at + at, len));
        verify_tell(&teller, bytes);
        teller.done += bytes;
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
