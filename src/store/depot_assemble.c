/* A large file is put together in the cache's tmp/part/, where the next try finds what is there. It
 * is believed by its bytes alone: each chunk is hashed again, and the whole before it is named. */
#include "mlops/base/check.h"
#include "mlops/base/moment.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "depot_private.h"

enum { NAME_BYTES = 80 };

struct assembly {
    struct depot *depot;
    const struct depot_want *want;
    char name[NAME_BYTES]; /* below the cache */
    struct fd fd;
    struct lock lock; /* on the file itself: two processes that want it do not both write */
    struct manifest_chunk_vec chunks;
    const struct map *places; /* of chunks in other files of the store */
    bool *is_there;
};

static void assembly_drop(struct assembly *assembly)
{
    fd_drop(&assembly->fd);
    lock_drop(&assembly->lock);
}

static FALLIBLE reserve(struct assembly *assembly)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int fd = fd_number(assembly->fd);
    if (posix_fallocate(fd, 0, (off_t)assembly->want->size_bytes) == ENOSPC) {
        unlinkat(fd_number(assembly->depot->workspace->cache_fd), assembly->name, 0);
        return error_os(ENOSPC, "no room for an object of %.*s in the store '%.*s'",
                        STR_FMT(bytes_print(&scratch, assembly->want->size_bytes)),
                        STR_FMT(assembly->depot->workspace->cache));
    }
    if (ftruncate(fd, (off_t)assembly->want->size_bytes) != 0)
        return error_os(errno, "cannot make a temporary file of the store");
    return NULL;
}

/* *ret_is_old: something was there. */
static FALLIBLE open_part(struct assembly *assembly, bool *ret_is_old)
{
    char hex[DIGEST_HEX_LEN + 1];
    int cache = fd_number(assembly->depot->workspace->cache_fd);
    struct stat seen;
    bool taken = false;
    digest_print(assembly->want->digest, hex);
    snprintf(assembly->name, sizeof assembly->name, "tmp/part/%s", hex);
    TRY(directory_make(cache, "tmp/part", false));
    TRY(lock_take(cache, assembly->name, LOCK_EXCLUSIVE, -1, NULL, NULL, &assembly->lock, &taken));
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    assembly->fd = fd_of(openat(cache, assembly->name, flags, 0600));
    if (fd_number(assembly->fd) < 0 || fstat(fd_number(assembly->fd), &seen) != 0)
        return error_os(errno, "cannot make a temporary file of the store");
    *ret_is_old = seen.st_size > 0;
    return reserve(assembly);
}

/* --- what is there already --- */

static FALLIBLE examine_chunk(void *context, size_t i)
{
    AUTO(buf_drop) struct buf bytes = {0};
    struct assembly *assembly = context;
    const struct manifest_chunk *chunk = &assembly->chunks.at[i];
    char *at = buf_reserve(&bytes, (size_t)chunk->size_bytes);
    TRY(depot_read_exactly(fd_number(assembly->fd), at, chunk->size_bytes, chunk->offset));
    assembly->is_there[i] = digest_equal(digest_of(at, (size_t)chunk->size_bytes), chunk->digest);
    if (assembly->is_there[i])
        depot_tell(assembly->depot, chunk->size_bytes);
    return NULL;
}

/* --- what comes --- */

