#include "mlops/engine/job.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "job_private.h"

enum { READ_BYTES = 65536, READS_PER_TURN = 16, READS_LAST = 4096 };

static void command_ended(void *context);

static void job_finish(struct job *job, enum job_end end)
{
    struct str fresh;
    struct error *error = log_finish(&job->log, &fresh);
    if (error && !job->error)
        job->error = error;
    else
        error_drop(error);
    job->usage.duration_ns = clock_monotonic_ns() - job->started_monotonic_ns;
    job->usage.timed_out = job->timed_out;
    job->end = end;
}

static void job_break(struct job *job, struct error *error)
{
    if (job->error)
        error_drop(error);
    else
        job->error = error;
    job_stop(job, true);
}

static void tell_output(struct job *job, struct str text)
{
    if (!text.len)
        return;
    struct event event = {.kind = EVENT_STAGE_OUTPUT, .stage = job->options.stage, .text = text};
    observer_tell(job->options.observer, &event);
}

enum read_state { READ_MORE, READ_EMPTY, READ_END };

static enum read_state read_once(struct job *job)
{
    static char bytes[READ_BYTES]; /* one thread, used between two calls only */
    ssize_t len = read(fd_number(job->output), bytes, sizeof bytes);
    if (len < 0)
        return errno == EINTR ? READ_MORE : errno == EAGAIN ? READ_EMPTY : READ_END;
    if (len == 0)
        return READ_END;
    struct str fresh = {0};
    struct error *error = log_add(&job->log, (struct str){bytes, (size_t)len}, &fresh);
    if (error)
        job_break(job, error);
    tell_output(job, fresh);
    return READ_MORE;
}

/* Reads what is there, bounded so that one noisy stage does not starve the others. */
static enum read_state read_output(struct job *job, int reads)
{
    enum read_state state = READ_MORE;
    for (int i = 0; i < reads && state == READ_MORE; i++)
        state = read_once(job);
    return state;
}

static void close_output(struct job *job)
{
    if (fd_number(job->output) < 0)
        return;
    loop_forget(job->options.loop, fd_number(job->output));
    fd_drop(&job->output);
}

static void output_ready(void *context)
{
    struct job *job = context;
    if (read_output(job, READS_PER_TURN) == READ_END)
        close_output(job);
}

static FALLIBLE open_pipe(struct fd *ret_read, struct fd *ret_write)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_os(errno, "cannot make a pipe");
    *ret_read = fd_of(ends[0]);
    *ret_write = fd_of(ends[1]);
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        return error_os(errno, "cannot set a pipe up");
    return NULL;
}

static void join_group(struct job_group *group, pid_t leader)
{
    check(group->count < (size_t)LIMIT_JOBS);
    group->leaders[group->count++] = leader;
}

static void leave_group(struct job_group *group, pid_t leader)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->leaders[i] == leader)
            group->leaders[i--] = group->leaders[--group->count];
    }
}

static FALLIBLE start_command(struct job *job)
{
    const struct job_options *options = &job->options;
    struct session *session = options->session;
    AUTO(fd_drop) struct fd write_end = {0};
    TRY(open_pipe(&job->output, &write_end));
    int keep[3 + 64];
    size_t keep_count = 0;
    struct attempt *attempt = options->attempt;
    keep[keep_count++] = fd_number(attempt->journal);
    if (fd_number(attempt->claims.fd) >= 0)
        keep[keep_count++] = fd_number(attempt->claims.fd);
    if (fd_number(attempt->key_claim.fd) >= 0)
        keep[keep_count++] = fd_number(attempt->key_claim.fd);
    for (size_t i = 0; i < attempt->gpu_count && keep_count < COUNT_OF(keep); i++)
        keep[keep_count++] = fd_number(attempt->gpus[i]);
    struct str directory = path_join(&job->arena, session->workspace.root, options->stage->wdir);
    struct process_spec spec = {
        .argv = job->commands[job->next_command++],
        .envp = job->envp,
        .cwd = options->stage->wdir.len ? directory.at : session->workspace.root.at,
        .output_fd = fd_number(write_end),
        .keep_fds = keep,
        .keep_count = keep_count,
    };
    TRY(process_start(&spec, &job->process));
    join_group(options->group, job->process.pid);
    loop_watch(options->loop, fd_number(job->output), output_ready, job);
    loop_watch(options->loop, fd_number(job->process.pidfd), command_ended, job);
    return attempt_note_process(session, attempt, job->process.pid, job->process.started_ticks);
}

