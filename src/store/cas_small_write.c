/* Small objects on their way into the file that becomes a pack. */
#include "mlops/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cas_private.h"

enum {
    /* Two threads that write to one file wait for each other in the kernel, so one writes what all
     * have filled. Where it falls behind, others help it rather than take more memory. */
    WAITING_MOST = 8,
};

/* Gives the chunk a place behind all others. */
static void place(struct cas *cas, struct cas_chunk *chunk)
{
    struct cas_smalls *smalls = &cas->smalls;
    struct cas_packing *packing =
        smalls->packings.len ? smalls->packings.at[smalls->packings.len - 1] : NULL;
    if (!packing || packing->bytes + (int64_t)chunk->len > CAS_PACK_BYTES) {
        packing = arena_new(&cas->pending_memory, struct cas_packing);
        packing->bytes = PACK_HEAD_BYTES;
        *vec_push(&cas->pending_memory, &smalls->packings) = packing;
    }
    chunk->packing = packing;
    chunk->offset = packing->bytes;
    packing->bytes += (int64_t)chunk->len;
}

static FALLIBLE packing_open(struct cas *cas, struct cas_packing *packing)
{
    if (packing->fd.number_plus_one)
        return NULL;
    TRY(cas_temp_name(cas, packing->name));
    int flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC;
    int number = openat(fd_number(cas->temp.fd), packing->name, flags, 0600);
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

/* A part of a packing that the disk may begin with. */
struct span {
    int fd;
    int64_t from, bytes;
};

/* What others have put is in the chunk, too: if it can't be written, all is lost. */
static struct span finish(struct cas *cas, struct cas_chunk *chunk, bool is_lost)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    struct cas_packing *packing = chunk->packing;
    struct span span = {fd_number(packing->fd), packing->begun, 0};
    int64_t end = chunk->offset + (int64_t)chunk->len;
    locked->has_lost = locked->has_lost || is_lost;
    if (is_lost)
        return span;
    *vec_push(&locked->pending_memory, &locked->smalls.buffers) = chunk->at;
    chunk->at = NULL;
    if (locked->is_durable && end - packing->begun >= CAS_WRITEBACK_BYTES) {
        span.bytes = end - packing->begun;
        packing->begun = end;
    }
    return span;
}

/* The disk begins with what has been written while the rest is being read. */
FALLIBLE cas_chunk_write(struct cas *cas, struct cas_chunk *chunk)
{
    struct error *error = NULL;
    {
        AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
        place(locked, chunk);
        error = packing_open(locked, chunk->packing);
    }
    if (!error)
        error = write_at(fd_number(chunk->packing->fd), chunk->at, chunk->len, chunk->offset);
    struct span span = finish(cas, chunk, error != NULL);
    if (span.bytes)
        sync_file_range(span.fd, span.from, span.bytes, SYNC_FILE_RANGE_WRITE);
    return error;
}

/* The next to be written by this thread, or NULL: then it is none of the writers any more. */
static struct cas_chunk *take_full(struct cas *cas)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    struct cas_chunk_vec *full = &locked->smalls.full;
    if (full->len)
        return full->at[--full->len];
    locked->smalls.writers--;
    return NULL;
}

static bool leave_it(struct cas *cas, struct cas_chunk *chunk)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    struct cas_smalls *smalls = &locked->smalls;
    *vec_push(&locked->pending_memory, &smalls->full) = chunk;
    if (smalls->writers && smalls->full.len <= WAITING_MOST)
        return true;
    smalls->writers++;
    return false;
}

/* After an error the rest is left: nothing of it is ever published. */
FALLIBLE cas_chunk_give(struct cas *cas, struct cas_chunk *full)
{
    if (leave_it(cas, full))
        return NULL;
    for (struct cas_chunk *chunk; (chunk = take_full(cas));)
        TRY(cas_chunk_write(cas, chunk));
    return NULL;
}
