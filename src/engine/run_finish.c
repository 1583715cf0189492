#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/engine/evaluation.h"
#include "mlops/engine/lookup.h"
#include "mlops/engine/validation.h"
#include "mlops/host/clock.h"

#include <errno.h>

#include "run_private.h"

static bool lets_users_go_on(enum stage_status status)
{
    switch (status) {
    case STATUS_UNCHANGED:
    case STATUS_RESTORED:
    case STATUS_EXECUTED:
    case STATUS_UNKNOWN:
    case STATUS_WOULD_RUN:
    case STATUS_WOULD_RESTORE:
        return true;
    case STATUS_WAITING:
    case STATUS_FAILED:
    case STATUS_REJECTED:
    case STATUS_UNCONFIRMED:
    case STATUS_SKIPPED:
    case STATUS_INTERRUPTED:
        break;
    }
    return false;
}

static bool made_anew(enum stage_status status)
{
    return status == STATUS_EXECUTED || status == STATUS_RESTORED || status == STATUS_WOULD_RUN ||
           status == STATUS_WOULD_RESTORE;
}

static void release_users(struct run_state *state, const struct step *step, bool goes_on)
{
    const struct plan *plan = &state->session->plan;
    const struct plan_stage *planned = &plan->stages[step->stage->index];
    for (size_t i = 0; i < planned->user_count; i++) {
        uint32_t index = planned->users[i].stage;
        struct step *user = &state->steps[index];
        if (!plan->stages[index].is_selected)
            continue;
        if (!goes_on && !user->poison) {
            user->poison = step->stage;
            user->poison_edge = planned->users[i].edge;
        }
        check(user->blockers > 0);
        user->is_forced |= state->options->force_downstream && made_anew(step->outcome->status);
        if (--user->blockers == 0 && user->phase == PHASE_WAITING)
            run_push_ready(state, index);
    }
}

static const char *did(const struct outcome *outcome)
{
    switch (outcome->status) {
    case STATUS_REJECTED:
        return outcome->stage->gates ? "failed its gates" : "rejected its input";
    case STATUS_UNCONFIRMED:
        return "is unconfirmed";
    case STATUS_SKIPPED:
        return "was skipped";
    case STATUS_INTERRUPTED:
        return "was interrupted";
    case STATUS_FAILED:
    case STATUS_WAITING:
    case STATUS_UNCHANGED:
    case STATUS_RESTORED:
    case STATUS_EXECUTED:
    case STATUS_UNKNOWN:
    case STATUS_WOULD_RUN:
    case STATUS_WOULD_RESTORE:
        break;
    }
    return "failed";
}

static struct str blocker_of(struct run_state *state, const struct step *step)
{
    struct arena *arena = state->session->arena;
    if (step->poison) {
        return str_print(arena, "because '%.*s' %s", STR_FMT(step->poison->name),
                         did(state->steps[step->poison->index].outcome));
    }
    if (state->failure)
        return str_print(arena, "the run stopped after '%.*s' %s", STR_FMT(state->failure->name),
                         did(&state->outcomes[state->failure->index]));
    return STR("interrupted");
}

static void note_failure(struct run_state *state, const struct step *step, enum stage_status status)
{
    if (status == STATUS_SKIPPED)
        return;
    if (!state->failure && status != STATUS_INTERRUPTED)
        state->failure = step->stage;
    if (status != STATUS_INTERRUPTED && state->exit_status == 0)
        state->exit_status = ERROR_ANSWER;
}

static void tell_finished(struct run_state *state, const struct step *step)
{
    struct event event = {.kind = EVENT_STAGE_FINISHED,
                          .at_ns = clock_monotonic_ns(),
                          .stage = step->stage,
                          .outcome = step->outcome,
                          .finished_count = state->finished,
                          .total_count = state->total};
    observer_tell(state->session->observer, &event);
}

/* What the recorder has taken and the observer was told. Ten thousand logs would fill the memory.
 */
static void forget_log(struct step *step)
{
    step->outcome->log_tail = (struct str){0};
    arena_drop(&step->memory);
}

/* The judgement's row names what it judged; what is only known from the lock has a result, too. */
static FALLIBLE name_result(struct session *session, struct step *step)
{
    struct outcome *outcome = step->outcome;
    bool is_from_lock = step->verdict.kind == VERDICT_UNCHANGED && digest_is_zero(outcome->result);
    if (!is_from_lock || !session_lock_entry(session, step->stage))
        return NULL;
    struct result_ref *found = arena_new(session->arena, struct result_ref);
    TRY(lookup_lock_ref(session, step->stage, found));
    outcome->result = found->id;
    outcome->value = &found->value;
    return NULL;
}

static FALLIBLE judge(struct run_state *state, struct step *step, bool *ret_judged)
{
    struct session *session = state->session;
    int64_t sequence = state->run->sequence;
    if (step->stage->validation)
        return validation_judge(session, sequence, step->outcome, ret_judged);
    return evaluation_judge(session, sequence, step->outcome, ret_judged);
}

