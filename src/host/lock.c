#include "mlops/host/lock.h"

#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Waiting is asking again: a blocking flock would leave a stop signal unanswered when it comes just
 * before the call. */
static const int64_t PAUSE_NS_FIRST = NS_PER_MS;
static const int64_t PAUSE_NS_MOST = 50 * NS_PER_MS;
static const int64_t NOTICE_NS = NS_PER_S;

struct lock_wait {
    int64_t began_ns, until_ns, pause_ns;
    void (*waits)(void *context);
    void *context;
};

static FALLIBLE open_lock(int at_fd, const char *path, struct fd *ret)
{
    const int flags = O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
    int fd = openat(at_fd, path, O_RDWR | flags, 0666);
    /* flock needs no right to write: a lock file of another user, or a read-only project. */
    if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
        fd = openat(at_fd, path, O_RDONLY | (flags & ~O_CREAT));
    if (fd < 0)
        return error_os(errno, "cannot open the lock '%s'", path);
    *ret = fd_of(fd);
    return NULL;
}

/* Whether the file we locked still has its name: who removes a lock file holds its lock. */
static bool is_current(int at_fd, const char *path, struct fd fd)
{
    struct stat ours, named;
    return fstat(fd_number(fd), &ours) == 0 &&
           fstatat(at_fd, path, &named, AT_SYMLINK_NOFOLLOW) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

static FALLIBLE try_lock(int at_fd, const char *path, int operation, struct lock *ret,
                         bool *ret_taken)
{
    for (;;) {
        AUTO(fd_drop) struct fd fd = {0};
        TRY(open_lock(at_fd, path, &fd));
        int answer = 0;
        while ((answer = flock(fd_number(fd), operation | LOCK_NB)) != 0 && errno == EINTR)
            continue;
        *ret_taken = answer == 0;
        if (answer != 0 && errno != EWOULDBLOCK)
            return error_os(errno, "cannot lock '%s'", path);
        if (answer != 0)
            return NULL;
        if (is_current(at_fd, path, fd)) {
            ret->fd = fd_of(fd_release(&fd));
            return NULL;
        }
    }
}

/* Sleeps a little; false when time is up. */
static bool pause_between(struct lock_wait *wait)
{
    int64_t now_ns = clock_monotonic_ns();
    if (wait->until_ns >= 0 && now_ns >= wait->until_ns)
        return false;
    if (wait->waits && now_ns - wait->began_ns >= NOTICE_NS) {
        wait->waits(wait->context);
        wait->waits = NULL;
    }
    int64_t pause_ns = wait->pause_ns;
    if (wait->until_ns >= 0)
        pause_ns = MIN_OF(pause_ns, wait->until_ns - now_ns);
    wait->pause_ns = MIN_OF(wait->pause_ns * 2, PAUSE_NS_MOST);
    struct timespec pause = {pause_ns / NS_PER_S, pause_ns % NS_PER_S};
    nanosleep(&pause, NULL); /* shorter when a signal comes: then it is looked at */
    return true;
}

struct error *lock_take(int at_fd, const char *path, enum lock_mode mode, int64_t wait_ns,
                        void (*waits)(void *context), void *context, struct lock *ret,
                        bool *ret_taken)
{
    int operation = mode == LOCK_SHARED ? LOCK_SH : LOCK_EX;
    TRY(try_lock(at_fd, path, operation, ret, ret_taken));
    if (*ret_taken || wait_ns == 0)
        return NULL;
    int64_t now_ns = clock_monotonic_ns();
    bool is_bounded = wait_ns > 0 && wait_ns < INT64_MAX - now_ns;
    struct lock_wait wait = {.began_ns = now_ns,
                             .until_ns = is_bounded ? now_ns + wait_ns : -1,
                             .pause_ns = PAUSE_NS_FIRST,
                             .waits = waits,
                             .context = context};
    while (!*ret_taken && pause_between(&wait)) {
        TRY(signal_check());
        TRY(try_lock(at_fd, path, operation, ret, ret_taken));
    }
    return NULL;
}

void lock_drop(struct lock *lock)
{
    fd_drop(&lock->fd);
}
