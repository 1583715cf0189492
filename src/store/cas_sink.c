#include "mlops/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cas_private.h"

/* Of a file that is left behind so much stays in memory, however large it is: what the disk is
 * writing, so that nobody waits for it while it keeps pace. */
enum { BEHIND_BYTES = 8 * CAS_WRITEBACK_BYTES };

static bool is_zero(const char *at, size_t len)
{
    return len && at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

/* Waiting takes note of what the disk could not write, so that the sync at the end would not tell
 * it: it has to be told here. A sandbox or file system that does not know the call changes nothing.
 */
static FALLIBLE leave_behind(const struct cas_sink *sink, int64_t from)
{
    unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (sync_file_range(sink->fd, from, CAS_WRITEBACK_BYTES, all) != 0) {
        bool is_unknown = errno == ENOSYS || errno == EPERM || errno == EINVAL;
        return is_unknown ? NULL : error_os(errno, "cannot write '%s'", sink->name);
    }
    posix_fadvise(sink->fd, from, CAS_WRITEBACK_BYTES, POSIX_FADV_DONTNEED);
    return NULL;
}

/* Begun early, so that the sync at the end finds little left to do. */
static FALLIBLE write_back(const struct cas_sink *sink)
{
    if (!sink->is_synced || sink->at % CAS_WRITEBACK_BYTES != 0)
        return NULL;
    sync_file_range(sink->fd, sink->at - CAS_WRITEBACK_BYTES, CAS_WRITEBACK_BYTES,
                    SYNC_FILE_RANGE_WRITE);
    int64_t from = sink->at - BEHIND_BYTES - CAS_WRITEBACK_BYTES;
    return sink->is_left_behind && from >= 0 ? leave_behind(sink, from) : NULL;
}

/* What is all zero is skipped, so that a sparse file stays one. */
FALLIBLE cas_sink_give(struct cas_sink *sink, const char *at, size_t len)
{
    if (sink->fd < 0)
        return NULL;
    if (len == CAS_BUFFER_BYTES && is_zero(at, len)) {
        if (lseek(sink->fd, (off_t)len, SEEK_CUR) < 0)
            return error_os(errno, "cannot write '%s'", sink->name);
    } else {
        TRY(file_write(sink->fd, at, len, sink->name));
    }
    sink->at += (int64_t)len;
    return len ? write_back(sink) : NULL;
}

FALLIBLE cas_sink_finish(struct cas_sink *sink)
{
    if (sink->fd >= 0 && ftruncate(sink->fd, sink->at) != 0)
        return error_os(errno, "cannot write '%s'", sink->name);
    return NULL;
}
