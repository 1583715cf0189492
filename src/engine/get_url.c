/* A URL's file or directory to where the user wants it; no project is needed. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/pool.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "get_private.h"

enum { TELL_MS = 100 };

struct getting {
    struct landing *landing;
    struct upstream *upstream;
    const struct upstream_state *state;
    /* Atomic: */
    size_t next;
    int64_t done_bytes, told_ns;
    bool is_telling, has_failed;
};

static void tell(struct getting *getting, int64_t bytes)
{
    const struct observer *observer = getting->landing->target->observer;
    int64_t done = __atomic_add_fetch(&getting->done_bytes, bytes, __ATOMIC_RELAXED);
    if (!observer || __atomic_exchange_n(&getting->is_telling, true, __ATOMIC_ACQUIRE))
        return;
    int64_t now = clock_monotonic_ns();
    if (now - getting->told_ns >= TELL_MS * NS_PER_MS) {
        struct event event = {.kind = EVENT_HASHING,
                              .at_ns = now,
                              .done_bytes = done,
                              .total_bytes = getting->state->bytes};
        getting->told_ns = now;
        observer_tell(observer, &event);
    }
    __atomic_store_n(&getting->is_telling, false, __ATOMIC_RELEASE);
}

static FALLIBLE check_space(const struct getting *getting)
{
    struct statvfs disk;
    int64_t bytes = getting->state->bytes;
    if (fstatvfs(fd_number(getting->landing->temp.fd), &disk) != 0 || disk.f_blocks == 0)
        return NULL;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (bytes < 0 || free_bytes >= (uint64_t)bytes)
        return NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct str needed = bytes_print(&scratch, bytes);
    struct str left = bytes_print(&scratch, (int64_t)free_bytes);
    return error_os(ENOSPC, "'%.*s' needs %.*s and only %.*s are free",
                    STR_FMT(getting->landing->target->out), STR_FMT(needed), STR_FMT(left));
}

/* --- one file --- */

struct receiving {
    struct getting *getting;
    int fd;
    const char *name;
};

static FALLIBLE receive(void *context, const char *at, size_t len)
{
    struct receiving *receiving = context;
    TRY(file_write(receiving->fd, at, len, receiving->name));
    tell(receiving->getting, (int64_t)len);
    return NULL;
}

static FALLIBLE read_remote(struct getting *getting, struct connection *connection,
                            const struct upstream_file *file, int fd)
{
    struct receiving receiving = {getting, fd, getting->landing->name.at};
    struct transport_sink sink = {receive, &receiving};
    bool found = false;
    TRY(connection_read(connection, file->name, (struct transport_range){0, file->size_bytes},
                        &sink, &found));
    return found ? NULL
                 : error_new(ERROR_MACHINE, "'%.*s' went away while it was fetched",
                             STR_FMT(file->name));
}

static FALLIBLE copy_local(struct getting *getting, const struct upstream_file *file, int fd)
{
    AUTO(fd_drop) struct fd from = {0};
    struct file_stat stat = {0};
    enum copy_method method;
    TRY(file_open(AT_FDCWD, file->name.at, &from));
    TRY(file_copy(fd_number(from), fd, getting->landing->name.at, signal_check, &method));
    TRY(file_stat_fd(fd_number(from), &stat));
    if (stat.mode & 0111 && fchmod(fd, 0777 & ~(mode_t)022) != 0)
        return error_os(errno, "cannot make '%s' executable", getting->landing->name.at);
    tell(getting, stat.size_bytes);
    return NULL;
}

static FALLIBLE get_one(struct getting *getting, struct connection *connection,
                        const struct upstream_file *file)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str name = {0};
    TRY(signal_check());
    TRY(landing_name(getting->landing, &scratch, file->path, &name));
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(fd_number(getting->landing->temp.fd), name.at, flags, 0666));
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot make '%.*s'", STR_FMT(file->path));
    if (!connection)
        TRY(copy_local(getting, file, fd_number(fd)));
    else if (file->size_bytes != 0)
        TRY(read_remote(getting, connection, file, fd_number(fd)));
    return NULL;
}

/* --- all --- */

static FALLIBLE get_files(struct getting *getting, struct connection *connection)
{
    while (!__atomic_load_n(&getting->has_failed, __ATOMIC_RELAXED)) {
        size_t at = __atomic_fetch_add(&getting->next, 1, __ATOMIC_RELAXED);
        if (at >= getting->state->files.len)
            return NULL;
        TRY(get_one(getting, connection, &getting->state->files.at[at]));
    }
    return NULL;
}

static FALLIBLE work(void *context, size_t index)
{
    struct getting *getting = context;
    struct connection *connection = NULL;
    struct error *error = NULL;
    (void)index;
    if (!getting->upstream->is_local)
        error = transport_connect(getting->upstream->transport, &connection);
    if (!error)
        error = get_files(getting, connection);
    connection_drop(&connection);
    if (error)
        __atomic_store_n(&getting->has_failed, true, __ATOMIC_RELAXED);
    return error;
}

static FALLIBLE get_all(struct getting *getting)
{
    AUTO(pool_drop) struct pool *pool = NULL;
    int wanted =
        getting->upstream->is_local ? 4 : transport_connections(getting->upstream->transport);
    size_t workers = MIN_OF((size_t)MAX_OF(wanted, 1), getting->state->files.len);
    if (workers < 2)
        return work(getting, 0);
    pool = pool_open((int)workers - 1);
    return pool_run(pool, workers, work, getting, NULL);
}

struct error *get_url(struct arena *arena, const struct get_target *target,
                      struct upstream *upstream, const struct upstream_state *state,
                      struct get_report *ret)
{
    AUTO(landing_drop) struct landing landing = {0};
    TRY(landing_open(arena, target, &landing));
    TRY(landing_check(&landing, state->is_directory));
    struct getting getting = {.landing = &landing, .upstream = upstream, .state = state};
    TRY(check_space(&getting));
    if (state->is_directory)
        TRY(directory_make(fd_number(landing.temp.fd), GET_CONTENT, false));
    TRY_WITHIN(get_all(&getting), "fetching '%.*s'", STR_FMT(upstream->url));
    TRY(landing_finish(&landing, state->is_directory));
    *ret = (struct get_report){state->is_directory, (int64_t)state->files.len, getting.done_bytes};
    return NULL;
}
