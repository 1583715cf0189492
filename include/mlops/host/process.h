/* Child processes: each in its own process group, never forked from our memory (posix_spawn),
 * dropped means killed and reaped. mlops is a subreaper, so what daemonises comes back to it; a
 * leftover is ended by process_sweep. Only the main thread starts stages and helpers; what carries
 * a connection (host/sftp) may be started by pool threads, too: nothing here is shared. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/host/path.h"

#include <sys/types.h>

struct process_spec {
    const char *const *argv; /* argv[0] is looked up in PATH of `envp` if it has no '/' */
    const char *const *envp;
    const char *cwd;
    int output_fd;       /* stdout and stderr; -1: inherited */
    bool drops_stderr;   /* stderr to /dev/null instead */
    bool inherits_stdin; /* else /dev/null */
    bool joins_group;    /* ours, not one of its own: to ask on the terminal, and to get its ^C */
    int input_fd;        /* stdin; 0: as said above */
    int error_fd;        /* stderr apart from output_fd; 0: none. Both above 2 */
    const int *keep_fds; /* descriptors the child keeps (locks) */
    size_t keep_count;
};

struct process {
    pid_t pid;             /* 0: none; also its process group */
    struct fd pidfd;       /* readable when it ended */
    int64_t started_ticks; /* field 22 of /proc/PID/stat: with the boot id identifies it */
};

struct process_end {
    int exit_code;                      /* -1 if ended by a signal */
    int exit_signal;                    /* 0 if it exited */
    int64_t cpu_user_ns, cpu_system_ns; /* with its waited-for children */
    /* Largest resident set of it or a waited-for child. The kernel counts from before exec, so for
     * a small program this is what mlops itself had at the time of the start. */
    int64_t peak_bytes;
};

/* Makes this process a subreaper. Once, before the first start. */
FALLIBLE process_adopt_orphans(void);

/* A stop signal (TERM) when `parent` ends, which started us; at once if it is gone. To be asked for
 * again after credentials have changed. */
FALLIBLE process_end_with(pid_t parent);

/* An error if the program cannot be started at all (not found, no permission: said so). */
FALLIBLE process_start(const struct process_spec *spec, struct process *ret);

/* Sends a signal to the whole group; a group that is gone is fine. */
void process_signal(const struct process *process, int signal_number);

/* After the pidfd became readable: reaps it, closes the pidfd and leaves *process empty. */
FALLIBLE process_reap(struct process *process, struct process_end *ret);

/* Kills and reaps if it still runs. */
void process_drop(struct process *process);

/* Kills, until none is left, everything that is our descendant and carries `marker` ("NAME=value")
 * in its environment or belongs to process group `group` (0: none); with marker empty: every
 * descendant that is not among the `kept` running children. Spares the `kept` and what is below
 * them. Other children that have ended are reaped on the way, so every process that is still to be
 * reaped must be among the `kept`. Gives up after five seconds. Returns how many were ended. */
int process_sweep(struct str marker, pid_t group, const pid_t *kept, size_t kept_count);

/* Identity of processes across invocations. */
FALLIBLE process_boot_id(struct arena *arena, struct str *ret);
int64_t process_start_ticks(pid_t pid); /* -1: no such process, or only a zombie */

/* Kills the group and everything that carries `marker`, if the leader's identity still matches or
 * any process with the marker is alive; waits until they are gone (at most `wait_ns`). Spares this
 * process and those above it. *ret_ended: none of them is left (or there was none). */
FALLIBLE process_end_foreign(pid_t group, int64_t started_ticks, struct str boot_id,
                             struct str marker, int64_t wait_ns, bool *ret_ended);

/* Runs a short helper program to the end and returns its output (at most bytes_most; what it writes
 * to stderr is dropped). 128 plus the signal as exit code if it was ended by one. An error if it
 * takes more than 30 seconds. */
FALLIBLE process_capture(struct arena *arena, const char *const *argv, int64_t bytes_most,
                         struct str *ret_output, int *ret_exit_code);
