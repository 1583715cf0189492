/* The machine we run on. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

/* cpus this process may use: affinity and the cgroup's quota, at least 1. */
int machine_cpus(void);

/* Memory it may use: physical or the cgroup's limit, bytes. */
int64_t machine_memory_bytes(void);

/* Descriptors this process may have open. A limit below `wanted` is raised as far as the system
 * lets us; processes started later inherit it. */
int64_t machine_descriptors(int64_t wanted);

struct str machine_host(struct arena *arena);
struct str machine_user(struct arena *arena);
struct str machine_platform(struct arena *arena); /* "linux/x86_64" */

/* GPUs by UUID, within an inherited CUDA_VISIBLE_DEVICES; from /proc/driver/nvidia or nvidia-smi;
 * MLOPS_GPUS=a,b overrides (tests, other vendors). Empty list: none. */
FALLIBLE machine_gpus(struct arena *arena, struct str **ret_uuids, size_t *ret_count);

/* Name of a network file system ("NFS") if the directory lies on one, else NULL. */
const char *machine_network_fs(int directory_fd);
