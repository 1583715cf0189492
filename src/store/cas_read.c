#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/host/relay.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cas_private.h"

enum {
    MOMENT_MS = 30,               /* no kernel's clock ticks slower */
    RELAY_LEAST_BYTES = 16 << 20, /* below, a thread costs more than it gives */
    RELAY_BLOCKS = 16, /* of CAS_BUFFER_BYTES; a disk that halts for 8 ms is not noticed */
    BEHIND_LEAST_BYTES = 1 << 28, /* from here a file takes more memory than others can spare */
};

enum { LARGE_BYTES = 1048576 }; /* whose reading takes so long that asking costs nothing */

static const int64_t YOUNG_NS = 1 * NS_PER_S; /* no write is held up for longer */

bool cas_stat_equal(const struct file_stat *a, const struct file_stat *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->mode == b->mode;
}

static FALLIBLE read_block(const struct cas_reading *reading, char *block, int64_t at,
                           size_t *ret_len)
{
    size_t len = 0;
    while (len < CAS_BUFFER_BYTES) {
        ssize_t got =
            pread(reading->fd, block + len, CAS_BUFFER_BYTES - len, (off_t)at + (off_t)len);
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

/* One reading. What takes longest is hashing, which can't be divided: it gets a thread that does
 * nothing else, while this one reads and writes. */
struct pass {
    const struct cas_reading *reading;
    struct cas_sink sink;
    struct hasher hasher;
    struct relay *relay; /* NULL: no such thread */
};

static struct error *hash_block(void *context, const char *at, size_t len)
{
    struct pass *pass = context;
    hasher_add(&pass->hasher, at, len);
    return NULL;
}

/* One such thread for all that is put at a time: with several large files the others have work
 * enough. */
static void pass_open(struct pass *pass)
{
    const struct cas_reading *reading = pass->reading;
    struct cas *cas = reading->cas;
    hasher_open(&pass->hasher);
    if (!cas || reading->is_unhashed || reading->size_bytes < RELAY_LEAST_BYTES ||
        __atomic_exchange_n(&cas->is_relaying, true, __ATOMIC_ACQ_REL))
        return;
    relay_open(CAS_BUFFER_BYTES, RELAY_BLOCKS, hash_block, pass, &pass->relay);
    if (!pass->relay)
        __atomic_store_n(&cas->is_relaying, false, __ATOMIC_RELEASE);
}

static void pass_drop(struct pass *pass)
{
    if (pass->relay) {
        relay_drop(&pass->relay);
        __atomic_store_n(&pass->reading->cas->is_relaying, false, __ATOMIC_RELEASE);
    }
    hasher_drop(&pass->hasher);
}

static FALLIBLE hash(struct pass *pass, const char *block, size_t len)
{
    if (pass->relay)
        return relay_give(pass->relay, len) ? NULL : relay_finish(pass->relay);
    if (!pass->reading->is_unhashed)
        hasher_add(&pass->hasher, block, len);
    return NULL;
}

/* Given away first: the thread that hashes a block and this one both only look at it. */
static FALLIBLE pass_block(struct pass *pass, int64_t at, size_t *ret_len)
{
    const struct cas_reading *reading = pass->reading;
    const struct cas_progress *progress = reading->progress;
    char *block = pass->relay ? relay_block(pass->relay) : reading->buffer;
    TRY(read_block(reading, block, at, ret_len));
    TRY(hash(pass, block, *ret_len));
    TRY(cas_sink_give(&pass->sink, block, *ret_len));
    if (progress && progress->listen && *ret_len)
        progress->listen(progress->context, block, *ret_len);
    if (progress && progress->tell)
        progress->tell(progress->context, (int64_t)*ret_len);
    return NULL;
}

FALLIBLE cas_read(const struct cas_reading *reading, struct digest *ret, int64_t *ret_bytes)
{
    AUTO(pass_drop)
    struct pass pass = {.reading = reading,
                        .sink = {.fd = reading->sink_fd,
                                 .name = reading->name,
                                 .is_synced = reading->is_sink_synced,
                                 .is_left_behind = reading->size_bytes >= BEHIND_LEAST_BYTES}};
    int64_t at = 0;
    size_t len = CAS_BUFFER_BYTES;
    pass_open(&pass);
    if (reading->progress && reading->progress->listen)
        reading->progress->listen(reading->progress->context, NULL, 0);
    while (len == CAS_BUFFER_BYTES) {
        TRY(signal_check());
        TRY(pass_block(&pass, at, &len));
        at += (int64_t)len;
    }
    if (pass.relay)
        TRY(relay_finish(pass.relay));
    TRY(cas_sink_finish(&pass.sink));
    *ret = hasher_finish(&pass.hasher);
    *ret_bytes = at;
    return NULL;
}

static int64_t age_of(const struct file_stat *seen)
{
    return clock_stamp_ns() - MAX_OF(seen->mtime_ns, seen->ctime_ns);
}

/* A write sets the times as it begins, and may be held up then. Times of what is far ahead of our
 * clock are those of another one. */
bool cas_is_unsettled(int fd, const struct file_stat *seen, int64_t watch_ns)
{
    int64_t age_ns = age_of(seen);
    if (age_ns <= 0)
        return age_ns > -MOMENT_MS * NS_PER_MS;
    bool is_watched =
        age_ns < MAX_OF(YOUNG_NS, watch_ns) || (watch_ns && seen->size_bytes >= LARGE_BYTES);
    return is_watched && file_has_writer(fd);
}

FALLIBLE cas_source_open(int at_fd, const char *path, const struct cas_progress *progress,
                         int64_t watch_ns, struct fd *ret, struct file_stat *ret_seen,
                         bool *ret_held)
{
    const struct timespec pause = {.tv_nsec = NS_PER_MS};
    TRY(progress && progress->is_straight ? file_open_straight(at_fd, path, ret, ret_seen)
                                          : file_open_seen(at_fd, path, ret, ret_seen));
    int waits = age_of(ret_seen) < YOUNG_NS ? MOMENT_MS : 0;
    *ret_held = cas_is_unsettled(fd_number(*ret), ret_seen, watch_ns);
    for (int waited = 0; *ret_held && waited < waits; waited++) {
        nanosleep(&pause, NULL);
        *ret_held = cas_is_unsettled(fd_number(*ret), ret_seen, watch_ns);
    }
    return NULL;
}

static FALLIBLE read_once(int at_fd, const char *path, char *buffer,
                          const struct cas_progress *progress, struct cas_put *ret, bool *ret_same)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat before;
    int64_t bytes = 0;
    TRY(cas_source_open(at_fd, path, progress, 0, &fd, &before, &ret->is_held));
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

struct fd cas_seen_open(int at_fd, const char *path, const struct file_stat *seen, int64_t watch_ns)
{
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(at_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (fd_number(fd) >= 0 && cas_is_unsettled(fd_number(fd), seen, watch_ns))
        fd_drop(&fd);
    return fd_of(fd_release(&fd));
}

FALLIBLE cas_seen_read(int fd, const struct file_stat *seen, char *at, struct cas_put *ret,
                       bool *ret_done)
{
    ssize_t got = pread(fd, at, (size_t)seen->size_bytes, 0);
    *ret_done = got == (ssize_t)seen->size_bytes;
    if (!*ret_done)
        return NULL;
    TRY(file_stat_fd(fd, &ret->stat));
    *ret_done = S_ISREG(ret->stat.mode) && cas_stat_equal(seen, &ret->stat);
    if (*ret_done)
        ret->digest = digest_of(at, (size_t)got);
    return NULL;
}
