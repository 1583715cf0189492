/* The state of one run, shared by the run_*.c files. Flow: run.c sequences; run_visit.c decides for
 * a ready stage; run_restore.c and run_execute.c do it; run_capture.c turns outputs into a result;
 * run_finish.c settles a stage and what waits for it; run_begin.c and run_end.c open and close the
 * record. */
#pragma once

#include "mlops/engine/budget.h"
#include "mlops/engine/job.h"
#include "mlops/engine/record.h"
#include "mlops/engine/run.h"

enum phase {
    PHASE_WAITING, /* for other stages */
    PHASE_READY,   /* in the queue */
    PHASE_HELD,    /* for locks or resources */
    PHASE_RUNNING,
    PHASE_BACKOFF, /* before a retry */
    PHASE_DONE,
};

struct step {
    const struct stage *stage;
    struct outcome *outcome;
    enum phase phase;
    uint32_t rank;              /* its place in the plan's order */
    uint32_t blockers;          /* needs that are not done */
    const struct stage *poison; /* a need that did not succeed */
    enum plan_edge poison_edge;
    bool is_deferred;  /* --minimal: known, restorable, not needed so far */
    bool is_unvisited; /* held before its fingerprint could be taken */
    bool is_forced;    /* --force-downstream: something it needs ran */
    struct fingerprint print;
    struct verdict verdict;
    struct attempt attempt;
    struct job *job; /* heap; NULL: none */
    int attempts;
    struct usage usage;  /* of earlier attempts */
    struct arena memory; /* its log, until that is recorded */
    int64_t wake_ns;
    int64_t held_since_ns;
    bool was_noticed;
    bool was_looked_again; /* after an error, with nobody else at work on its paths */
    bool is_completed;     /* the known result has metrics now that it had not */
};

VEC(index_vec, uint32_t);

struct run_state {
    struct session *session;
    const struct run_options *options;
    struct run *run;
    int64_t begun_ns; /* monotonic */
    struct outcome *outcomes;
    struct step *steps;
    struct index_vec ready;  /* a heap: the first in the plan's order on top */
    struct index_vec active; /* held, running, backing off */
    struct forecast forecast;
    struct loop *loop;
    struct job_group group;
    struct budget budget;
    struct recorder *recorder;
    struct str damage; /* stamp of the store's damage that this project has not looked into yet */
    struct map durations; /* stage -> int64_t * */
    struct map templates; /* stage -> what it took from parameters; see run_template.c */
    bool templates_read;
    bool has_begun;              /* the run has a row in the ledger */
    const struct stage *failure; /* the first: nothing new starts unless keep_going */
    int stop_count;              /* stop signals seen */
    int running;
    int finished, total;
    int displaced;
    int exit_status;
};

bool run_is_stopping(const struct run_state *state);
/* Something held may be free now: ask at once. */
void run_wake_held(struct run_state *state);

/* run_begin.c: before the first stage executes or is restored: the ledger's row, the code's state,
 * and that git tracks no cached output. */
FALLIBLE run_begin(struct run_state *state);

/* run_ready.c: stages whose needs are done, first those that come first in the plan's order: with
 * one job the plan's order is the order of the run. */
void run_push_ready(struct run_state *state, uint32_t index);
uint32_t run_pop_ready(struct run_state *state);

/* run_visit.c */
struct lookup_options run_lookup_options(const struct run_state *state, const struct step *step);
FALLIBLE run_visit(struct run_state *state, struct step *step);
void run_take_result(struct run_state *state, struct step *step);
FALLIBLE run_retry_held(struct run_state *state, struct step *step);
/* What the stage is fingerprinted with beside the work tree, or NULL. */
const struct forecast *run_forecast(const struct run_state *state);

/* Now a stage executes: what stages before it made and what was put off has to be there (*ret_done
 * false: somebody else works on it), and what counted as its pointer says (lazy_inputs), which is
 * looked at by itself from now on. */
FALLIBLE run_materialise_needs(struct run_state *state, const struct stage *stage, bool *ret_done);
FALLIBLE run_bring_inputs(struct run_state *state, const struct stage *stage);

/* run_guard.c: a validate stage that guards what this one reads, and would run itself (dry runs),
 * or NULL. */
const struct stage *run_guard_awaited(const struct run_state *state, const struct step *step);

/* A guard outside this run (--only) that has not passed on what is there now, or a stage whose
 * gates are not known to hold; or NULL. */
FALLIBLE run_guard_missing(struct run_state *state, const struct step *step,
                           const struct stage **ret_guard);

/* run_execute.c */
FALLIBLE run_execute(struct run_state *state, struct step *step);
/* What the run knew of the stage's files may be old by now: with its locks held, stat again. */
FALLIBLE run_look_again(struct run_state *state, struct step *step);
FALLIBLE run_job_ended(struct run_state *state, struct step *step);
void run_hold(struct run_state *state, struct step *step, int64_t wake_ns);

/* run_heal.c: after damage was found in the store, objects that the work tree still holds are put
 * again. */
FALLIBLE run_heal_begin(struct run_state *state);
FALLIBLE run_heal(struct run_state *state, const struct step *step);
FALLIBLE run_heal_end(struct run_state *state, bool is_complete);

/* run_restore.c */
FALLIBLE run_restore(struct run_state *state, struct step *step);
/* Restores what --minimal put off; *ret_done false: somebody else works on it, try again. */
FALLIBLE run_materialise(struct run_state *state, struct step *need, bool *ret_done);

/* run_capture.c: outputs -> step->outcome->value; *ret_fault: why they can't be (an outcome, not an
 * error). */
FALLIBLE run_capture(struct run_state *state, struct step *step, struct str *ret_fault);
/* Outputs that became metrics after the known result was made are read now. */
FALLIBLE run_complete_metrics(struct run_state *state, struct step *step);

/* run_finish.c: the stage is done with this status; its users may go on. */
FALLIBLE run_finish_stage(struct run_state *state, struct step *step, enum stage_status status);
/* It fails by this error, unless that is no stage's fault: then the error is returned. */
FALLIBLE run_fail_stage(struct run_state *state, struct step *step, struct error *error);
/* A stop signal came in the middle of something long. */
bool run_was_interrupted(const struct error *error);
/* What a stage may be blamed for; not that the machine ran out of something, a stop or a bug. */
bool run_is_stage_fault(const struct error *error);
/* The error's text, which it drops, as the cause of a failure. */
struct str run_text_of(struct arena *arena, struct error *error);

/* run_template.c: which values of templates are behind a changed command; and remembering them. */
void run_explain_templates(struct run_state *state, struct step *step);
void run_note_templates(struct run_state *state);

/* run_saving.c */
void run_note_saving(const struct run_state *state, struct run_report *ret);

/* run_end.c */
FALLIBLE run_end(struct run_state *state, struct run_report *ret);
/* Counts, status and duration as they are now. */
void run_sum_up(struct run_state *state);

/* accept.c: what `mlops accept` will need. */
FALLIBLE unconfirmed_save(struct session *session, const struct outcome *outcome);
/* The stage ran again: there is nothing to accept any more. */
FALLIBLE unconfirmed_forget(struct session *session, const struct stage *stage);
