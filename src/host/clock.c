#include "mlops/host/clock.h"

#include "mlops/base/check.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_read(clockid_t clock)
{
    struct timespec now;
    check(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_real_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_stamp_ns(void)
{
    return clock_read(CLOCK_REALTIME_COARSE);
}

void random_bytes(void *at, size_t len)
{
    char *to = at;
    while (len) {
        ssize_t got = getrandom(to, len, 0);
        check(got > 0 || errno == EINTR);
        if (got > 0) {
            to += got;
            len -= (size_t)got;
        }
    }
}

struct str clock_ulid(struct arena *arena)
{
    unsigned char random[10];
    random_bytes(random, sizeof random);
    return ulid_print(arena, clock_real_ns(), random);
}
