/* The driver of a sweep: takes trials from the queue, starts each as a process of its own (`mlops
 * trial`, engine/trial), watches what they report, ends hopeless ones. May be killed at any moment;
 * another one goes on. */
#pragma once

#include "mlops/engine/run.h"
#include "mlops/engine/work_dir.h"
#include "mlops/store/sweeps.h"

struct sweep_options {
    int64_t jobs; /* trials and stages at once, in all; 0: the setting, else cpus */
    int64_t time_most_ns, trials_most; /* of this driver; 0: as the sweep says */
    enum isolation isolation;
    bool allows_shared;
    bool stops_at_failure;     /* else other trials go on */
    bool keeps_work;           /* work directories stay, for a look */
    struct plan_choice choice; /* of an experiment; a sweep has targets alone */
    int64_t lock_timeout_ns;   /* of the trials; < 0: the setting */
    struct run_options run;    /* of the trials: its flags, as `mlops run` takes them */
    struct str commit;         /* made from this revision; empty: the work tree as it is */
    struct str argv, version;
    const char *const *shown; /* further words for a trial that tells on our own stdout and stderr;
                                 NULL: its events come to us and go to the observer */
};

/* A trial as the driver sees it now. */
struct trial_view {
    struct trial trial;
    struct str stage; /* running now */
    int64_t step;     /* last reported; -1 none */
    double value;
    int finished_count, total_count; /* stages */
    struct str log_tail;             /* of a failed stage */
};

enum sweep_event_kind {
    SWEEP_BEGUN,
    TRIAL_BEGUN,
    TRIAL_CHANGED, /* a stage began or ended, a step was reported */
    TRIAL_ENDED,
    SWEEP_WARNED, /* text */
    SWEEP_TICKED,
    SWEEP_ENDED,
};
struct sweep_event {
    enum sweep_event_kind kind;
    const struct sweep_row *row;
    const struct trial_view *trial;   /* NULL: none */
    const struct trial_view *running; /* all that run now */
    size_t running_count;
    int64_t done_count, total_count; /* total 0: not known */
    const struct trial *best;        /* NULL: none has a score */
    struct str text;
};
struct sweep_observer {
    void (*tell)(void *context, const struct sweep_event *event);
    void *context;
    int64_t tick_ns; /* wants SWEEP_TICKED about this often; 0: never */
};

struct sweep_report {
    struct sweep_row row;
    struct trial *trials;
    size_t count;
    int exit_status; /* 0; 1: a trial failed or none has the metric; 128 + n */
};

/* A new sweep: resolves and checks everything, takes the snapshot, records it. Nothing has run. */
FALLIBLE sweep_begin(struct session *session, const struct sweep *sweep,
                     const struct sweep_options *options, bool is_single, struct sweep_row *ret);

/* `more` trials beyond those that are done, where its method knows that many; halving's rounds are
 * what they are. */
FALLIBLE sweep_extend(struct session *session, struct sweep_row *row, int64_t more);

/* Works on a sweep until nothing is left, time is up or it is stopped by a signal. */
FALLIBLE sweep_drive(struct session *session, struct sweep_row *row,
                     const struct sweep_options *options, const struct sweep_observer *observer,
                     struct sweep_report *ret);
