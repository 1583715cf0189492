#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/moment.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cas_private.h"

FALLIBLE cas_begin_put(struct cas *cas)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    if (locked->cache_fd < 0)
        return error_hint(error_new(ERROR_MACHINE, "this project has no store yet"),
                          "run 'mlops init'");
    if (locked->is_putting)
        return NULL;
    TRY(cas_hold_locked(locked));
    locked->is_putting = true;
    return cas_see_shards(locked);
}

static FALLIBLE put_memory(struct cas *cas, struct str bytes, struct digest digest,
                           bool is_packable, bool *ret_is_new)
{
    AUTO(cas_temp_drop) struct cas_temp temp = {0};
    bool is_known = false;
    TRY(cas_is_known(cas, digest, &is_known));
    *ret_is_new = !is_known;
    if (is_known)
        return NULL;
    if (is_packable)
        return cas_small_put(cas, bytes, digest);
    TRY(cas_temp_open(cas, &temp));
    TRY(file_write(fd_number(temp.fd), bytes.at, bytes.len, "an object"));
    return cas_temp_keep(&temp, digest, (int64_t)bytes.len);
}

FALLIBLE cas_within_store(struct cas *cas, struct error *error, const char *name, int64_t bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    if (!error)
        return NULL;
    struct str size = bytes_print(&scratch, bytes);
    return error_within(error, "cannot store '%s' (%.*s) in '%.*s'", name, STR_FMT(size),
                        STR_FMT(cas->workspace->cache));
}

/* What is no file of the user's is never linked to, so what it lies in matters to nobody. */
static bool is_packable(const struct cas *cas, size_t len)
{
    return cas_is_small(cas, 0) && len <= CAS_CHUNK_BYTES;
}

struct error *cas_put_bytes(struct cas *cas, struct str bytes, struct digest *ret)
{
    bool is_new = false;
    struct digest digest = digest_of(bytes.at, bytes.len);
    TRY(cas_begin_put(cas));
    TRY(cas_within_store(cas, put_memory(cas, bytes, digest, is_packable(cas, bytes.len), &is_new),
                         "an object", (int64_t)bytes.len));
    *ret = digest;
    return NULL;
}

/* The file being put. */
struct source {
    struct cas *cas;
    const char *path;
    struct fd fd;
    struct file_stat before;
    char *buffer;
    const struct cas_progress *progress;
};

static void source_drop(struct source *source)
{
    fd_drop(&source->fd);
}

/* Whether the file was read as it is: it did not change, and has as many bytes as its size says,
 * which not every file system knows. */
static bool is_whole(const struct source *source, const struct cas_put *put, int64_t bytes)
{
    return bytes == source->before.size_bytes && cas_stat_equal(&source->before, &put->stat);
}

/* A file that fits the buffer is hashed before anything is written. Beyond the size that it had
 * nothing is looked for: one that grew has another size and time afterwards. */
