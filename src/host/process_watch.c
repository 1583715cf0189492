/* A descriptor that becomes readable when a child has ended: a pidfd, or, where the kernel has none
 * (before 5.3; under some emulators), an eventfd that a small thread sets. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_private.h"

struct watch {
    pid_t pid;
    struct fd ended; /* its own, so that it never writes to what the number has become */
};

/* The child stays a zombie for process_reap; if it was reaped already, nobody listens. */
static void *watch_child(void *opaque)
{
    struct watch *watch = opaque;
    siginfo_t info;
    uint64_t one = 1;
    while (waitid(P_PID, (id_t)watch->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        continue;
    (void)!write(fd_number(watch->ended), &one, sizeof one);
    fd_drop(&watch->ended);
    free(watch);
    return NULL;
}

static int start_thread(struct watch *watch)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0)
        return ENOMEM;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread, &attributes, watch_child, watch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return code;
}

struct error *process_watch_by_thread(pid_t pid, struct fd *ret)
{
    AUTO(fd_drop) struct fd ended = fd_of(eventfd(0, EFD_CLOEXEC));
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return error_os(ENOMEM, "cannot watch process %d", (int)pid);
    *watch = (struct watch){pid, fd_of(fcntl(fd_number(ended), F_DUPFD_CLOEXEC, 3))};
    int code = fd_number(watch->ended) < 0 ? errno : start_thread(watch);
    if (code) {
        fd_drop(&watch->ended);
        free(watch);
        return error_os(code, "cannot watch process %d", (int)pid);
    }
    *ret = fd_of(fd_release(&ended));
    return NULL;
}

struct error *process_watch(pid_t pid, struct fd *ret)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0 && errno == ENOSYS)
        return process_watch_by_thread(pid, ret);
    if (pidfd < 0)
        return error_os(errno, "cannot watch process %d", (int)pid);
    *ret = fd_of(pidfd);
    return NULL;
}
