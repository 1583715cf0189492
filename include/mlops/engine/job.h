/* One attempt of one stage as local processes: its commands in order, each in its own process
 * group, output into the log, deadline, polite and impolite end. Everything happens in the loop's
 * thread. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/engine/aside.h"
#include "mlops/engine/log.h"
#include "mlops/host/loop.h"
#include "mlops/host/process.h"

enum job_end {
    JOB_RUNNING,
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_TIMED_OUT,
    JOB_STOPPED, /* by job_stop */
};

/* Leaders that run now: what ends one stage's leftovers must leave those of the others to be
 * reaped. */
struct job_group {
    pid_t *leaders; /* room for LIMIT_JOBS */
    size_t count;
};

struct job_options {
    struct session *session;
    const struct stage *stage;
    struct attempt *attempt; /* outlives the job */
    struct str run_id;
    struct str gpus;     /* CUDA_VISIBLE_DEVICES, or empty */
    struct str log_path; /* relative to .mlops */
    struct loop *loop;
    struct job_group *group;
    const struct observer *observer;
};

struct job {
    struct job_options options;
    struct arena arena; /* of this attempt */
    enum job_end end;
    struct error *error; /* the attempt could not go on (I/O); owned */
    struct usage usage;
    struct log log;
    struct process process;
    struct fd output;
    const char ***commands; /* argv each */
    size_t command_count, next_command;
    const char **envp;
    int64_t deadline_ns; /* monotonic; -1: none */
    int64_t kill_ns;     /* when TERM becomes KILL; -1: not stopping */
    bool is_stopping, timed_out;
    int64_t started_monotonic_ns;
};

/* An error means nothing was started. The job lives at a fixed address until job_drop. */
FALLIBLE job_start(const struct job_options *options, struct job *ret);

/* TERM to the group, KILL after the configured grace; at once if `now`. */
void job_stop(struct job *job, bool now);

/* Next moment at which job_tick has something to do (monotonic), or -1. */
int64_t job_deadline(const struct job *job);
void job_tick(struct job *job, int64_t now_ns);

/* Kills what still runs. */
void job_drop(struct job *job);
