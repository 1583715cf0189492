#include "mlops/host/loop.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/vec.h"
#include "mlops/host/clock.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

struct watch {
    void (*ready)(void *context);
    void *context;
};

VEC(pollfd_vec, struct pollfd);
VEC(watch_vec, struct watch);

/* fds and watches have the same indexes. While callbacks run, what is forgotten only gets
 * descriptor -1, so that nothing moves under the turn; it is taken out afterwards. */
struct loop {
    struct arena *arena;
    struct pollfd_vec fds;
    struct watch_vec watches;
    size_t forgotten;
    bool is_turning;
};

struct loop *loop_open(struct arena *arena)
{
    struct loop *loop = arena_new(arena, struct loop);
    loop->arena = arena;
    return loop;
}

void loop_drop(struct loop **loop)
{
    *loop = NULL; /* the memory is the arena's, the descriptors are their owners' */
}

static void compact(struct loop *loop)
{
    size_t kept = 0;
    for (size_t i = 0; i < loop->fds.len; i++) {
        if (loop->fds.at[i].fd < 0)
            continue;
        loop->fds.at[kept] = loop->fds.at[i];
        loop->watches.at[kept++] = loop->watches.at[i];
    }
    loop->fds.len = loop->watches.len = kept;
    loop->forgotten = 0;
}

void loop_watch(struct loop *loop, int fd, void (*ready)(void *context), void *context)
{
    check(fd >= 0 && ready);
    *vec_push(loop->arena, &loop->fds) = (struct pollfd){.fd = fd, .events = POLLIN};
    *vec_push(loop->arena, &loop->watches) = (struct watch){ready, context};
}

void loop_forget(struct loop *loop, int fd)
{
    for (size_t i = 0; i < loop->fds.len; i++) {
        if (loop->fds.at[i].fd != fd)
            continue;
        loop->fds.at[i].fd = -1;
        loop->forgotten++;
        break;
    }
    if (!loop->is_turning && loop->forgotten)
        compact(loop);
}

static int wait_ready(struct loop *loop, int64_t until_ns)
{
    int64_t left_ns = until_ns < 0 ? 0 : MAX_OF(until_ns - clock_monotonic_ns(), (int64_t)0);
    struct timespec left = {left_ns / NS_PER_S, left_ns % NS_PER_S};
    return ppoll(loop->fds.at, loop->fds.len, until_ns < 0 ? NULL : &left, NULL);
}

struct error *loop_turn(struct loop *loop, int64_t until_ns)
{
    check(!loop->is_turning);
    int count = wait_ready(loop, until_ns);
    if (count < 0 && errno != EINTR)
        return error_os(errno, "cannot wait for running processes");
    if (count <= 0)
        return NULL;
    loop->is_turning = true;
    size_t len = loop->fds.len; /* what callbacks add waits for the next turn */
    for (size_t i = 0; i < len; i++) {
        struct pollfd polled = loop->fds.at[i];
        check(polled.fd < 0 || !(polled.revents & POLLNVAL)); /* closed, not forgotten */
        if (polled.fd >= 0 && polled.revents)
            loop->watches.at[i].ready(loop->watches.at[i].context);
    }
    loop->is_turning = false;
    compact(loop);
    return NULL;
}
