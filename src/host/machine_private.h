/* What control groups allow, read below any root so that tests can make one. */
#pragma once

#include <stdint.h>

struct machine_limits {
    int64_t cpus;
    int64_t memory_bytes;
};

/* Lowers *limits to what /proc/self/cgroup and /sys/fs/cgroup below root_fd say (v1 and v2). */
void machine_limits_read(int root_fd, struct machine_limits *limits);
