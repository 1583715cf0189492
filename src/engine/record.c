#include "mlops/engine/record.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/engine/lookup.h"
#include "mlops/host/clock.h"
#include "mlops/store/results.h"

#include <stdlib.h>

#include "record_private.h"

struct pending {
    struct outcome *outcome;
    struct attempt attempt;
};

VEC(pending_vec, struct pending);

struct recorder {
    struct session *session;
    struct run *run;
    struct arena arena; /* of the group */
    struct pending_vec group;
    bool is_recorded; /* the group is in the ledger: only the lock and the attempts are left */
    bool has_failed;  /* objects or results of the group did not get to the disk: never record it */
    bool is_finished; /* so is the end of the run */
    struct lock_book locks;
    int64_t first_ns; /* when the oldest pending outcome came */
    bool is_urgent;
    int displaced;
    bool is_private;
};

struct error *recorder_open(struct session *session, struct run *run, struct recorder **ret)
{
    struct recorder *recorder = arena_new(session->arena, struct recorder);
    *recorder = (struct recorder){.session = session, .run = run};
    locks_open(session, &recorder->locks);
    *ret = recorder;
    return NULL;
}

void recorder_keep_private(struct recorder *recorder)
{
    recorder->is_private = true;
}

static void group_reset(struct recorder *recorder)
{
    vec_each (struct pending, pending, &recorder->group)
        pending->outcome->log_text = (struct str){0}; /* it goes with the group */
    recorder->group = (struct pending_vec){0};
    arena_reset(&recorder->arena);
    recorder->is_urgent = recorder->is_recorded = false;
}

void recorder_drop(struct recorder **recorder)
{
    if (!*recorder)
        return;
    vec_each (struct pending, pending, &(*recorder)->group)
        attempt_drop(&pending->attempt);
    group_reset(*recorder);
    arena_drop(&(*recorder)->arena);
    *recorder = NULL;
}

/* Best effort: the next command does what can't be done now. */
static FALLIBLE undo_attempt(struct recorder *recorder, struct pending *pending)
{
    struct session *session = recorder->session;
    struct ledger *ledger = NULL;
    bool is_recorded = false;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_has_attempt(ledger, pending->attempt.id, &is_recorded));
    if (is_recorded)
        return NULL;
    struct str failed = str_print(session->arena, "failed/%.*s/%.*s", STR_FMT(recorder->run->id),
                                  STR_FMT(pending->attempt.id));
    return attempt_undo(session, &pending->attempt, failed);
}

void recorder_undo(struct recorder *recorder)
{
    vec_each (struct pending, pending, &recorder->group) {
        if (pending->attempt.id.len)
            error_drop(undo_attempt(recorder, pending));
        if (!recorder->is_recorded)
            pending->outcome->status = STATUS_INTERRUPTED;
    }
}

static bool is_success(const struct outcome *outcome)
{
    return outcome->status == STATUS_EXECUTED || outcome->status == STATUS_RESTORED ||
           outcome->status == STATUS_UNCHANGED;
}

struct error *recorder_add(struct recorder *recorder, struct outcome *outcome,
                           struct attempt *attempt)
{
    if ((is_success(outcome) || outcome_is_judged(outcome)) && outcome->value && outcome->recipe)
        locks_note(&recorder->locks, outcome);
    bool is_worth_a_row = outcome->status != STATUS_UNCHANGED || outcome->checks;
    if (!is_worth_a_row && !attempt)
        return NULL;
    struct pending *pending = vec_push(&recorder->arena, &recorder->group);
    *pending = (struct pending){.outcome = outcome};
    if (outcome->log_text.len)
        outcome->log_text = str_copy(&recorder->arena, outcome->log_text);
    if (attempt) {
        outcome->attempt = attempt->id;
        pending->attempt = *attempt;
        *attempt = (struct attempt){0};
        TRY(attempt_share(outcome->stage, &pending->attempt));
    }
    if (recorder->group.len == 1)
        recorder->first_ns = clock_monotonic_ns();
    recorder->is_urgent |= outcome->usage.duration_ns > NS_PER_S;
    return NULL;
}

void recorder_adopt(struct recorder *recorder, struct outcome *outcome)
{
    *vec_push(&recorder->arena, &recorder->group) = (struct pending){.outcome = outcome};
}

bool recorder_is_due(const struct recorder *recorder, int64_t now_ns)
{
    if (!recorder->group.len)
        return false;
    return recorder->is_urgent || (int64_t)recorder->group.len >= LIMIT_OUTCOMES_GROUPED ||
           now_ns - recorder->first_ns >= NS_PER_S;
}

int64_t recorder_deadline(const struct recorder *recorder)
{
    return recorder->group.len ? recorder->first_ns + NS_PER_S : -1;
}

