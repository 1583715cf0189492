/* What /proc, /sys and /dev say of the machine, read below any root so that tests can make one. */
#pragma once

#include "mlops/base/str.h"

struct arena;

struct machine_limits {
    int64_t cpus;
    int64_t memory_bytes;
};

/* Lowers *limits to what /proc/self/cgroup and /sys/fs/cgroup below root_fd say (v1 and v2). */
void machine_limits_read(int root_fd, struct machine_limits *limits);

/* As machine_gpus, with the values of MLOPS_GPUS and CUDA_VISIBLE_DEVICES (NULL: not set). */
void machine_gpus_read(struct arena *arena, int root_fd, const char *given, const char *visible,
                       struct str **ret_uuids, size_t *ret_count);
