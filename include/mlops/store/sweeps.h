/* The queue: sweeps and their trials as rows of the lineage database (docs/formats.md). Several
 * drivers may work on one sweep: a trial belongs to who holds its lock, a kernel lock that dies
 * with the process; rows say what is known, locks who is at work. */
#pragma once

#include "mlops/model/sampler.h"
#include "mlops/model/stopping.h"
#include "mlops/store/ledger.h"

enum sweep_status {
    SWEEP_OPEN, /* trials are left */
    SWEEP_DONE, /* all that were to be tried have been, or time or number is used up */
};

struct sweep_row {
    int64_t id;      /* inside this ledger */
    struct str ulid; /* shown by its last 8 characters, as runs are */
    struct sweep sweep;
    enum sweep_status status;
    bool is_single;    /* `run -P`: a sweep of one trial */
    struct str parent; /* ULID of the run that left the state the sweep started from, or empty */
    struct digest snapshot; /* tree object: the files that trials are made from */
    struct code_state code; /* at that time */
    struct str argv;
    int64_t created_ns, spent_ns; /* of all drivers so far, by the monotonic clock */
    int64_t counts[8];            /* of trials, by enum trial_status */
    int64_t last_run;             /* sequence of its newest run; 0: none yet */
};

enum trial_status {
    TRIAL_WAITING,
    TRIAL_RUNNING, /* by its row; whether somebody is at work the lock tells */
    TRIAL_SUCCEEDED,
    TRIAL_FAILED,
    TRIAL_REJECTED, /* a validate stage or a gate said no */
    TRIAL_STOPPED,  /* hopeless by the sweep's rule */
    TRIAL_STATUS_COUNT,
};
const char *trial_status_name(enum trial_status status);

struct trial {
    int64_t number; /* from 0, shown from 1 */
    enum trial_status status;
    struct override_vec overrides;
    struct str run; /* ULID of its run; empty: none yet, or it was removed */
    bool has_score; /* never of a NaN */
    double score;
    struct str note;      /* why it failed or was stopped, in one line */
    struct str isolation; /* "namespace", "directory" */
    int64_t started_ns, duration_ns;
    int64_t attempts; /* how often it was begun: more than once after a kill */
};

/* One transaction. Fills in id and ulid (if it is empty), and created_ns if that is 0. A name that
 * another sweep has is an ERROR_USAGE. */
FALLIBLE sweeps_begin(struct ledger *ledger, struct arena *arena, struct sweep_row *row);

/* Newest first, singles only if asked for. By ULID's end or start, or name: 0, 1 or more. */
FALLIBLE sweeps_list(struct ledger *ledger, struct arena *arena, bool with_singles,
                     struct sweep_row **ret, size_t *ret_count);
FALLIBLE sweeps_find(struct ledger *ledger, struct arena *arena, struct str word,
                     struct sweep_row **ret, size_t *ret_count);

/* It has more to try from now on: row->sweep.trials_most and the status are stored. */
FALLIBLE sweeps_extend(struct ledger *ledger, const struct sweep_row *row);

/* Time of a driver that goes on, which may be killed any moment. */
FALLIBLE sweeps_spend(struct ledger *ledger, int64_t id, int64_t spent_ns);

/* A driver ends: `spent_ns` is added. */
FALLIBLE sweeps_finish(struct ledger *ledger, int64_t id, int64_t spent_ns,
                       enum sweep_status status);

/* All trials that exist, by number. */
FALLIBLE sweeps_trials(struct ledger *ledger, struct arena *arena, int64_t id, struct trial **ret,
                       size_t *ret_count);
/* At most `most`, the best first, then those without a score by number. */
FALLIBLE sweeps_best(struct ledger *ledger, struct arena *arena, const struct sweep_row *row,
                     int64_t most, struct trial **ret, size_t *ret_count);
FALLIBLE sweeps_trial(struct ledger *ledger, struct arena *arena, int64_t id, int64_t number,
                      struct trial *ret, bool *ret_found);

/* The sweep and trial of a run; *ret_found false: it is none of a sweep. */
FALLIBLE sweeps_of_run(struct ledger *ledger, struct arena *arena, struct str run,
                       struct sweep_row *ret, struct trial *ret_trial, bool *ret_found);

/* Removes a sweep, its trials and reports; its runs (ledger_remove_runs) stay and are those of no
 * sweep. One that goes on is an ERROR_USAGE. */
FALLIBLE sweeps_remove(struct ledger *ledger, const struct workspace *workspace,
                       const struct sweep_row *row);

/* Whether some process works on the sweep's trial `number` now; -1: on any of them. */
FALLIBLE sweeps_is_busy(const struct workspace *workspace, const struct sweep_row *row,
                        int64_t number, bool *ret);

/* Takes the next trial that nobody works on: one left by a dead driver (a run of it that came to an
 * end of its own is taken for what it is), else a waiting one, else a new one of the sampler's. Its
 * row is TRIAL_RUNNING then, its reports are gone. *ret_lock is to be inherited by the trial's
 * process (and not by stages); it may be a descriptor above the standard ones that is CLOEXEC.
 * Nothing to take: *ret_taken false, and *ret_is_all: nothing will come any more (else: wait for
 * trials that are under way, one's own or those of others). */
FALLIBLE sweeps_take(struct ledger *ledger, const struct workspace *workspace, struct arena *arena,
                     const struct sweep_row *row, struct trial *ret, struct lock *ret_lock,
                     bool *ret_taken, bool *ret_is_all);

/* From now on what this connection writes does not wait for the disk; a killed process loses none
 * of it. A power cut may lose the last of it, never what somebody's durable commit came after: a
 * trial that is not there is proposed again as it was, and one whose run was recorded is settled
 * from that by whoever takes it. */
FALLIBLE sweeps_relax(struct ledger *ledger, const struct workspace *workspace);

/* What became of it: status, run, score, note, isolation, duration; the rest of its row stays. By
 * the trial's process when its run is recorded, or by its driver; TRIAL_WAITING gives it back. */
FALLIBLE sweeps_save(struct ledger *ledger, int64_t id, const struct trial *trial);

/* The sweep's metric as a recorded run has it (metrics_find). */
FALLIBLE sweeps_score(struct ledger *ledger, const struct sweep *sweep, struct str run,
                      bool *ret_has_score, double *ret_score);

/* What a running trial has reported; a step that is reported again has the later value. All of a
 * sweep, by trial and step. */
FALLIBLE sweeps_report(struct ledger *ledger, int64_t id, const struct trial_report *reports,
                       size_t count);
FALLIBLE sweeps_reports(struct ledger *ledger, struct arena *arena, int64_t id,
                        struct trial_report **ret, size_t *ret_count);
