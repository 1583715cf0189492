#include "mlops/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cas_private.h"

enum {
    RELAY_LEAST_BYTES = 16 << 20, /* below, a thread costs more than it gives */
    RELAY_BLOCKS = 8, /* of CAS_BUFFER_BYTES; a disk that halts for 8 ms is not noticed */
};

static bool is_zero(const char *at, size_t len)
{
    return len && at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

/* Begun early, so that the sync at the end finds little left to do. */
static void write_back(const struct cas_sink *sink)
{
    if (sink->is_synced && sink->at % CAS_WRITEBACK_BYTES == 0)
        sync_file_range(sink->fd, sink->at - CAS_WRITEBACK_BYTES, CAS_WRITEBACK_BYTES,
                        SYNC_FILE_RANGE_WRITE);
}

/* What is all zero is skipped, so that a sparse file stays one. */
static FALLIBLE take_block(void *context, const char *at, size_t len)
{
    struct cas_sink *sink = context;
    if (len == CAS_BUFFER_BYTES && is_zero(at, len)) {
        if (lseek(sink->fd, (off_t)len, SEEK_CUR) < 0)
            return error_os(errno, "cannot write '%s'", sink->name);
    } else {
        TRY(file_write(sink->fd, at, len, sink->name));
    }
    sink->at += (int64_t)len;
    write_back(sink);
    return NULL;
}

/* One thread for all that is put at a time: with several large files the others have work enough.
 */
void cas_sink_open(struct cas_sink *sink, int64_t size_bytes)
{
    struct cas *cas = sink->cas;
    if (sink->fd < 0 || !cas || size_bytes < RELAY_LEAST_BYTES ||
        __atomic_exchange_n(&cas->is_relaying, true, __ATOMIC_ACQ_REL))
        return;
    relay_open(CAS_BUFFER_BYTES, RELAY_BLOCKS, take_block, sink, &sink->relay);
    if (!sink->relay)
        __atomic_store_n(&cas->is_relaying, false, __ATOMIC_RELEASE);
}

void cas_sink_drop(struct cas_sink *sink)
{
    if (!sink->relay)
        return;
    relay_drop(&sink->relay);
    __atomic_store_n(&sink->cas->is_relaying, false, __ATOMIC_RELEASE);
}

char *cas_sink_block(struct cas_sink *sink, char *buffer)
{
    return sink->relay ? relay_block(sink->relay) : buffer;
}

FALLIBLE cas_sink_give(struct cas_sink *sink, const char *at, size_t len)
{
    if (sink->fd < 0)
        return NULL;
    if (!sink->relay)
        return take_block(sink, at, len);
    return relay_give(sink->relay, len) ? NULL : relay_finish(sink->relay);
}

FALLIBLE cas_sink_finish(struct cas_sink *sink)
{
    if (sink->fd < 0)
        return NULL;
    if (sink->relay)
        TRY(relay_finish(sink->relay));
    if (ftruncate(sink->fd, sink->at) != 0)
        return error_os(errno, "cannot write '%s'", sink->name);
    return NULL;
}
