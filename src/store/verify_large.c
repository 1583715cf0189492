/* One large object by several threads: docs/formats.md, "Leaf lists". */
#include "mlops/host/signal.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "verify_private.h"

enum { SLICE_LEAVES = 32 }; /* handed to the pool at a time: 256 MiB */

struct large {
    struct cas *cas;
    struct cas_checked *object;
    struct fd fd;
    const struct digest *known; /* NULL: they are made while the object is read whole */
    struct digest *found;
    size_t from; /* first leaf of the slice */
    atomic_bool is_other;
};

static void large_drop(struct large *large)
{
    fd_drop(&large->fd);
}

static FALLIBLE hash_leaf(struct large *large, size_t leaf)
{
    AUTO(buf_drop) struct buf buffer = {0};
    struct digest digest;
    bool is_whole = false;
    if (atomic_load(&large->is_other))
        return NULL;
    TRY(cas_hash_leaf(fd_number(large->fd), large->object->size_bytes, leaf,
                      buf_reserve(&buffer, CAS_LEAF_BUFFER_BYTES), &digest, &is_whole));
    if (!is_whole || (large->known && !digest_equal(large->known[leaf], digest)))
        atomic_store(&large->is_other, true);
    if (!large->known)
        large->found[leaf] = digest;
    return NULL;
}

static FALLIBLE check_leaf(void *context, size_t index)
{
    struct large *large = context;
    return hash_leaf(large, large->from + index);
}

/* A leaf that can't be read makes no list; whether the object is good is told by the first item. */
static FALLIBLE read_or_hash(void *context, size_t index)
{
    struct large *large = context;
    if (index == 0)
        return cas_verify(large->cas, large->object->digest, &large->object->health);
    struct error *error = hash_leaf(large, index - 1);
    if (error)
        atomic_store(&large->is_other, true);
    error_drop(error);
    return NULL;
}

static FALLIBLE check_known(struct large *large, struct pool *pool, struct verify_teller *teller)
{
    size_t count = cas_leaf_count(large->object->size_bytes);
    for (size_t len; large->from < count && !atomic_load(&large->is_other); large->from += len) {
        len = MIN_OF(count - large->from, (size_t)SLICE_LEAVES);
        TRY(pool_run(pool, len, check_leaf, large, signal_stops));
        TRY(signal_check());
        verify_tell(teller, (int64_t)(large->from + len) * CAS_LEAF_BYTES);
    }
    if (!atomic_load(&large->is_other)) {
        large->object->health = CAS_GOOD;
        return NULL;
    }
    cas_forget_leaves(large->cas, large->object->digest);
    return cas_verify(large->cas, large->object->digest, &large->object->health);
}

static FALLIBLE read_and_make(struct large *large, struct pool *pool)
{
    const struct cas_checked *object = large->object;
    TRY(pool_run(pool, 1 + cas_leaf_count(object->size_bytes), read_or_hash, large, signal_stops));
    TRY(signal_check());
    if (object->health != CAS_GOOD || atomic_load(&large->is_other))
        return NULL;
    error_drop(cas_set_leaves(large->cas, object->digest, object->size_bytes, large->found));
    return NULL;
}

FALLIBLE verify_large(struct verification *verification, struct pool *pool,
                      struct cas_checked *object, struct verify_teller *teller)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(large_drop) struct large large = {.cas = verification->cas, .object = object};
    struct file_stat stat = {0};
    bool is_there = false, has_leaves = false;
    TRY(cas_open_unchecked(large.cas, object->digest, &large.fd, &stat, &is_there));
    is_there = is_there && stat.size_bytes == object->size_bytes;
    if (is_there)
        TRY(cas_leaves(large.cas, &scratch, object->digest, object->size_bytes, &large.known,
                       &has_leaves));
    if (has_leaves)
        return check_known(&large, pool, teller);
    large.found = arena_alloc(&scratch, cas_leaf_count(object->size_bytes) * sizeof *large.found);
    if (is_there && !verification->workspace->is_read_only && pool_threads(pool) > 1)
        return read_and_make(&large, pool);
    return cas_verify(large.cas, object->digest, &object->health);
}