static struct str blocker_by_checks(struct arena *arena, const struct outcome *outcome)
{
    return outcome->stage->validation ? validation_blocker(arena, outcome->checks)
                                      : evaluation_blocker(arena, outcome->checks);
}

/* What was measured is there, made now or long ago: it is judged now, by checks or gates. */
static FALLIBLE judge_checks(struct run_state *state, struct step *step, enum stage_status *status)
{
    struct session *session = state->session;
    bool is_measured =
        *status == STATUS_UNCHANGED || *status == STATUS_RESTORED || *status == STATUS_EXECUTED;
    bool is_judged = false;
    if ((!step->stage->validation && !step->stage->gates) || !is_measured)
        return NULL;
    TRY(judge(state, step, &is_judged));
    if (!is_judged && !state->options->dry)
        return error_hint(error_new(ERROR_STORED, "what '%.*s' measured is not in the store",
                                    STR_FMT(step->stage->name)),
                          "measure it again: mlops run --force %.*s", STR_FMT(step->stage->name));
    if (!state->options->dry)
        TRY(name_result(session, step));
    if (!is_judged || !step->outcome->checks->is_rejected)
        return NULL;
    *status = STATUS_REJECTED;
    step->outcome->blocker = blocker_by_checks(session->arena, step->outcome);
    return NULL;
}

static FALLIBLE measure_and_judge(struct run_state *state, struct step *step,
                                  enum stage_status *status)
{
    if (*status == STATUS_UNCHANGED || *status == STATUS_RESTORED)
        TRY(run_complete_metrics(state, step));
    return judge_checks(state, step, status);
}

struct error *run_finish_stage(struct run_state *state, struct step *step, enum stage_status status)
{
    struct error *error = measure_and_judge(state, step, &status);
    if (error && !run_is_stage_fault(error))
        return error;
    if (error) { /* it could not be judged: that passes nothing */
        if (state->exit_status == 0 && error->code > ERROR_ANSWER)
            state->exit_status = error->code;
        step->outcome->blocker = run_text_of(state->session->arena, error);
        step->outcome->is_measured = status != STATUS_UNCHANGED; /* it need not be done again */
        status = STATUS_FAILED;
    }
    bool goes_on = lets_users_go_on(status);
    step->phase = PHASE_DONE;
    step->outcome->status = status;
    state->finished++;
    if (!goes_on)
        note_failure(state, step, status);
    if (status == STATUS_SKIPPED && !step->outcome->blocker.len)
        step->outcome->blocker = blocker_of(state, step);
    if (state->recorder && status != STATUS_UNCHANGED)
        TRY(run_begin(state)); /* what has a row belongs to a run that has one */
    if (state->recorder && !state->options->dry)
        TRY(recorder_add(state->recorder, step->outcome,
                         step->attempt.id.len ? &step->attempt : NULL));
    release_users(state, step, goes_on);
    tell_finished(state, step);
    forget_log(step);
    return NULL;
}

bool run_was_interrupted(const struct error *error)
{
    return error && error->code > ERROR_SIGNAL;
}

bool run_is_stage_fault(const struct error *error)
{
    static const int machine[] = {ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENFILE, ENOMEM};
    if (error->code == ERROR_BUG || run_was_interrupted(error))
        return false;
    for (; error; error = error->cause) {
        for (size_t i = 0; i < COUNT_OF(machine); i++) {
            if (error->system_errno == machine[i])
                return false;
        }
    }
    return true;
}

struct str run_text_of(struct arena *arena, struct error *error)
{
    AUTO(buf_drop) struct buf text = {0};
    error_print(error, &text);
    error_drop(error);
    struct str all = str_trim(buf_str(&text));
    struct str rest = all;
    struct str line = all;
    str_split(&rest, '\n', &line); /* without the excerpt: this goes into tables, too */
    if (str_starts(line, STR("mlops: ")))
        line = str_slice(line, 7, line.len);
    ptrdiff_t hint = str_find(all, STR("\n  hint: "));
    if (hint < 0)
        return str_copy(arena, line);
    struct str advice = str_trim(str_slice(all, (size_t)hint + 9, all.len));
    return str_print(arena, "%.*s (%.*s)", STR_FMT(line), STR_FMT(advice));
}

struct error *run_fail_stage(struct run_state *state, struct step *step, struct error *error)
{
    if (state->options->dry || !run_is_stage_fault(error))
        return error;
    if (error->code == ERROR_PROJECT && state->exit_status == 0)
        state->exit_status = ERROR_PROJECT;
    if (!step->usage.attempts)
        step->outcome->usage.exit_code = -1;
    step->outcome->blocker = run_text_of(state->session->arena, error);
    return run_finish_stage(state, step, STATUS_FAILED);
}
