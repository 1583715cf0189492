/* What the store lacks comes out of packs; each group is made durable before the next is begun, so
 * that a kill loses little. */
#include "mlops/base/check.h"
#include "mlops/host/signal.h"

#include <stdlib.h>

#include "depot_private.h"

enum { GROUP_BYTES = 268435456, GROUP_COUNT = 65536 };

static FALLIBLE take_object(void *context, struct errand *errand, struct str bytes)
{
    struct depot *depot = context;
    struct digest digest;
    TRY(cas_put_bytes(depot->cas, bytes, &digest));
    check(digest_equal(digest, errand->digest));
    depot_tell(depot, (int64_t)bytes.len);
    return NULL;
}

/* Small ones: wants[i] for all i of `small`. */
static FALLIBLE fetch_small(struct depot *depot, struct arena *arena,
                            const struct depot_want_vec *wants, struct depot_want_vec *ret_missing)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct errands errands = {.depot = depot, .take = take_object, .context = depot};
    vec_each (const struct depot_want, want, wants)
        *vec_push(&scratch, &errands.list) =
            (struct errand){.digest = want->digest, .raw_bytes = want->size_bytes};
    TRY(depot_run_errands(&errands));
    TRY(cas_flush(depot->cas));
    for (size_t i = 0; i < wants->len; i++) {
        if (!errands.list.at[i].is_done)
            *vec_push(arena, ret_missing) = wants->at[i];
        depot->counts.objects += errands.list.at[i].is_done;
        depot->counts.bytes += errands.list.at[i].is_done ? wants->at[i].size_bytes : 0;
    }
    return NULL;
}

/* Of a large file first its manifest. */
struct manifests {
    pthread_mutex_t mutex;
    struct depot *depot;
    struct arena *arena;
    struct str *bytes;
};

bool depot_can_give_all(const struct depot *depot, const struct manifest_chunk_vec *chunks)
{
    vec_each (const struct manifest_chunk, chunk, chunks)
        if (!depot_can_give(depot, chunk->digest))
            return false;
    return true;
}

/* A damaged one mostly names chunks that are nowhere. */
static FALLIBLE take_manifest(void *context, struct errand *errand, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct manifests *manifests = context;
    struct manifest_chunk_vec chunks = {0};
    TRY(manifest_decode(&scratch, bytes, -1, &chunks));
    errand->is_done = depot_can_give_all(manifests->depot, &chunks);
    if (!errand->is_done)
        return NULL;
    check(pthread_mutex_lock(&manifests->mutex) == 0);
    manifests->bytes[errand->tag] = str_copy(manifests->arena, bytes);
    check(pthread_mutex_unlock(&manifests->mutex) == 0);
    return NULL;
}

static FALLIBLE fetch_manifests(struct depot *depot, struct arena *arena,
                                const struct depot_want_vec *wants, struct str **ret)
{
    struct manifests manifests = {.depot = depot,
                                  .arena = arena,
                                  .bytes = arena_new_array(arena, struct str, wants->len + 1)};
    struct errands errands = {.depot = depot, .take = take_manifest, .context = &manifests};
    for (size_t i = 0; i < wants->len; i++)
        *vec_push(arena, &errands.list) =
            (struct errand){.digest = wants->at[i].digest,
                            .raw_bytes = -1,
                            .most_bytes = manifest_bytes_most(wants->at[i].size_bytes),
                            .tag = (int64_t)i};
    check(pthread_mutex_init(&manifests.mutex, NULL) == 0);
    struct error *error = depot_run_errands(&errands);
    pthread_mutex_destroy(&manifests.mutex);
    *ret = manifests.bytes;
    return error;
}

static FALLIBLE fetch_large(struct depot *depot, struct arena *arena, struct reuse_file_vec *files,
                            const struct depot_want_vec *wants, struct depot_want_vec *ret_missing)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str *manifests = NULL;
    struct map places = {0};
    TRY(fetch_manifests(depot, &scratch, wants, &manifests));
    TRY(depot_find_chunks(depot, &scratch, files, wants, manifests, &places));
    for (size_t i = 0; i < wants->len; i++) {
        bool is_done = false;
        TRY(signal_check());
        if (manifests[i].len)
            TRY(depot_assemble(depot, &wants->at[i], manifests[i], &places, &is_done));
        if (!is_done)
            *vec_push(arena, ret_missing) = wants->at[i];
        depot->counts.objects += is_done;
        depot->counts.bytes += is_done ? wants->at[i].size_bytes : 0;
    }
    return NULL;
}

/* Those of wants[from..] that the store lacks, up to a group; returns where the next one begins. */
static FALLIBLE next_group(struct depot *depot, struct arena *arena, struct map *known,
                           const struct depot_want *wants, size_t count, size_t *from,
                           struct depot_want_vec *small, struct depot_want_vec *large)
{
    int64_t bytes = 0;
    for (; *from < count && bytes < GROUP_BYTES && small->len < GROUP_COUNT; (*from)++) {
        const struct depot_want *want = &wants[*from];
        struct str key = {(const char *)want->digest.at, sizeof want->digest.at};
        bool is_here = false;
        if (map_get(known, key))
            continue;
        map_put(arena, known, key, known);
        TRY(cas_has(depot->cas, want->digest, &is_here));
        if (is_here)
            continue;
        bool is_small = want->size_bytes <= PACK_BLOB_MOST;
        *vec_push(arena, is_small ? small : large) = *want;
        bytes += want->size_bytes;
    }
    depot_begin(depot, bytes);
    return signal_check();
}

struct error *depot_fetch(struct depot *depot, struct arena *arena, const struct depot_want *wants,
                          size_t count, struct depot_want_vec *ret_missing)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map known = {0};
    struct reuse_file_vec files = {0};
    bool is_listed = false;
    size_t from = 0;
    cas_warm(depot->cas);
    while (from < count) {
        struct depot_want_vec small = {0}, large = {0};
        TRY(next_group(depot, &scratch, &known, wants, count, &from, &small, &large));
        if (small.len)
            TRY(fetch_small(depot, arena, &small, ret_missing));
        if (large.len && !is_listed)
            TRY(depot_list_reusable(depot, &scratch, &files));
        is_listed = is_listed || large.len > 0;
        if (large.len)
            TRY(fetch_large(depot, arena, &files, &large, ret_missing));
    }
    return NULL;
}
