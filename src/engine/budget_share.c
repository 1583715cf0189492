/* One budget for several processes: an empty file whose bytes stand for what there is, and a lock
 * on as many of them as a stage uses. A stage opens the file for itself, so closing it gives all
 * back, as death does. */
#include "mlops/base/arena.h"

#include <errno.h>
#include <fcntl.h>

#include "budget_private.h"

static const int64_t CPU_MILLI = 10;
static const int64_t MEMORY_BYTES = INT64_C(1) << 20;

/* Where the bytes of each begin. */
static const int64_t JOBS_AT = 0;
static const int64_t CPUS_AT = INT64_C(1) << 32;
static const int64_t MEMORY_AT = INT64_C(1) << 40;
static const int64_t UNDECLARED_AT = INT64_C(1) << 60; /* shared by stages that declare nothing */
static const int64_t GPUS_AT = (INT64_C(1) << 60) + 1; /* by those that declare GPUs */

/* Each opening is an owner of its own. The path may be /proc/self/fd/N: a file in memory that this
 * process was given, which no directory names. */
static FALLIBLE open_share(struct str path, struct lock *ret)
{
    ret->fd = fd_of(open(path.at, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666));
    if (fd_number(ret->fd) < 0)
        return error_os(errno, "cannot open the file of free slots '%.*s'", STR_FMT(path));
    return NULL;
}

struct error *budget_share(struct budget *budget, struct str path)
{
    AUTO(lock_drop) struct lock lock = {0};
    TRY(open_share(path, &lock)); /* that it can't be made is told at once */
    budget->shared = path;
    return NULL;
}

/* Any `wanted` of the `total` bytes from `at`: as much as is free in each gap. */
static FALLIBLE take_units(const struct lock *lock, int64_t at, int64_t total, int64_t wanted,
                           bool *ret_taken)
{
    int64_t place = at, end = at + total;
    while (wanted > 0 && place < end) {
        int64_t len = MIN_OF(wanted, end - place), busy_at = 0, busy_len = 0;
        bool is_taken = false, is_busy = false;
        TRY(lock_range_find(lock, place, len, &busy_at, &busy_len, &is_busy));
        len = is_busy ? busy_at - place : len;
        if (len > 0)
            TRY(lock_range_take(lock, place, len, &is_taken));
        wanted -= is_taken ? len : 0;
        place += len + busy_len; /* what somebody else took just now is passed over, too */
    }
    *ret_taken = wanted == 0;
    return NULL;
}

/* Each says first what it is and looks then for the other: of two one sees the other. */
static FALLIBLE take_turn(const struct budget *budget, const struct lock *lock,
                          const struct stage *stage, bool *ret_taken)
{
    bool has_gpus = stage->resources.gpus > 0, is_held = false;
    int64_t at = 0, len = 0;
    if (budget->gpu_count == 0 || !(has_gpus || budget_is_undeclared(stage)))
        return NULL;
    TRY(lock_range_share(lock, has_gpus ? GPUS_AT : UNDECLARED_AT, 1, ret_taken));
    TRY(lock_range_find(lock, has_gpus ? UNDECLARED_AT : GPUS_AT, 1, &at, &len, &is_held));
    *ret_taken = *ret_taken && !is_held;
    return NULL;
}

static FALLIBLE take_all(const struct budget *budget, const struct lock *lock,
                         const struct stage *stage, bool *ret_taken)
{
    int64_t cpus = (budget_cpus_of(budget, stage) + CPU_MILLI - 1) / CPU_MILLI;
    int64_t memory_total = budget->memory_bytes / MEMORY_BYTES;
    int64_t memory = (budget_memory_of(budget, stage) + MEMORY_BYTES - 1) / MEMORY_BYTES;
    TRY(take_units(lock, JOBS_AT, budget->jobs, 1, ret_taken));
    if (*ret_taken)
        TRY(take_units(lock, CPUS_AT, budget->cpus_milli / CPU_MILLI, cpus, ret_taken));
    if (*ret_taken)
        TRY(take_units(lock, MEMORY_AT, memory_total, MIN_OF(memory, memory_total), ret_taken));
    return *ret_taken ? take_turn(budget, lock, stage, ret_taken) : NULL;
}

struct error *budget_take_share(struct budget *budget, const struct stage *stage, bool *ret_taken)
{
    AUTO(lock_drop) struct lock lock = {0};
    struct budget_slot *slot = budget->slots;
    while (slot->stage)
        slot++; /* there is one for each job */
    TRY(open_share(budget->shared, &lock));
    TRY(take_all(budget, &lock, stage, ret_taken));
    if (*ret_taken)
        *slot = (struct budget_slot){stage, {fd_of(fd_release(&lock.fd))}};
    return NULL;
}

void budget_give_share(struct budget *budget, const struct stage *stage)
{
    for (int64_t i = 0; i < budget->jobs; i++) {
        if (budget->slots[i].stage != stage)
            continue;
        lock_drop(&budget->slots[i].lock);
        budget->slots[i] = (struct budget_slot){0};
        return;
    }
}

void budget_drop(struct budget *budget)
{
    for (int64_t i = 0; budget->slots && i < budget->jobs; i++)
        lock_drop(&budget->slots[i].lock);
}