static FALLIBLE put_small(struct source *source, struct cas_put *put, bool *ret_same)
{
    size_t len = 0;
    while ((int64_t)len < source->before.size_bytes) {
        ssize_t got =
            pread(fd_number(source->fd), source->buffer + len, CAS_BUFFER_BYTES - len, (off_t)len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read '%s'", source->path);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    TRY(file_stat_fd(fd_number(source->fd), &put->stat));
    put->digest = digest_of(source->buffer, len);
    *ret_same = is_whole(source, put, (int64_t)len);
    if (!*ret_same)
        return NULL;
    if (source->progress && source->progress->tell)
        source->progress->tell(source->progress->context, (int64_t)len);
    struct str bytes = {source->buffer, len};
    return cas_within_store(source->cas,
                            put_memory(source->cas, bytes, put->digest,
                                       cas_is_small(source->cas, (int64_t)len), &put->is_new),
                            source->path, source->before.size_bytes);
}

FALLIBLE cas_put_seen(struct cas *cas, struct cas_lane *lane, int at_fd, const char *path,
                      const struct file_stat *seen, struct cas_put *ret, bool *ret_done)
{
    char *room = NULL;
    bool is_stored = false;
    *ret_done = false;
    if (!cas_is_small(cas, seen->size_bytes) || seen->size_bytes > CAS_CHUNK_BYTES ||
        cas->workspace->is_read_only)
        return NULL;
    AUTO(fd_drop) struct fd fd = cas_seen_open(at_fd, path, seen, cas->watch_ns);
    if (fd_number(fd) < 0)
        return NULL;
    TRY(cas_lane_room(cas, lane, (size_t)seen->size_bytes, &room));
    *ret = (struct cas_put){0};
    TRY(cas_seen_read(fd_number(fd), seen, room, ret, ret_done));
    if (!*ret_done)
        return NULL;
    TRY(cas_is_stored(cas, ret->digest, &is_stored));
    if (!is_stored)
        cas_lane_keep(cas, lane, (size_t)seen->size_bytes, ret->digest, &ret->is_new);
    return NULL;
}

bool cas_clones(struct cas *cas)
{
    return cas->workspace->config.link != LINK_COPY &&
           !__atomic_load_n(&cas->has_no_reflink, __ATOMIC_RELAXED);
}

static bool clone_file(struct source *source, const struct cas_temp *temp)
{
    struct cas *cas = source->cas;
    if (!cas_clones(cas))
        return false;
    if (ioctl(fd_number(temp->fd), FICLONE, fd_number(source->fd)) == 0)
        return true;
    if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL || errno == ENOSYS)
        __atomic_store_n(&cas->has_no_reflink, true, __ATOMIC_RELAXED);
    return false;
}

/* Better told before than after copying for minutes. */
static FALLIBLE check_space(const struct source *source)
{
    struct statvfs disk;
    struct stat seen;
    if (fstatvfs(source->cas->cache_fd, &disk) != 0 || disk.f_blocks == 0 ||
        fstat(fd_number(source->fd), &seen) != 0)
        return NULL;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t needed = (uint64_t)MIN_OF((int64_t)seen.st_blocks * 512, source->before.size_bytes);
    if (free_bytes >= needed)
        return NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct str text = bytes_print(&scratch, (int64_t)free_bytes);
    return error_os(ENOSPC, "only %.*s are free", STR_FMT(text));
}

/* What `fd` holds, written to `sink_fd` if that is none of -1. */
static FALLIBLE read_large(struct source *source, int fd, int sink_fd, struct cas_put *put,
                           int64_t *ret_bytes)
{
    struct cas_reading reading = {.fd = fd,
                                  .name = source->path,
                                  .buffer = source->buffer,
                                  .sink_fd = sink_fd,
                                  .is_sink_synced = source->cas->is_durable,
                                  .cas = source->cas,
                                  .size_bytes = source->before.size_bytes,
                                  .progress = source->progress};
    return cas_read(&reading, &put->digest, ret_bytes);
}

/* A clone shares the disk, but no memory: it would be read from the disk though the file that it
 * was made of has just been written. So that file is read, and is what the clone is if both still
 * are one on the disk; else the clone itself has to be read. */
static FALLIBLE fill_temp(struct source *source, struct cas_temp *temp, struct cas_put *put,
                          int64_t *ret_bytes)
{
    int fd = fd_number(source->fd), temp_fd = fd_number(temp->fd);
    if (!clone_file(source, temp)) {
        TRY(check_space(source));
        return read_large(source, fd, temp_fd, put, ret_bytes);
    }
    TRY(read_large(source, fd, -1, put, ret_bytes));
    return file_is_clone(fd, temp_fd) ? NULL : read_large(source, temp_fd, -1, put, ret_bytes);
}

static FALLIBLE put_large(struct source *source, struct cas_put *put, bool *ret_same)
{
    AUTO(cas_temp_drop) struct cas_temp temp = {0};
    struct cas *cas = source->cas;
    int64_t bytes = 0;
    bool is_known = false;
    TRY(cas_temp_open(cas, &temp));
    TRY(cas_within_store(cas, fill_temp(source, &temp, put, &bytes), source->path,
                         source->before.size_bytes));
    TRY(file_stat_fd(fd_number(source->fd), &put->stat));
    *ret_same = is_whole(source, put, bytes);
    if (!*ret_same)
        return NULL;
    TRY(cas_is_known(cas, put->digest, &is_known));
    put->is_new = !is_known;
    return is_known ? NULL : cas_temp_keep(&temp, put->digest, bytes);
}

static FALLIBLE put_once(struct cas *cas, int at_fd, const char *path, char *buffer,
                         const struct cas_progress *progress, struct cas_put *put, bool *ret_same)
{
    AUTO(source_drop)
    struct source source = {.cas = cas, .path = path, .buffer = buffer, .progress = progress};
    *put = (struct cas_put){0};
    TRY(cas_source_open(at_fd, path, progress, cas->watch_ns, &source.fd, &source.before,
                        &put->is_held));
    return source.before.size_bytes < CAS_BUFFER_BYTES ? put_small(&source, put, ret_same)
                                                       : put_large(&source, put, ret_same);
}

struct error *cas_put_file(struct cas *cas, int at_fd, const char *path,
                           const struct cas_progress *progress, struct cas_put *ret)
{
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(cas);
    struct cas_put put;
    TRY(cas_begin_put(cas));
    for (int tries = 0; tries < CAS_TRIES; tries++) {
        bool is_same = false;
        TRY(put_once(cas, at_fd, path, buffer.at, progress, &put, &is_same));
        if (is_same) {
            *ret = put;
            return NULL;
        }
    }
    return error_hint(error_new(ERROR_MACHINE, "'%s' keeps changing while it is stored", path),
                      "end the program that writes to it");
}
