/* What stages that run at once may use: jobs, cpus, memory, and GPUs leased by id. A GPU has one
 * lock per device for the whole host, so that two projects agree; leases are held by the stage's
 * own processes. */
#pragma once

#include "mlops/engine/aside.h"
#include "mlops/host/lock.h"

/* What a running stage holds of a budget that is shared. */
struct budget_slot {
    const struct stage *stage; /* NULL: free */
    struct lock lock;
};

struct budget {
    int64_t jobs_free, jobs;
    int64_t cpus_milli_free, cpus_milli;
    int64_t memory_free, memory_bytes;
    struct str *gpus; /* UUIDs on this machine, within CUDA_VISIBLE_DEVICES */
    size_t gpu_count;
    int64_t gpus_free;
    int64_t gpu_stages, undeclared_stages; /* running now: they do not mix on a machine with GPUs */
    struct str shared;                     /* file that others share it by; empty: nobody does */
    struct budget_slot *slots;             /* as many as jobs */
};

FALLIBLE budget_open(struct arena *arena, int64_t jobs, struct budget *ret);
void budget_drop(struct budget *budget);

/* Shares jobs, cpus and memory with all processes that name the same file (absolute path, made if
 * absent, stays empty): what one holds the others can't take, and a process that dies holds
 * nothing. `jobs`, cpus and memory must be the same in all of them. GPUs are shared by the host
 * anyway; that stages which declare some do not run beside those that declare nothing holds among
 * all. Each job, a hundredth of a cpu and a MiB of memory is a byte of the file; who uses it holds
 * a lock on it. `path` must live as long as the budget. */
FALLIBLE budget_share(struct budget *budget, struct str path);

/* An error at the stage if it asks for more GPUs than there are; more cpus or memory than the
 * machine has means: runs alone. */
FALLIBLE budget_check(const struct budget *budget, const struct stage *stage);

/* Takes what the stage needs; false: not now. *ret_gpus: CUDA_VISIBLE_DEVICES for it, empty if it
 * asked for none; the leases are put into the attempt. */
FALLIBLE budget_take(struct budget *budget, struct arena *arena, const struct stage *stage,
                     struct attempt *attempt, struct str *ret_gpus, bool *ret_taken);
void budget_give(struct budget *budget, const struct stage *stage);
