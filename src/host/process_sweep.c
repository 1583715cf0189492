#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_private.h"

/* A leftover that forks faster than we look is given up after this time. */
static const int64_t SWEEP_NS_MOST = 5 * NS_PER_S;
/* A process inside execve has no environment for a moment: so often it is looked at again. */
enum { DOUBTS_MOST = 3 };

struct sweep {
    struct arena arena;
    struct str marker;
    pid_t group;
    const pid_t *kept;
    size_t kept_count;
    struct pid_vec ended; /* each once */
    bool has_found;       /* of the current round: something to end, */
    bool has_doubts;      /* something that could not be judged */
};

static void sweep_drop(struct sweep *sweep)
{
    arena_drop(&sweep->arena);
}

static enum proc_answer is_leftover(const struct sweep *sweep, pid_t pid,
                                    const struct proc_stat *stat)
{
    if (sweep->group && stat->group == sweep->group)
        return PROC_YES;
    if (sweep->marker.len)
        return proc_has_marker(pid, sweep->marker);
    /* An orphan in the group of a stage that still runs belongs to it. */
    return pid_is_among(stat->group, sweep->kept, sweep->kept_count) ? PROC_NO : PROC_YES;
}

/* The whole group at once, so that a chain of forks can't run away from us; never our own group or
 * that of a running child. */
static void end_leftover(struct sweep *sweep, pid_t pid, const struct proc_stat *stat)
{
    if (!pid_is_among(pid, sweep->ended.at, sweep->ended.len))
        *vec_push(&sweep->arena, &sweep->ended) = pid;
    if (stat->group > 1 && stat->group != getpgrp() &&
        !pid_is_among(stat->group, sweep->kept, sweep->kept_count))
        kill(-stat->group, SIGKILL);
    proc_kill(pid, stat->started_ticks);
    sweep->has_found = true;
}

static void look_at(struct sweep *sweep, pid_t pid, struct pid_vec *below)
{
    struct proc_stat stat;
    if (!proc_stat_read(pid, &stat))
        return;
    if (proc_is_dead(&stat)) {
        if (stat.parent == getpid())
            waitpid(pid, NULL, WNOHANG);
        return;
    }
    enum proc_answer answer = is_leftover(sweep, pid, &stat);
    if (answer == PROC_YES)
        end_leftover(sweep, pid, &stat);
    else
        proc_children(&sweep->arena, pid, below);
    sweep->has_doubts = sweep->has_doubts || answer == PROC_UNKNOWN;
}

/* One look at all our descendants but those below running children. */
static void sweep_round(struct sweep *sweep)
{
    struct pid_vec pids = {0};
    sweep->has_found = sweep->has_doubts = false;
    proc_children(&sweep->arena, getpid(), &pids);
    for (size_t i = 0; i < pids.len; i++) {
        pid_t pid = pids.at[i];
        if (!pid_is_among(pid, sweep->kept, sweep->kept_count))
            look_at(sweep, pid, &pids);
    }
}

static bool has_children(void)
{
    siginfo_t unused;
    return waitid(P_ALL, 0, &unused, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

int process_sweep(struct str marker, pid_t group, const pid_t *kept, size_t kept_count)
{
    if (!has_children())
        return 0;
    int64_t until_ns = clock_monotonic_ns() + SWEEP_NS_MOST, pause_ns = 0;
    AUTO(sweep_drop)
    struct sweep sweep = {.marker = marker, .group = group, .kept = kept, .kept_count = kept_count};
    for (int doubts = 0;;) {
        sweep_round(&sweep);
        doubts += sweep.has_doubts;
        bool is_clean = !sweep.has_found && (!sweep.has_doubts || doubts >= DOUBTS_MOST);
        if (is_clean || !proc_pause(until_ns, &pause_ns))
            break;
    }
    return (int)sweep.ended.len;
}

/* Ourselves and those above us: a stage that runs mlops passes its marker on to us. */
static void add_ancestors(struct arena *arena, struct pid_vec *spared)
{
    struct proc_stat stat;
    enum { GENERATIONS_MOST = 256 };
    pid_t pid = getpid();
    for (int i = 0; i < GENERATIONS_MOST && pid > 0; i++) {
        *vec_push(arena, spared) = pid;
        pid = proc_stat_read(pid, &stat) ? stat.parent : 0;
    }
}

struct foreign {
    pid_t group; /* 0: its number belongs to somebody else by now */
    struct str marker;
    struct pid_vec spared;
};

static bool is_foreign(const struct foreign *foreign, pid_t pid, const struct proc_stat *stat)
{
    if (proc_is_dead(stat) || pid_is_among(pid, foreign->spared.at, foreign->spared.len))
        return false;
    if (foreign->group && stat->group == foreign->group)
        return true;
    return foreign->marker.len && proc_has_marker(pid, foreign->marker) == PROC_YES;
}

/* Kills what it finds; how many there were. */
static size_t foreign_round(const struct foreign *foreign)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct pid_vec pids = {0};
    struct proc_stat stat;
    size_t found = 0;
    proc_all(&arena, &pids);
    vec_each (pid_t, pid, &pids) {
        if (!proc_stat_read(*pid, &stat) || !is_foreign(foreign, *pid, &stat))
            continue;
        proc_kill(*pid, stat.started_ticks);
        found++;
    }
    return found;
}

struct error *process_end_foreign(pid_t group, int64_t started_ticks, struct str boot_id,
                                  struct str marker, int64_t wait_ns, bool *ret_ended)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str boot_id_now = {0};
    int64_t now_ns = clock_monotonic_ns(), pause_ns = 0;
    int64_t until_ns = now_ns + MIN_OF(wait_ns, INT64_MAX - now_ns);
    TRY(process_boot_id(&arena, &boot_id_now));
    *ret_ended = true;
    if (!str_equal(boot_id, boot_id_now))
        return NULL; /* nothing outlives its boot */
    bool is_leader = group > 1 && process_start_ticks(group) == started_ticks;
    struct foreign foreign = {.group = is_leader ? group : 0, .marker = marker};
    add_ancestors(&arena, &foreign.spared);
    while (foreign_round(&foreign) > 0) {
        if (signal_stops() || !proc_pause(until_ns, &pause_ns)) {
            *ret_ended = false;
            break;
        }
    }
    return NULL;
}
