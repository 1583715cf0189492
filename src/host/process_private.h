/* What /proc tells about processes. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/host/process.h"

struct proc_stat {
    char state; /* 'Z': zombie */
    pid_t parent, group;
    int64_t started_ticks;
};

enum proc_answer { PROC_NO, PROC_YES, PROC_UNKNOWN };

VEC(pid_vec, pid_t);

/* False if there is no such process. */
bool proc_stat_read(pid_t pid, struct proc_stat *ret);

/* Whether the environment it was started with holds the entry `marker`. PROC_UNKNOWN: it is empty,
 * as for a moment inside execve. What may not be read is PROC_NO. */
enum proc_answer proc_has_marker(pid_t pid, struct str marker);

/* Adds the children of a process. */
void proc_children(struct arena *arena, pid_t pid, struct pid_vec *children);

/* Adds all processes. */
void proc_all(struct arena *arena, struct pid_vec *pids);

static inline bool proc_is_dead(const struct proc_stat *stat)
{
    return stat->state == 'Z' || stat->state == 'X';
}

static inline bool pid_is_among(pid_t pid, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* SIGKILL to a process that still is the one whose start is known (a number may be reused). */
void proc_kill(pid_t pid, int64_t started_ticks);

/* Sleeps between two looks, ever longer; false when `until_ns` has passed. */
bool proc_pause(int64_t until_ns, int64_t *pause_ns);

/* The file to execute: argv[0], or where the child's PATH has it. `at_fd` is the child's directory.
 */
FALLIBLE process_find_program(struct arena *arena, const struct process_spec *spec, int at_fd,
                              const char **ret_program);

/* Readable when the child has ended. */
FALLIBLE process_watch(pid_t pid, struct fd *ret);

/* The same for kernels without pidfd_open. */
FALLIBLE process_watch_by_thread(pid_t pid, struct fd *ret);
