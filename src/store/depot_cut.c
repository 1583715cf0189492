/* A large file as chunks: cut in one thread, since each cut begins where the last one was, hashed
 * in all of them. */
#include "mlops/base/limits.h"
#include "mlops/codec/chunk.h"
#include "mlops/host/signal.h"

#include "depot_private.h"

enum { WINDOW_BYTES = 33554432 };

struct cutting {
    struct depot *depot;
    struct cas_source source;
    struct buf window;
    size_t window_len, from, first; /* bytes in the window; what is cut; its first chunk */
    struct manifest_chunk_vec chunks;
};

static void cutting_drop(struct cutting *cutting)
{
    cas_source_drop(&cutting->source);
    buf_drop(&cutting->window);
}

/* Moves what is not cut yet to the front and fills up behind it. */
static FALLIBLE fill_window(struct cutting *cutting, int64_t *at)
{
    char *window = buf_reserve(&cutting->window, WINDOW_BYTES);
    size_t rest = cutting->window_len - cutting->from;
    memmove(window, window + cutting->from, rest);
    int64_t len = MIN_OF(cutting->source.size_bytes - *at, (int64_t)(WINDOW_BYTES - rest));
    TRY(depot_read_exactly(fd_number(cutting->source.fd), window + rest, len,
                           cutting->source.offset + *at));
    *at += len;
    cutting->window_len = rest + (size_t)len;
    cutting->from = 0;
    return NULL;
}

static void cut_window(struct cutting *cutting, struct arena *arena, int64_t offset, bool is_end)
{
    struct str rest = {cutting->window.at, cutting->window_len};
    cutting->first = cutting->chunks.len;
    while (rest.len && (is_end || rest.len >= CHUNK_MOST_BYTES)) {
        size_t len = chunk_cut(rest, is_end);
        *vec_push(arena, &cutting->chunks) =
            (struct manifest_chunk){.offset = offset, .size_bytes = (int64_t)len};
        offset += (int64_t)len;
        cutting->from += len;
        rest = str_slice(rest, len, rest.len);
    }
}

static FALLIBLE hash_chunk(void *context, size_t i)
{
    struct cutting *cutting = context;
    const struct manifest_chunk *first = &cutting->chunks.at[cutting->first];
    struct manifest_chunk *chunk = &cutting->chunks.at[cutting->first + i];
    chunk->digest =
        digest_of(cutting->window.at + (chunk->offset - first->offset), (size_t)chunk->size_bytes);
    return NULL;
}

static FALLIBLE cut_all(struct cutting *cutting, struct arena *arena)
{
    int64_t at = 0;
    while (at < cutting->source.size_bytes) {
        int64_t offset = at - (int64_t)(cutting->window_len - cutting->from);
        TRY(signal_check());
        TRY(fill_window(cutting, &at));
        cut_window(cutting, arena, offset, at == cutting->source.size_bytes);
        TRY(pool_run(cutting->depot->pool, cutting->chunks.len - cutting->first, hash_chunk,
                     cutting, signal_stops));
    }
    return signal_check();
}

static void add_chunks(struct cutting *cutting, struct arena *arena, const struct depot_want *want,
                       struct map *known, struct parcel_vec *parcels)
{
    vec_each (const struct manifest_chunk, chunk, &cutting->chunks) {
        struct str key = {(const char *)chunk->digest.at, sizeof chunk->digest.at};
        bool is_there = depot_has(cutting->depot, chunk->digest);
        cutting->depot->counts.chunks_shared += is_there;
        if (is_there || map_get(known, key))
            continue;
        map_put(arena, known, key, cutting);
        *vec_push(arena, parcels) = (struct parcel){.digest = chunk->digest,
                                                    .source = want->digest,
                                                    .offset = chunk->offset,
                                                    .size_bytes = chunk->size_bytes};
    }
}

FALLIBLE depot_cut(struct depot *depot, struct arena *arena, const struct depot_want *want,
                   struct map *known, struct parcel_vec *parcels, bool *ret_found)
{
    AUTO(cutting_drop) struct cutting cutting = {.depot = depot};
    AUTO(buf_drop) struct buf bytes = {0};
    TRY(cas_open_for_reading(depot->cas, want->digest, &cutting.source, ret_found));
    if (!*ret_found)
        return NULL;
    if (cutting.source.size_bytes != want->size_bytes)
        return error_new(ERROR_STORED, "an object has %lld bytes, not the %lld that are recorded",
                         (long long)cutting.source.size_bytes, (long long)want->size_bytes);
    TRY(cut_all(&cutting, arena));
    add_chunks(&cutting, arena, want, known, parcels);
    manifest_encode(&cutting.chunks, want->size_bytes, &bytes);
    if ((int64_t)bytes.len > LIMIT_MANIFEST_BYTES)
        return error_new(ERROR_MACHINE, "a file of %lld bytes is too large for a remote",
                         (long long)want->size_bytes);
    *vec_push(&depot->memory, &depot->manifests) =
        (struct held_manifest){want->digest, str_copy(&depot->memory, buf_str(&bytes))};
    return NULL;
}