/* Results of executed stages become files; their ids go into the outcomes. */
static FALLIBLE put_results(struct recorder *recorder)
{
    struct session *session = recorder->session;
    AUTO(arena_drop) struct arena scratch = {0};
    vec_each (struct pending, pending, &recorder->group) {
        struct outcome *outcome = pending->outcome;
        bool makes_result = (outcome->status == STATUS_EXECUTED ||
                             outcome->status == STATUS_REJECTED || outcome->is_measured) &&
                            outcome->value;
        bool is_unnamed = is_success(outcome) && outcome->value && digest_is_zero(outcome->result);
        if (outcome_is_judged(outcome) && !digest_is_zero(outcome->result))
            continue; /* it was known before */
        if (!makes_result && !is_unnamed)
            continue;
        if (recorder->is_private)
            outcome->result = result_digest(outcome->value);
        else
            TRY(results_put(&scratch, &session->workspace, outcome->value, &outcome->result));
    }
    return results_flush(&session->workspace);
}

static FALLIBLE forget_attempts(struct recorder *recorder)
{
    vec_each (struct pending, pending, &recorder->group) {
        int displaced = 0;
        if (is_success(pending->outcome) || outcome_is_judged(pending->outcome) ||
            pending->outcome->status == STATUS_REJECTED ||
            pending->outcome->status == STATUS_UNCONFIRMED)
            TRY(attempt_complete(recorder->session, &pending->attempt, &displaced));
        recorder->displaced += displaced;
        attempt_drop(&pending->attempt);
    }
    return NULL;
}

static struct ledger_group ledger_group_of(struct recorder *recorder, bool is_last)
{
    struct ledger_group group = {.run = recorder->run, .outcome_count = recorder->group.len};
    const struct outcome **outcomes =
        arena_new_array(&recorder->arena, const struct outcome *, recorder->group.len);
    for (size_t i = 0; i < recorder->group.len; i++)
        outcomes[i] = recorder->group.at[i].outcome;
    group.outcomes = outcomes;
    locks_print(&recorder->locks, &recorder->arena, is_last, &group);
    return group;
}

/* Also when we are to stop what was done is recorded: whoever has the turn has it for an instant,
 * and a wait that a signal ends takes a millisecond. */
static FALLIBLE take_turn(struct recorder *recorder, struct lock *ret)
{
    enum { WAITS_WHEN_STOPPING = 2000 };
    const struct workspace *workspace = &recorder->session->workspace;
    struct error *error = NULL;
    bool taken = false;
    for (int i = 0; i == 0 || (error && error->code > ERROR_SIGNAL && i < WAITS_WHEN_STOPPING);
         i++) {
        error_drop(error);
        error = lock_take(fd_number(workspace->home_fd), LEDGER_TURN, LOCK_EXCLUSIVE,
                          workspace->config.lock_timeout_ns, NULL, NULL, ret, &taken);
    }
    TRY(error);
    if (!taken)
        return error_hint(error_new(ERROR_MACHINE, "another mlops has been recording for too long"),
                          "wait for it, or raise 'lock_timeout' (mlops config)");
    return NULL;
}

/* Objects that could not be flushed are lost to the store, so what names them may not be recorded
 * by a second try. */
static FALLIBLE put_objects(struct recorder *recorder)
{
    if (recorder->has_failed)
        return error_new(ERROR_MACHINE, "outputs could not be stored");
    recorder->has_failed = true;
    if (recorder->session->cas)
        TRY(cas_flush(recorder->session->cas));
    TRY(put_results(recorder));
    recorder->has_failed = false;
    return NULL;
}

static FALLIBLE prepare(struct recorder *recorder)
{
    struct ledger *ledger = NULL;
    TRY(session_ledger(recorder->session, &ledger));
    TRY(put_objects(recorder));
    return locks_merge(&recorder->locks);
}

/* The group is recorded: what follows can be done again, by us or by the next command. */
static FALLIBLE settle_group(struct recorder *recorder)
{
    recorder->is_recorded = true;
    TRY(locks_publish(&recorder->locks));
    TRY(forget_attempts(recorder));
    group_reset(recorder);
    return NULL;
}

struct error *recorder_flush(struct recorder *recorder)
{
    if (!recorder->group.len)
        return NULL;
    AUTO(lock_drop) struct lock turn = {0};
    AUTO(locks_clear) struct lock_book *book = &recorder->locks;
    (void)book; /* gives back its texts in the end */
    TRY(take_turn(recorder, &turn));
    if (recorder->is_recorded) /* the locks are promised there, and their next writer keeps that */
        return settle_group(recorder);
    TRY(prepare(recorder));
    struct ledger_group group = ledger_group_of(recorder, false);
    TRY(ledger_record(recorder->session->ledger, &group));
    return settle_group(recorder);
}

struct error *recorder_finish(struct recorder *recorder, const struct state *state,
                              const bool *complete)
{
    AUTO(lock_drop) struct lock turn = {0};
    AUTO(locks_clear) struct lock_book *book = &recorder->locks;
    TRY(take_turn(recorder, &turn));
    locks_note_extras(book, complete);
    TRY(prepare(recorder));
    locks_prune(book, complete);
    struct ledger_group group = ledger_group_of(recorder, true);
    recorder->run->lock_digest = locks_digest(book);
    TRY(ledger_finish_run(recorder->session->ledger, recorder->run, state, &group));
    recorder->is_finished = true;
    return settle_group(recorder);
}

bool recorder_is_finished(const struct recorder *recorder)
{
    return recorder->is_finished;
}

int recorder_displaced(const struct recorder *recorder)
{
    return recorder->displaced;
}