static void add_usage(struct usage *usage, const struct process_end *end)
{
    usage->cpu_user_ns += end->cpu_user_ns;
    usage->cpu_system_ns += end->cpu_system_ns;
    usage->peak_bytes = MAX_OF(usage->peak_bytes, end->peak_bytes);
    usage->exit_code = end->exit_code;
    usage->exit_signal = end->exit_signal;
}

/* The leader ended: what it left in its group or sent away ends too; then the next command. */
static void command_ended(void *context)
{
    struct job *job = context;
    struct process_end end = {0};
    pid_t group = job->process.pid;
    loop_forget(job->options.loop, fd_number(job->process.pidfd));
    struct error *error = process_reap(&job->process, &end);
    if (error)
        job_break(job, error);
    leave_group(job->options.group, group);
    process_sweep(job->options.attempt->marker, group, job->options.group->leaders,
                  job->options.group->count);
    if (fd_number(job->output) >= 0)
        (void)read_output(job, READS_LAST); /* who still holds the pipe was ended: no waiting */
    close_output(job);
    add_usage(&job->usage, &end);
    bool is_success = end.exit_code == 0 && !job->error;
    if (job->timed_out)
        job_finish(job, JOB_TIMED_OUT);
    else if (job->is_stopping && !job->error)
        job_finish(job, JOB_STOPPED);
    else if (!is_success)
        job_finish(job, JOB_FAILED);
    else if (job->next_command == job->command_count)
        job_finish(job, JOB_SUCCEEDED);
    else if ((error = start_command(job))) {
        job_break(job, error);
        job_finish(job, JOB_FAILED);
    }
}

struct error *job_start(const struct job_options *options, struct job *ret)
{
    *ret = (struct job){.options = *options, .deadline_ns = -1, .kill_ns = -1};
    struct error *error = job_prepare(ret);
    if (error)
        return error;
    log_open(options->session, options->log_path, job_redactor(ret), &ret->log);
    ret->started_monotonic_ns = clock_monotonic_ns();
    ret->usage.started_ns = clock_real_ns();
    if (options->stage->timeout_ns)
        ret->deadline_ns = ret->started_monotonic_ns + options->stage->timeout_ns;
    return start_command(ret);
}

/* One that stopped itself can't answer before it goes on. */
static void ask_to_end(struct job *job)
{
    process_signal(&job->process, SIGTERM);
    process_signal(&job->process, SIGCONT);
}

void job_stop(struct job *job, bool now)
{
    if (!job->process.pid)
        return;
    int64_t grace_ns = job->options.session->workspace.config.grace_ns;
    job->is_stopping = true;
    if (now || job->kill_ns >= 0)
        process_signal(&job->process, SIGKILL);
    else
        ask_to_end(job);
    if (job->kill_ns < 0)
        job->kill_ns = clock_monotonic_ns() + grace_ns;
}

int64_t job_deadline(const struct job *job)
{
    if (job->end != JOB_RUNNING)
        return -1;
    if (job->kill_ns >= 0)
        return job->kill_ns;
    return job->deadline_ns;
}

void job_tick(struct job *job, int64_t now_ns)
{
    if (job->end != JOB_RUNNING)
        return;
    if (job->kill_ns >= 0 && now_ns >= job->kill_ns) {
        process_signal(&job->process, SIGKILL);
        job->kill_ns = now_ns + NS_PER_S; /* again, if something else held it up */
    } else if (job->kill_ns < 0 && job->deadline_ns >= 0 && now_ns >= job->deadline_ns) {
        job->timed_out = true;
        job_stop(job, false);
    }
}

void job_drop(struct job *job)
{
    close_output(job);
    if (job->process.pid) {
        loop_forget(job->options.loop, fd_number(job->process.pidfd));
        leave_group(job->options.group, job->process.pid);
    }
    process_drop(&job->process);
    log_drop(&job->log);
    error_drop(job->error);
    arena_drop(&job->arena);
    *job = (struct job){0};
}
