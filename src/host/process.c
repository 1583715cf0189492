#include "mlops/host/process.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/moment.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_private.h"

struct error *process_adopt_orphans(void)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) != 0)
        return error_os(errno, "cannot become the parent of orphaned processes");
    return NULL;
}

struct error *process_end_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0L, 0L, 0L) != 0)
        return error_os(errno, "cannot ask to end with process %d", (int)parent);
    if (getppid() != parent) /* it ended before we asked */
        raise(SIGTERM);
    return NULL;
}

/* Everything posix_spawn is told, given back together. */
struct spawn {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

static void spawn_open(struct spawn *spawn)
{
    check(posix_spawn_file_actions_init(&spawn->actions) == 0);
    check(posix_spawnattr_init(&spawn->attributes) == 0);
}

static void spawn_drop(struct spawn *spawn)
{
    posix_spawn_file_actions_destroy(&spawn->actions);
    posix_spawnattr_destroy(&spawn->attributes);
}

/* A group of its own, and no disposition or mask of ours (we ignore SIGPIPE, say). */
static void spawn_signals(struct spawn *spawn, bool joins_group)
{
    sigset_t all, none;
    const short group = joins_group ? 0 : POSIX_SPAWN_SETPGROUP;
    const short flags = (short)(group | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    sigfillset(&all);
    sigemptyset(&none);
    check(posix_spawnattr_setflags(&spawn->attributes, flags) == 0);
    check(posix_spawnattr_setpgroup(&spawn->attributes, 0) == 0);
    check(posix_spawnattr_setsigdefault(&spawn->attributes, &all) == 0);
    check(posix_spawnattr_setsigmask(&spawn->attributes, &none) == 0);
}

/* What fails here is memory. Output first: it may itself be descriptor 0. */
static int spawn_files(struct spawn *spawn, const struct process_spec *spec, int cwd_fd)
{
    posix_spawn_file_actions_t *actions = &spawn->actions;
    int code = 0;
    if (spec->output_fd >= 0) {
        code |= posix_spawn_file_actions_adddup2(actions, spec->output_fd, STDOUT_FILENO);
        code |= posix_spawn_file_actions_adddup2(actions, spec->output_fd, STDERR_FILENO);
    }
    if (spec->drops_stderr)
        code |= posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (spec->error_fd)
        code |= posix_spawn_file_actions_adddup2(actions, spec->error_fd, STDERR_FILENO);
    if (spec->input_fd)
        code |= posix_spawn_file_actions_adddup2(actions, spec->input_fd, STDIN_FILENO);
    else if (!spec->inherits_stdin)
        code |= posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (size_t i = 0; i < spec->keep_count; i++) {
        check(spec->keep_fds[i] > STDERR_FILENO);
        /* Onto itself: glibc clears its CLOEXEC in the child (since 2.29). */
        code |= posix_spawn_file_actions_adddup2(actions, spec->keep_fds[i], spec->keep_fds[i]);
    }
    if (cwd_fd >= 0)
        code |= posix_spawn_file_actions_addfchdir_np(actions, cwd_fd);
    return code ? ENOMEM : 0;
}

/* Why exec refused a file that is there and executable. */
static FALLIBLE start_error(int code, const char *program)
{
    if (code == ENOENT)
        return error_hint(
            error_new(ERROR_MACHINE, "cannot start '%s': its interpreter is missing", program),
            "look at its first line ('#!...')");
    if (code == ENOEXEC)
        return error_hint(error_new(ERROR_MACHINE, "cannot start '%s': it is no program", program),
                          "a script needs a first line such as '#!/bin/sh'");
    if (code == E2BIG)
        return error_new(ERROR_MACHINE, "cannot start '%s': command and environment are too long",
                         program);
    return error_os(code, "cannot start '%s'", program);
}

static FALLIBLE spawn_program(const struct process_spec *spec, const char *program, int cwd_fd,
                              pid_t *ret_pid)
{
    AUTO(spawn_drop) struct spawn spawn;
    spawn_open(&spawn);
    spawn_signals(&spawn, spec->joins_group);
    int code = spawn_files(&spawn, spec, cwd_fd);
    if (code == 0) /* the prototype is older than const */
        code =
            posix_spawn(ret_pid, program, &spawn.actions, &spawn.attributes,
                        (char *const *)(uintptr_t)spec->argv, (char *const *)(uintptr_t)spec->envp);
    return code ? start_error(code, program) : NULL;
}

struct error *process_start(const struct process_spec *spec, struct process *ret)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(fd_drop) struct fd cwd = {0};
    AUTO(process_drop) struct process process = {0};
    const char *program = NULL;
    struct proc_stat stat;
    if (spec->cwd)
        TRY_WITHIN(directory_open(AT_FDCWD, spec->cwd, &cwd), "cannot start '%s'", spec->argv[0]);
    int at_fd = spec->cwd ? fd_number(cwd) : AT_FDCWD;
    TRY(process_find_program(&arena, spec, at_fd, &program));
    TRY(spawn_program(spec, program, fd_number(cwd), &process.pid));
    TRY_WITHIN(process_watch(process.pid, &process.pidfd), "cannot start '%s'", spec->argv[0]);
    process.started_ticks = proc_stat_read(process.pid, &stat) ? stat.started_ticks : -1;
    *ret = process;
    process = (struct process){0};
    return NULL;
}

void process_signal(const struct process *process, int signal_number)
{
    if (process->pid <= 1)
        return;
    kill(-process->pid, signal_number);
    if (getpgid(process->pid) != process->pid) /* it went to another group of its session */
        kill(process->pid, signal_number);
}

static int64_t time_ns(struct timeval time)
{
    return (int64_t)time.tv_sec * NS_PER_S + (int64_t)time.tv_usec * 1000;
}

struct error *process_reap(struct process *process, struct process_end *ret)
{
    int status = 0;
    struct rusage used;
    pid_t reaped = 0;
    check(process->pid > 0);
    while ((reaped = wait4(process->pid, &status, 0, &used)) < 0 && errno == EINTR)
        continue;
    if (reaped < 0)
        return error_os(errno, "cannot learn how process %d ended", (int)process->pid);
    *ret = (struct process_end){
        .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .cpu_user_ns = time_ns(used.ru_utime),
        .cpu_system_ns = time_ns(used.ru_stime),
        .peak_bytes = (int64_t)used.ru_maxrss * 1024,
    };
    fd_drop(&process->pidfd);
    *process = (struct process){0};
    return NULL;
}

void process_drop(struct process *process)
{
    struct process_end unused;
    if (process->pid > 0) {
        process_signal(process, SIGKILL);
        error_drop(process_reap(process, &unused));
    }
    fd_drop(&process->pidfd);
    *process = (struct process){0};
}

struct error *process_boot_id(struct arena *arena, struct str *ret)
{
    struct str text = {0};
    bool is_found = false;
    TRY(file_read(arena, AT_FDCWD, "/proc/sys/kernel/random/boot_id", 4096, &text, &is_found));
    if (!is_found)
        return error_new(ERROR_MACHINE, "the kernel tells no boot id; is /proc mounted?");
    *ret = str_trim(text);
    return NULL;
}

int64_t process_start_ticks(pid_t pid)
{
    struct proc_stat stat;
    return proc_stat_read(pid, &stat) && !proc_is_dead(&stat) ? stat.started_ticks : -1;
}
