#include "mlops/host/clock.h"
#include "mlops/store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PROBES = 8, NAME_BYTES = 32 };

/* A file of our own without a name, where the file system can make one. */
static FALLIBLE open_touched(int directory_fd, struct fd *ret)
{
    int fd = openat(directory_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) {
        char name[NAME_BYTES];
        uint64_t random;
        random_bytes(&random, sizeof random);
        snprintf(name, sizeof name, ".touch-%016llx", (unsigned long long)random);
        fd = openat(directory_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        if (fd >= 0)
            unlinkat(directory_fd, name, 0);
    }
    if (fd < 0)
        return error_os(errno, "cannot make a file in the project's .mlops");
    *ret = fd_of(fd);
    return NULL;
}

/* A clock that only ticks can't give eight stamps in a row within microseconds. */
static FALLIBLE touch(int directory_fd, int64_t *ret_ns)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat before = {0}, after = {0};
    bool is_exact = true;
    TRY(open_touched(directory_fd, &fd));
    TRY(file_stat_fd(fd_number(fd), &before));
    for (int i = 0; i < PROBES && is_exact; i++) {
        TRY(file_write(fd_number(fd), "", 1, ".mlops/tmp"));
        TRY(file_stat_fd(fd_number(fd), &after));
        is_exact = after.ctime_ns != before.ctime_ns;
        before = after;
    }
    *ret_ns = is_exact ? INT64_MAX : after.mtime_ns;
    return NULL;
}

struct error *index_now(int directory_fd, int64_t *ret_ns)
{
    struct error *error = touch(directory_fd, ret_ns);
    if (!error_is_full(error))
        return error;
    error_drop(error);
    *ret_ns = INT64_MIN;
    return NULL;
}

struct error *index_clock(int directory_fd, int64_t *ret_ns)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat stat;
    TRY(open_touched(directory_fd, &fd));
    TRY(file_stat_fd(fd_number(fd), &stat));
    *ret_ns = stat.mtime_ns;
    return NULL;
}
