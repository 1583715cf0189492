#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/machine.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "budget_private.h"

int64_t budget_cpus_of(const struct budget *budget, const struct stage *stage)
{
    int64_t asked = stage->resources.cpus_milli ? stage->resources.cpus_milli : 1000;
    return MIN_OF(asked, budget->cpus_milli);
}

int64_t budget_memory_of(const struct budget *budget, const struct stage *stage)
{
    return MIN_OF(stage->resources.memory_bytes, budget->memory_bytes);
}

bool budget_is_undeclared(const struct stage *stage)
{
    const struct resources *asked = &stage->resources;
    return !asked->cpus_milli && !asked->memory_bytes && !asked->gpus;
}

struct error *budget_open(struct arena *arena, int64_t jobs, struct budget *ret)
{
    int64_t cpus = MAX_OF((int64_t)machine_cpus(), jobs) * 1000;
    int64_t memory = machine_memory_bytes();
    struct budget budget = {.jobs = jobs,
                            .jobs_free = jobs,
                            .cpus_milli = cpus,
                            .cpus_milli_free = cpus,
                            .memory_bytes = memory,
                            .memory_free = memory};
    TRY(machine_gpus(arena, &budget.gpus, &budget.gpu_count));
    budget.gpus_free = (int64_t)budget.gpu_count;
    budget.slots = arena_new_array(arena, struct budget_slot, (size_t)jobs);
    *ret = budget;
    return NULL;
}

struct error *budget_check(const struct budget *budget, const struct stage *stage)
{
    if (stage->resources.gpus <= (int64_t)budget->gpu_count)
        return NULL;
    struct error *error =
        doc_error(stage->node, "stage '%.*s' asks for %lld GPUs; this machine has %zu",
                  STR_FMT(stage->name), (long long)stage->resources.gpus, budget->gpu_count);
    error = error_recode(error, ERROR_MACHINE);
    return error_hint(error, "run it on a machine with GPUs, or lower 'resources: gpus'");
}

/* One lock file per device, in a directory that every user of the host can write. */
static FALLIBLE lease_directory(struct fd *ret)
{
    static const char path[] = "/tmp/mlops-gpus";
    if (mkdir(path, 01777) == 0)
        (void)chmod(path, 01777); /* the umask took bits away */
    else if (errno != EEXIST)
        return error_os(errno, "cannot make '%s'", path);
    *ret = fd_of(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return fd_number(*ret) < 0 ? error_os(errno, "cannot open '%s'", path) : NULL;
}

static FALLIBLE lease(int directory_fd, struct arena *arena, struct str uuid, struct fd *ret,
                      bool *ret_taken)
{
    AUTO(lock_drop) struct lock lock = {0};
    struct str name = name_file(arena, 0, uuid);
    TRY_WITHIN(lock_take(directory_fd, name.at, LOCK_EXCLUSIVE, 0, NULL, NULL, &lock, ret_taken),
               "GPU '%.*s'", STR_FMT(uuid));
    if (!*ret_taken)
        return NULL;
    (void)fchmod(fd_number(lock.fd), 0666); /* of another user: it is right already */
    *ret = fd_of(fd_release(&lock.fd));
    return NULL;
}

static void give_back(struct fd *gpus, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fd_drop(&gpus[i]);
}

/* As many as can be had, up to `wanted`. */
static FALLIBLE lease_some(const struct budget *budget, struct arena *arena, size_t wanted,
                           struct fd *gpus, size_t *count, struct buf *names)
{
    AUTO(fd_drop) struct fd directory = {0};
    TRY(lease_directory(&directory));
    for (size_t i = 0; i < budget->gpu_count && *count < wanted; i++) {
        bool taken = false;
        TRY(lease(fd_number(directory), arena, budget->gpus[i], &gpus[*count], &taken));
        if (!taken)
            continue;
        buf_print(names, "%s%.*s", *count ? "," : "", STR_FMT(budget->gpus[i]));
        ++*count;
    }
    return NULL;
}

/* Asked often while others have them, so nothing stays in the arena before they are had. */
static FALLIBLE take_gpus(struct budget *budget, struct arena *arena, size_t wanted,
                          struct attempt *attempt, struct str *ret_gpus, bool *ret_taken)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct fd *gpus = arena_new_array(&scratch, struct fd, wanted);
    struct buf names = buf_in(&scratch);
    size_t count = 0;
    struct error *error = lease_some(budget, &scratch, wanted, gpus, &count, &names);
    *ret_taken = !error && count == wanted;
    if (!*ret_taken) {
        give_back(gpus, count);
        return error;
    }
    attempt->gpus = arena_new_array(arena, struct fd, wanted);
    memcpy(attempt->gpus, gpus, wanted * sizeof *gpus);
    attempt->gpu_count = wanted;
    *ret_gpus = str_copy(arena, buf_str(&names));
    return NULL;
}

static bool fits(const struct budget *budget, const struct stage *stage)
{
    bool has_gpus = budget->gpu_count > 0;
    if (has_gpus && stage->resources.gpus && budget->undeclared_stages)
        return false;
    if (has_gpus && budget_is_undeclared(stage) && budget->gpu_stages)
        return false;
    return budget->jobs_free >= 1 && budget->cpus_milli_free >= budget_cpus_of(budget, stage) &&
           budget->memory_free >= budget_memory_of(budget, stage) &&
           budget->gpus_free >= stage->resources.gpus;
}

struct error *budget_take(struct budget *budget, struct arena *arena, const struct stage *stage,
                          struct attempt *attempt, struct str *ret_gpus, bool *ret_taken)
{
    *ret_gpus = (struct str){0};
    *ret_taken = fits(budget, stage);
    struct error *error = NULL;
    if (*ret_taken && budget->shared.len)
        error = budget_take_share(budget, stage, ret_taken);
    bool has_share = !error && *ret_taken;
    if (!error && *ret_taken && stage->resources.gpus)
        error =
            take_gpus(budget, arena, (size_t)stage->resources.gpus, attempt, ret_gpus, ret_taken);
    if (has_share && (error || !*ret_taken))
        budget_give_share(budget, stage);
    if (error || !*ret_taken)
        return error;
    budget->jobs_free--;
    budget->cpus_milli_free -= budget_cpus_of(budget, stage);
    budget->memory_free -= budget_memory_of(budget, stage);
    budget->gpus_free -= stage->resources.gpus;
    budget->gpu_stages += stage->resources.gpus > 0;
    budget->undeclared_stages += budget_is_undeclared(stage);
    return NULL;
}

void budget_give(struct budget *budget, const struct stage *stage)
{
    budget_give_share(budget, stage);
    budget->jobs_free++;
    budget->cpus_milli_free += budget_cpus_of(budget, stage);
    budget->memory_free += budget_memory_of(budget, stage);
    budget->gpus_free += stage->resources.gpus;
    budget->gpu_stages -= stage->resources.gpus > 0;
    budget->undeclared_stages -= budget_is_undeclared(stage);
}
