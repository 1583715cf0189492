/* Small objects that were put and not yet published: first in memory; when that is full, in a file
 * that the flush makes a pack of. */
#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cas_private.h"

enum { ROWS_FIRST = 64 };

bool cas_is_small(const struct cas *cas, int64_t size_bytes)
{
    const struct config *config = &cas->workspace->config;
    return config->link != LINK_HARDLINK && config->pack_max > 0 && size_bytes <= config->pack_max;
}

void cas_smalls_drop(struct cas *cas)
{
    struct cas_smalls *smalls = &cas->smalls;
    for (size_t i = 0; i < smalls->packings.len; i++) {
        struct cas_packing *packing = smalls->packings.at[i];
        if (packing->name[0])
            unlinkat(fd_number(cas->temp.fd), packing->name, 0);
        fd_drop(&packing->fd);
    }
    for (size_t i = 0; i < smalls->chunks.len; i++)
        free(smalls->chunks.at[i]->at);
    for (size_t i = 0; i < smalls->buffers.len; i++)
        free(smalls->buffers.at[i]);
    free(smalls->rows);
    cas_table_drop(&smalls->by_digest);
    *smalls = (struct cas_smalls){0};
    cas->flushes++;
}

static struct cas_chunk *chunk_new(struct cas *cas)
{
    struct cas_smalls *smalls = &cas->smalls;
    struct cas_chunk *chunk = arena_new(&cas->pending_memory, struct cas_chunk);
    chunk->at = smalls->buffers.len ? smalls->buffers.at[--smalls->buffers.len]
                                    : memory_grow(NULL, CAS_CHUNK_BYTES);
    chunk->number = (uint32_t)smalls->chunks.len;
    *vec_push(&cas->pending_memory, &smalls->chunks) = chunk;
    return chunk;
}

/* What lies behind the chunk's end becomes its next object; false if there is one of that digest.
 */
static bool add_row(struct cas *cas, struct cas_chunk *chunk, size_t len, struct digest digest)
{
    struct cas_smalls *smalls = &cas->smalls;
    size_t count = smalls->by_digest.len;
    if (!cas_table_add(&smalls->by_digest, digest, (uint32_t)count))
        return false;
    if (count == smalls->row_cap) {
        smalls->row_cap = MAX_OF(2 * count, (size_t)ROWS_FIRST);
        smalls->rows = memory_grow(smalls->rows, smalls->row_cap * sizeof *smalls->rows);
    }
    smalls->rows[count] = (struct cas_small){chunk->number, (uint32_t)chunk->len, (uint32_t)len};
    chunk->len += len;
    return true;
}

FALLIBLE cas_small_put(struct cas *cas, struct str bytes, struct digest digest)
{
    struct cas_chunk *full = NULL;
    check(bytes.len <= CAS_CHUNK_BYTES);
    if (cas->workspace->is_read_only) /* better told now than by the flush */
        return error_os(EROFS, "cannot make a file in the store '%.*s'",
                        STR_FMT(cas->workspace->cache));
    {
        AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
        struct cas_smalls *smalls = &locked->smalls;
        uint32_t ignored;
        if (cas_table_find(&smalls->by_digest, digest, &ignored))
            return NULL;
        if (smalls->shared && smalls->shared->len + bytes.len > CAS_CHUNK_BYTES) {
            full = smalls->shared;
            smalls->shared = NULL;
        }
        if (!smalls->shared)
            smalls->shared = chunk_new(locked);
        if (bytes.len)
            memcpy(smalls->shared->at + smalls->shared->len, bytes.at, bytes.len);
        check(add_row(locked, smalls->shared, bytes.len, digest));
    }
    return full ? cas_chunk_give(cas, full) : NULL;
}

FALLIBLE cas_lane_room(struct cas *cas, struct cas_lane *lane, size_t bytes, char **ret)
{
    struct cas_chunk *chunk = lane->flush == cas->flushes ? lane->chunk : NULL;
    check(bytes <= CAS_CHUNK_BYTES);
    if (chunk && chunk->len + bytes > CAS_CHUNK_BYTES) {
        lane->chunk = NULL;
        TRY(cas_chunk_give(cas, chunk));
        chunk = NULL;
    }
    if (!chunk) {
        AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
        *lane = (struct cas_lane){chunk_new(locked), locked->flushes};
    }
    *ret = lane->chunk->at + lane->chunk->len;
    return NULL;
}

void cas_lane_keep(struct cas *cas, struct cas_lane *lane, size_t len, struct digest digest,
                   bool *ret_is_new)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    *ret_is_new = !cas_pending_find(locked, digest) && add_row(locked, lane->chunk, len, digest);
}

bool cas_small_is_pending(const struct cas *cas, struct digest digest)
{
    uint32_t ignored;
    return cas_table_find(&cas->smalls.by_digest, digest, &ignored);
}

FALLIBLE cas_small_get(struct cas *cas, struct digest digest, struct buf *to, bool *ret_found)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    struct cas_smalls *smalls = &locked->smalls;
    uint32_t at = 0;
    *ret_found = cas_table_find(&smalls->by_digest, digest, &at);
    if (!*ret_found)
        return NULL;
    const struct cas_small *small = &smalls->rows[at];
    const struct cas_chunk *chunk = smalls->chunks.at[small->chunk];
    if (chunk->at) {
        buf_add(to, chunk->at + small->at, small->len);
        return NULL;
    }
    ssize_t got = pread(fd_number(chunk->packing->fd), buf_reserve(to, (size_t)small->len + 1),
                        small->len, (off_t)(chunk->offset + small->at));
    if (got != (ssize_t)small->len)
        return error_os(got < 0 ? errno : EIO, "cannot read an object");
    to->len += small->len;
    to->at[to->len] = '\0';
    return NULL;
}
