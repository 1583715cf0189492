#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cas_private.h"

enum {
    WRITEBACK_BYTES = 8388608,
    MOMENT_MS = 30, /* no kernel's clock ticks slower */
};

static const int64_t YOUNG_NS = 1 * NS_PER_S; /* no write is held up for longer */

bool cas_stat_equal(const struct file_stat *a, const struct file_stat *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->mode == b->mode;
}

static bool is_zero(const char *at, size_t len)
{
    return len && at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

/* What is all zero is skipped, so that a sparse file stays one. */
static FALLIBLE write_block(const struct cas_reading *reading, size_t len, int64_t at)
{
    if (reading->sink_fd < 0)
        return NULL;
    if (len == CAS_BUFFER_BYTES && is_zero(reading->buffer, len)) {
        if (lseek(reading->sink_fd, (off_t)len, SEEK_CUR) < 0)
            return error_os(errno, "cannot write '%s'", reading->name);
        return NULL;
    }
    TRY(file_write(reading->sink_fd, reading->buffer, len, reading->name));
    int64_t end = at + (int64_t)len;
    if (reading->is_sink_synced && end % WRITEBACK_BYTES == 0)
        sync_file_range(reading->sink_fd, end - WRITEBACK_BYTES, WRITEBACK_BYTES,
                        SYNC_FILE_RANGE_WRITE);
    return NULL;
}

static FALLIBLE read_block(const struct cas_reading *reading, int64_t at, size_t *ret_len)
{
    size_t len = 0;
    while (len < CAS_BUFFER_BYTES) {
        ssize_t got = pread(reading->fd, reading->buffer + len, CAS_BUFFER_BYTES - len,
                            (off_t)at + (off_t)len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read '%s'", reading->name);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *ret_len = len;
    return NULL;
}

FALLIBLE cas_read(const struct cas_reading *reading, struct digest *ret, int64_t *ret_bytes)
{
    AUTO(hasher_drop) struct hasher hasher = {0};
    int64_t at = 0;
    size_t len = CAS_BUFFER_BYTES;
    bool is_heard = reading->progress && reading->progress->listen;
    hasher_open(&hasher);
    if (is_heard)
        reading->progress->listen(reading->progress->context, NULL, 0);
    while (len == CAS_BUFFER_BYTES) {
        TRY(signal_check());
        TRY(read_block(reading, at, &len));
        hasher_add(&hasher, reading->buffer, len);
        if (is_heard && len)
            reading->progress->listen(reading->progress->context, reading->buffer, len);
        TRY(write_block(reading, len, at));
        at += (int64_t)len;
        if (reading->progress && reading->progress->tell)
            reading->progress->tell(reading->progress->context, (int64_t)len);
    }
    if (reading->sink_fd >= 0 && ftruncate(reading->sink_fd, at) != 0)
        return error_os(errno, "cannot write '%s'", reading->name);
    *ret = hasher_finish(&hasher);
    *ret_bytes = at;
    return NULL;
}

/* A write sets the times as it begins, and may be held up then. Times of what is far ahead of our
 * clock are those of another one. */
bool cas_is_unsettled(int fd, const struct file_stat *seen)
{
    int64_t age_ns = clock_stamp_ns() - MAX_OF(seen->mtime_ns, seen->ctime_ns);
    if (age_ns <= 0)
        return age_ns > -MOMENT_MS * NS_PER_MS;
    return age_ns < YOUNG_NS && file_has_writer(fd);
}

FALLIBLE cas_source_open(int at_fd, const char *path, const struct cas_progress *progress,
                         struct fd *ret, struct file_stat *ret_seen)
{
    const struct timespec pause = {.tv_nsec = NS_PER_MS};
    TRY(progress && progress->is_straight ? file_open_straight(at_fd, path, ret, ret_seen)
                                          : file_open_seen(at_fd, path, ret, ret_seen));
    for (int waited = 0; waited < MOMENT_MS && cas_is_unsettled(fd_number(*ret), ret_seen);
         waited++)
        nanosleep(&pause, NULL);
    return NULL;
}

static FALLIBLE read_once(int at_fd, const char *path, char *buffer,
                          const struct cas_progress *progress, struct cas_put *ret, bool *ret_same)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat before;
    int64_t bytes = 0;
    TRY(cas_source_open(at_fd, path, progress, &fd, &before));
    struct cas_reading reading = {
        .fd = fd_number(fd), .name = path, .buffer = buffer, .sink_fd = -1, .progress = progress};
    TRY(cas_read(&reading, &ret->digest, &bytes));
    TRY(file_stat_fd(fd_number(fd), &ret->stat));
    *ret_same = cas_stat_equal(&before, &ret->stat) && bytes == before.size_bytes;
    return NULL;
}

struct error *cas_read_file(int at_fd, const char *path, char *buffer,
                            const struct cas_progress *progress, struct cas_put *ret)
{
    struct cas_put seen = {0};
    for (int tries = 0; tries < CAS_TRIES; tries++) {
        bool is_same = false;
        TRY(read_once(at_fd, path, buffer, progress, &seen, &is_same));
        if (is_same) {
            *ret = seen;
            return NULL;
        }
    }
    return error_hint(error_new(ERROR_MACHINE, "'%s' keeps changing while it is read", path),
                      "end the program that writes to it");
}
