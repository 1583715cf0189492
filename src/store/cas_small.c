/* Small objects that were put and not yet published: first in memory; when that is full, in a file
 * that the flush makes a pack of. */
#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cas_private.h"

enum { WRITEBACK_BYTES = 8388608 };

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
    cas_table_drop(&smalls->by_digest);
    *smalls = (struct cas_smalls){0};
}

static struct cas_packing *packing_of(struct cas *cas, size_t len)
{
    struct cas_smalls *smalls = &cas->smalls;
    struct cas_packing *last =
        smalls->packings.len ? smalls->packings.at[smalls->packings.len - 1] : NULL;
    if (last && last->bytes + (int64_t)len <= CAS_PACK_BYTES)
        return last;
    struct cas_packing *packing = arena_new(&cas->pending_memory, struct cas_packing);
    packing->bytes = PACK_HEAD_BYTES;
    *vec_push(&cas->pending_memory, &smalls->packings) = packing;
    return packing;
}

/* The chunk that the next bytes go to. A written one is used again; what is being written by
 * another thread is not. */
static struct cas_chunk *chunk_new(struct cas *cas, struct cas_packing *packing)
{
    struct cas_smalls *smalls = &cas->smalls;
    struct cas_chunk *chunk = NULL;
    for (size_t i = 0; i < smalls->chunks.len && !chunk; i++)
        if (smalls->chunks.at[i]->is_written)
            chunk = smalls->chunks.at[i];
    if (!chunk) {
        chunk = arena_new(&cas->pending_memory, struct cas_chunk);
        chunk->at = memory_grow(NULL, CAS_CHUNK_BYTES);
        *vec_push(&cas->pending_memory, &smalls->chunks) = chunk;
    }
    *chunk = (struct cas_chunk){.packing = packing, .offset = packing->bytes, .at = chunk->at};
    smalls->current = chunk;
    return chunk;
}

/* Gives the bytes a place; *ret_full is a chunk that nothing more goes to, to be written. */
static void place(struct cas *cas, struct str bytes, struct digest digest,
                  struct cas_chunk **ret_full)
{
    struct cas_smalls *smalls = &cas->smalls;
    struct cas_packing *packing = packing_of(cas, bytes.len);
    struct cas_chunk *chunk = smalls->current;
    if (chunk && (chunk->packing != packing || chunk->len + bytes.len > CAS_CHUNK_BYTES)) {
        *ret_full = chunk;
        chunk = NULL;
    }
    if (!chunk)
        chunk = chunk_new(cas, packing);
    if (bytes.len)
        memcpy(chunk->at + chunk->len, bytes.at, bytes.len);
    chunk->len += bytes.len;
    cas_table_add(&smalls->by_digest, digest, (uint32_t)smalls->rows.len);
    *vec_push(&cas->pending_memory, &smalls->rows) =
        (struct cas_small){digest, packing, packing->bytes, (uint32_t)bytes.len};
    packing->bytes += (int64_t)bytes.len;
}

static FALLIBLE packing_open(struct cas *cas, struct cas_packing *packing)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    if (packing->fd.number_plus_one)
        return NULL;
    TRY(cas_temp_name(locked, packing->name));
    int flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC;
    int number = openat(fd_number(locked->temp.fd), packing->name, flags, 0600);
    if (number < 0) {
        int code = errno;
        packing->name[0] = '\0';
        return error_os(code, "cannot make a file in the store '%.*s'",
                        STR_FMT(cas->workspace->cache));
    }
    packing->fd = fd_of(number);
    return NULL;
}

static FALLIBLE write_at(int fd, const char *at, size_t len, int64_t offset)
{
    while (len) {
        ssize_t done = pwrite(fd, at, len, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_os(errno, "cannot write a pack");
        at += done;
        len -= (size_t)done;
        offset += done;
    }
    return NULL;
}

/* The disk begins with what has been written while the rest is being read. */
static void begin_writeback(struct cas *cas, struct cas_packing *packing, int64_t end)
{
    int64_t from = packing->begun;
    if (!cas->is_durable || end - from < WRITEBACK_BYTES)
        return;
    packing->begun = end;
    sync_file_range(fd_number(packing->fd), from, end - from, SYNC_FILE_RANGE_WRITE);
}

FALLIBLE cas_chunk_write(struct cas *cas, struct cas_chunk *chunk)
{
    struct cas_packing *packing = chunk->packing;
    int64_t end = chunk->offset + (int64_t)chunk->len;
    struct error *error = packing_open(cas, packing);
    if (!error)
        error = write_at(fd_number(packing->fd), chunk->at, chunk->len, chunk->offset);
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    locked->has_lost = locked->has_lost || error != NULL; /* what others have put is in it, too */
    chunk->is_written = error == NULL;
    if (!error)
        begin_writeback(locked, packing, end);
    return error;
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
        uint32_t ignored;
        if (!cas_table_find(&locked->smalls.by_digest, digest, &ignored))
            place(locked, bytes, digest, &full);
    }
    return full ? cas_chunk_write(cas, full) : NULL;
}

bool cas_small_is_pending(const struct cas *cas, struct digest digest)
{
    uint32_t ignored;
    return cas_table_find(&cas->smalls.by_digest, digest, &ignored);
}

static const struct cas_chunk *chunk_of(const struct cas_smalls *smalls,
                                        const struct cas_small *small)
{
    for (size_t i = 0; i < smalls->chunks.len; i++) {
        const struct cas_chunk *chunk = smalls->chunks.at[i];
        if (!chunk->is_written && chunk->packing == small->packing &&
            small->offset >= chunk->offset &&
            small->offset + small->len <= chunk->offset + (int64_t)chunk->len)
            return chunk;
    }
    return NULL;
}

FALLIBLE cas_small_get(struct cas *cas, struct digest digest, struct buf *to, bool *ret_found)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    struct cas_smalls *smalls = &locked->smalls;
    uint32_t at = 0;
    *ret_found = cas_table_find(&smalls->by_digest, digest, &at);
    if (!*ret_found)
        return NULL;
    const struct cas_small *small = &smalls->rows.at[at];
    const struct cas_chunk *chunk = chunk_of(smalls, small);
    if (chunk) {
        buf_add(to, chunk->at + (small->offset - chunk->offset), small->len);
        return NULL;
    }
    ssize_t got = pread(fd_number(small->packing->fd), buf_reserve(to, small->len + 1), small->len,
                        (off_t)small->offset);
    if (got != (ssize_t)small->len)
        return error_os(got < 0 ? errno : EIO, "cannot read an object");
    to->len += small->len;
    to->at[to->len] = '\0';
    return NULL;
}
