#include "mlops/host/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

FALLIBLE lock_open(int at_fd, const char *path, struct lock *ret)
{
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
    int fd = openat(at_fd, path, flags, 0666);
    if (fd < 0)
        return error_os(errno, "cannot open the lock '%s'", path);
    ret->fd = fd_of(fd);
    return NULL;
}

static struct flock range_of(short type, int64_t at, int64_t len)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len};
}

static FALLIBLE take(const struct lock *lock, short type, int64_t at, int64_t len, bool *ret_taken)
{
    struct flock range = range_of(type, at, len);
    int answer = 0;
    while ((answer = fcntl(fd_number(lock->fd), F_OFD_SETLK, &range)) != 0 && errno == EINTR)
        continue;
    if (answer != 0 && errno != EAGAIN && errno != EACCES)
        return error_os(errno, "cannot lock a range of a file");
    *ret_taken = answer == 0;
    return NULL;
}

FALLIBLE lock_range_take(const struct lock *lock, int64_t at, int64_t len, bool *ret_taken)
{
    return take(lock, F_WRLCK, at, len, ret_taken);
}

FALLIBLE lock_range_share(const struct lock *lock, int64_t at, int64_t len, bool *ret_taken)
{
    return take(lock, F_RDLCK, at, len, ret_taken);
}

FALLIBLE lock_range_find(const struct lock *lock, int64_t at, int64_t len, int64_t *ret_at,
                         int64_t *ret_len, bool *ret_found)
{
    struct flock range = range_of(F_WRLCK, at, len);
    if (fcntl(fd_number(lock->fd), F_OFD_GETLK, &range) != 0)
        return error_os(errno, "cannot look at a range of a lock file");
    *ret_found = range.l_type != F_UNLCK;
    if (!*ret_found)
        return NULL;
    *ret_at = MAX_OF(range.l_start, at);
    *ret_len = MIN_OF(range.l_start + range.l_len, at + len) - *ret_at;
    return NULL;
}
