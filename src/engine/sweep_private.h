/* The state of a driver, shared by the sweep_*.c files. Flow: sweep.c sequences; sweep_child.c
 * starts trials and settles what became of them; sweep_words.c reads what they tell;
 * sweep_judge.c saves what they report and ends the hopeless; sweep_begin.c makes new sweeps. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/engine/sweep.h"
#include "mlops/host/loop.h"
#include "mlops/host/process.h"

struct sweep_state;

/* One trial at a time, in a process of its own. */
struct worker {
    struct sweep_state *state;
    bool is_busy;
    bool is_hopeless;  /* it was told to end since it can't win */
    bool has_new_step; /* since it was judged */
    struct process process;
    struct fd events; /* what it tells; non-blocking */
    struct lock lock; /* of the trial; the process holds it, too */
    struct trial_view view;
    struct arena memory; /* of this trial */
    struct buf line;     /* unfinished */
    struct buf words;    /* what is no event: errors */
    int64_t begun_ns;
};

VEC(report_vec, struct trial_report);

struct sweep_state {
    struct session *session;
    struct ledger *ledger;
    struct sweep_row *row;
    const struct sweep_options *options;
    const struct sweep_observer *observer;
    struct loop *loop;
    struct fd slots; /* the budget that all trials share */
    int64_t jobs;
    struct worker *workers;
    struct trial_view *views; /* of busy workers, for the observer */
    int busy;
    int64_t begun_ns, deadline_ns; /* monotonic; -1: none */
    int64_t spent_ns;              /* of this driver, in the ledger already */
    int64_t begun_count;           /* trials that this driver has started */
    int64_t done, total;
    int stop_count;        /* stop signals seen */
    bool is_ending;        /* no new trials */
    bool is_all;           /* nothing is left to take */
    int64_t wait_ns;       /* others have all that is left: look again then */
    struct error *failure; /* of the machine: ends the sweep */
    struct trial *best;    /* in best_memory */
    struct arena best_memory;
    bool was_told_missing; /* that the metric is not there */
    struct map told;       /* warnings of trials */
    struct arena told_memory;
    struct report_vec reports; /* not saved yet */
    struct arena reports_memory;
    int64_t save_ns; /* not before; see sweep_judge.c */
};

void sweep_tell(struct sweep_state *state, enum sweep_event_kind kind, const struct worker *worker,
                struct str text);
void sweep_warn(struct sweep_state *state, struct str text);

/* sweep_child.c: takes a trial, if there is one, and starts it. */
FALLIBLE sweep_start(struct sweep_state *state, struct worker *worker, bool *ret_started);
void sweep_child_ended(struct sweep_state *state, struct worker *worker);
void sweep_worker_drop(struct worker *worker);

/* sweep_words.c: reads what has come by now. */
void sweep_listen(struct worker *worker);

/* sweep_settle.c: what became of a trial whose process has ended. */
FALLIBLE sweep_settle(struct sweep_state *state, struct worker *worker,
                      const struct process_end *end);
FALLIBLE sweep_consider(struct sweep_state *state, const struct trial *trial);

/* sweep_judge.c: saves reports when it is time (or at once), ends hopeless trials. */
FALLIBLE sweep_save_reports(struct sweep_state *state);
FALLIBLE sweep_judge(struct sweep_state *state);
