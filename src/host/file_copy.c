#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1 MiB: bigger buffers fall out of the processor's caches. copy_file_range goes in steps, so that
 * a signal is answered between them. */
enum { COPY_BUFFER_BYTES = 1048576, COPY_STEP_BYTES = 16777216 };

/* One span being copied between the same offsets of two files. */
struct span {
    int from_fd, to_fd;
    int64_t at, end;
    const char *name;
    struct error *(*stop)(void);
};

static FALLIBLE ask_stop(const struct span *span)
{
    return span->stop ? span->stop() : NULL;
}

/* Lets the kernel copy as far as it will; what it leaves is for copy_by_hand. */
static FALLIBLE copy_in_kernel(struct span *span)
{
    while (span->at < span->end) {
        off_t from = span->at, to = span->at;
        TRY(ask_stop(span));
        size_t step = (size_t)MIN_OF(span->end - span->at, (int64_t)COPY_STEP_BYTES);
        ssize_t copied = copy_file_range(span->from_fd, &from, span->to_fd, &to, step, 0);
        if (copied < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
            return error_os(errno, "cannot write '%s'", span->name);
        if (copied <= 0)
            return NULL; /* not between these two files, or the end: reading will tell */
        span->at += copied;
    }
    return NULL;
}

static FALLIBLE write_at(struct span *span, const char *bytes, size_t len)
{
    while (len) {
        ssize_t written = pwrite(span->to_fd, bytes, len, span->at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_os(written < 0 ? errno : EIO, "cannot write '%s'", span->name);
        bytes += written;
        len -= (size_t)written;
        span->at += written;
    }
    return NULL;
}

static FALLIBLE copy_by_hand(struct span *span)
{
    AUTO(buf_drop) struct buf buffer = {0};
    char *bytes = buf_reserve(&buffer, COPY_BUFFER_BYTES);
    while (span->at < span->end) {
        size_t step = (size_t)MIN_OF(span->end - span->at, (int64_t)COPY_BUFFER_BYTES);
        TRY(ask_stop(span));
        ssize_t got = pread(span->from_fd, bytes, step, span->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read '%s'", span->name);
        if (got == 0)
            return error_new(ERROR_MACHINE, "'%s' became shorter while it was copied", span->name);
        TRY(write_at(span, bytes, (size_t)got));
    }
    return NULL;
}

/* Copies what is data and skips holes, so that a sparse file stays one. */
static FALLIBLE copy_spans(int from_fd, int to_fd, int64_t size, const char *name,
                           FALLIBLE (*stop)(void))
{
    int64_t at = 0;
    while (at < size) {
        int64_t data = lseek(from_fd, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break; /* only a hole is left */
        data = data < 0 ? at : data;
        int64_t end = lseek(from_fd, data, SEEK_HOLE);
        struct span span = {from_fd, to_fd, data, end < 0 ? size : MIN_OF(end, size), name, stop};
        TRY(copy_in_kernel(&span));
        if (span.at < span.end)
            TRY(copy_by_hand(&span));
        at = span.end;
    }
    if (ftruncate(to_fd, size) != 0)
        return error_os(errno, "cannot write '%s'", name);
    return NULL;
}

struct error *file_copy(int from_fd, int to_fd, const char *name, struct error *(*stop)(void),
                        enum copy_method *ret_method)
{
    struct stat before, after;
    if (ioctl(to_fd, FICLONE, from_fd) == 0) {
        *ret_method = COPY_REFLINK;
        return NULL;
    }
    if (fstat(from_fd, &before) != 0)
        return error_os(errno, "cannot look at '%s'", name);
    TRY(copy_spans(from_fd, to_fd, before.st_size, name, stop));
    /* Cut short while a hole was skipped: what was copied is no longer what is there. */
    if (fstat(from_fd, &after) != 0)
        return error_os(errno, "cannot look at '%s'", name);
    if (after.st_size < before.st_size)
        return error_new(ERROR_MACHINE, "'%s' became shorter while it was copied", name);
    *ret_method = COPY_BYTES;
    return NULL;
}