static FALLIBLE write_chunk(struct assembly *assembly, const struct manifest_chunk *chunk,
                            struct str bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t put = pwrite(fd_number(assembly->fd), bytes.at + done, bytes.len - done,
                             (off_t)(chunk->offset + (int64_t)done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return error_os(put < 0 ? errno : EIO, "cannot write an object to the store '%.*s'",
                            STR_FMT(assembly->depot->workspace->cache));
        done += (size_t)put;
    }
    depot_tell(assembly->depot, (int64_t)bytes.len);
    return NULL;
}

static FALLIBLE take_chunk(void *context, struct errand *errand, struct str bytes)
{
    struct assembly *assembly = context;
    return write_chunk(assembly, &assembly->chunks.at[errand->tag], bytes);
}

static FALLIBLE reuse_chunk(void *context, size_t i)
{
    AUTO(buf_drop) struct buf bytes = {0};
    struct assembly *assembly = context;
    const struct manifest_chunk *chunk = &assembly->chunks.at[i];
    bool is_found = false;
    if (assembly->is_there[i])
        return NULL;
    TRY(depot_read_reusable(assembly->depot, assembly->places, chunk, &bytes, &is_found));
    if (!is_found)
        return NULL;
    TRY(write_chunk(assembly, chunk, buf_str(&bytes)));
    assembly->is_there[i] = true;
    AUTO(depot_unlock) struct depot *locked = depot_lock(assembly->depot);
    locked->counts.chunks_shared++;
    return NULL;
}

static FALLIBLE fetch_chunks(struct assembly *assembly, struct arena *arena, bool *ret_all)
{
    struct errands errands = {.depot = assembly->depot, .take = take_chunk, .context = assembly};
    for (size_t i = 0; i < assembly->chunks.len; i++)
        if (!assembly->is_there[i])
            *vec_push(arena, &errands.list) =
                (struct errand){.digest = assembly->chunks.at[i].digest,
                                .raw_bytes = assembly->chunks.at[i].size_bytes,
                                .tag = (int64_t)i};
    TRY(depot_run_errands(&errands));
    *ret_all = true;
    vec_each (struct errand, errand, &errands.list)
        *ret_all = *ret_all && errand->is_done;
    return NULL;
}

/* Published under the lock: who waited for it finds the object. What does not become the file in
 * spite of good chunks never will: its manifest lies. */
static FALLIBLE take_whole(struct assembly *assembly, bool *ret_done)
{
    struct depot *depot = assembly->depot;
    char hex[DIGEST_HEX_LEN + 1];
    fd_drop(&assembly->fd);
    TRY(cas_put_assembled(depot->cas, fd_number(depot->workspace->cache_fd), assembly->name,
                          assembly->want->digest, ret_done));
    if (*ret_done)
        return cas_flush(depot->cas);
    unlinkat(fd_number(depot->workspace->cache_fd), assembly->name, 0);
    digest_print(assembly->want->digest, hex);
    depot_warn(depot, "remote '%.*s': the chunks of %.12s... do not make that file: not used",
               STR_FMT(depot->remote->name), hex);
    return NULL;
}

static FALLIBLE decode(struct assembly *assembly, struct arena *arena, struct str manifest,
                       bool *ret_good)
{
    struct error *error =
        manifest_decode(arena, manifest, assembly->want->size_bytes, &assembly->chunks);
    if (error && error->code != ERROR_STORED)
        return error;
    *ret_good = error == NULL;
    if (error)
        depot_warn(assembly->depot, "remote '%.*s': %s", STR_FMT(assembly->depot->remote->name),
                   error->text);
    error_drop(error);
    return NULL;
}

FALLIBLE depot_assemble(struct depot *depot, const struct depot_want *want, struct str manifest,
                        const struct map *places, bool *ret_done)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(assembly_drop)
    struct assembly assembly = {.depot = depot, .want = want, .places = places};
    bool is_good = false, is_old = false, has_all = false;
    *ret_done = false;
    TRY(decode(&assembly, &scratch, manifest, &is_good));
    if (!is_good)
        return NULL;
    TRY(open_part(&assembly, &is_old));
    TRY(cas_has(depot->cas, want->digest, ret_done)); /* another process was faster */
    if (*ret_done) {
        unlinkat(fd_number(depot->workspace->cache_fd), assembly.name, 0);
        return NULL;
    }
    assembly.is_there = arena_new_array(&scratch, bool, assembly.chunks.len + 1);
    if (is_old)
        TRY(pool_run(depot->pool, assembly.chunks.len, examine_chunk, &assembly, signal_stops));
    if (places->len)
        TRY(pool_run(depot->pool, assembly.chunks.len, reuse_chunk, &assembly, signal_stops));
    TRY(signal_check());
    TRY(fetch_chunks(&assembly, &scratch, &has_all));
    return has_all ? take_whole(&assembly, ret_done) : NULL;
}
