#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"

#include "run_private.h"

static struct event stage_event(const struct run_state *state, enum event_kind kind,
                                const struct step *step)
{
    return (struct event){.kind = kind,
                          .stage = step->stage,
                          .finished_count = state->finished,
                          .total_count = state->total};
}

const struct forecast *run_forecast(const struct run_state *state)
{
    const struct run_options *options = state->options;
    return options->dry || options->minimal || options->lazy_inputs ? &state->forecast : NULL;
}

static bool is_named(const struct plan *plan, const struct stage *stage)
{
    bool is_it = false;
    for (size_t i = 0; i < plan->target_count; i++)
        is_it |= plan->targets[i] == stage->index;
    return is_it;
}

/* Asked for: named, or nothing of this run uses it. */
static bool is_target(const struct run_state *state, const struct step *step)
{
    const struct plan *plan = &state->session->plan;
    const struct plan_stage *planned = &plan->stages[step->stage->index];
    bool is_used = false;
    for (size_t i = 0; i < planned->user_count; i++)
        is_used |= plan->stages[planned->users[i].stage].is_selected;
    return !is_used || is_named(plan, step->stage);
}

/* What is put off need not be here. */
static bool may_be_elsewhere(const struct run_state *state, const struct step *step)
{
    const struct run_options *options = state->options;
    return options->lost && !map_has(options->lost, step->stage->name) &&
           (options->dry || (options->minimal && !is_target(state, step)));
}

struct lookup_options run_lookup_options(const struct run_state *state, const struct step *step)
{
    bool is_forced = step->is_forced && !step->stage->is_frozen;
    return (struct lookup_options){.force = state->options->force || is_forced,
                                   .no_restore = state->options->no_restore,
                                   .only_known = state->options->only_known,
                                   .may_be_elsewhere = may_be_elsewhere(state, step)};
}

/* A frozen stage is cut from what it reads: its lock entry is its recipe. */
static FALLIBLE take_fingerprint(struct run_state *state, struct step *step)
{
    struct session *session = state->session;
    struct lock_entry *entry = session_lock_entry(session, step->stage);
    if (step->stage->is_frozen && entry) {
        step->print = (struct fingerprint){.recipe = &entry->recipe, .key = entry->key};
        return NULL;
    }
    return fingerprint_stage(session, step->stage, run_forecast(state), &step->print);
}

static void forget_paths(struct run_state *state, const struct stage *stage)
{
    vec_each (struct dependency, dependency, &stage->deps)
        worktree_forget(state->session->worktree, dependency->path);
    vec_each (struct output, output, &stage->outs)
        worktree_forget(state->session->worktree, output->path);
}

/* What could not be read may have been in the making by another run: then it is looked at again,
 * when that run is done with it. */
static FALLIBLE look_later(struct run_state *state, struct step *step, struct error *error)
{
    bool is_free = true;
    if (state->options->dry || !run_is_stage_fault(error))
        return error;
    struct error *unknown = attempt_is_free(state->session, step->stage, &is_free);
    if (unknown || (is_free && step->was_looked_again)) {
        error_drop(unknown);
        return run_fail_stage(state, step, error);
    }
    error_drop(error);
    step->was_looked_again = is_free;
    forget_paths(state, step->stage);
    step->is_unvisited = true;
    run_hold(state, step, 0);
    return NULL;
}

/* Takes the fingerprint, or fails the stage; *ret_done false: it is held, since what it reads is to
 * be restored first and somebody else works on it. */
static FALLIBLE take_fingerprint_of_files(struct run_state *state, struct step *step,
                                          bool *ret_done)
{
    *ret_done = true;
    struct error *error = take_fingerprint(state, step);
    while (!error && step->print.waits_for && !state->options->dry) {
        struct step *need = &state->steps[step->print.waits_for->index];
        TRY(run_begin(state));
        TRY(run_materialise(state, need, ret_done));
        if (!*ret_done)
            return NULL;
        error = take_fingerprint(state, step);
    }
    if (!error)
        return NULL;
    TRY(look_later(state, step, error));
    *ret_done = step->phase == PHASE_DONE;
    return NULL;
}

/* The verdict's known result becomes the outcome's. A result that is only known from the lock has
 * no recipe in it yet, which what will be stored needs. */
void run_take_result(struct run_state *state, struct step *step)
{
    struct outcome *outcome = step->outcome;
    struct result *result = step->verdict.result;
    outcome->value = result;
    outcome->result = step->verdict.result_id;
    outcome->saved_ns = result ? result->duration_ns : 0;
    if (step->verdict.kind != VERDICT_RESTORE || result->recipe.len)
        return;
    struct buf recipe = buf_in(state->session->arena);
    recipe_encode(outcome->recipe, &recipe);
    result->recipe = buf_str(&recipe);
}

/* Later stages of a dry (or minimal) run see what would be there. */
static void foresee_outputs(struct run_state *state, const struct step *step)
{
    struct arena *arena = state->session->arena;
    const struct result *result = step->verdict.result;
    for (size_t i = 0; result && i < result->out_count; i++) {
        map_put(arena, &state->forecast.known, result->outs[i].path, &result->outs[i]);
        forecast_note(arena, &state->forecast, result->outs[i].path, step->stage);
    }
    if (result)
        return;
    vec_each (struct output, output, &step->stage->outs) {
        map_put(arena, &state->forecast.unknown, output->path, (void *)(uintptr_t)step->stage);
        forecast_note(arena, &state->forecast, output->path, step->stage);
    }
}

static FALLIBLE finish_unknown(struct run_state *state, struct step *step);

/* --minimal: known, restorable, and so far nothing that executes needs it. */
static bool is_put_off(const struct run_state *state, const struct step *step)
{
    return state->options->minimal && step->verdict.kind == VERDICT_RESTORE &&
           !is_target(state, step);
}

/* A stage that would run needs what was put off. */
static void foresee_needs(struct run_state *state, const struct stage *stage)
{
    const struct plan_stage *planned = &state->session->plan.stages[stage->index];
    for (size_t i = 0; i < planned->need_count; i++) {
        struct step *need = &state->steps[planned->needs[i].stage];
        if (need->is_deferred && planned->needs[i].edge == PLAN_DATA)
            need->outcome->status = STATUS_WOULD_RESTORE;
    }
}

static FALLIBLE finish_dry(struct run_state *state, struct step *step)
{
    if (step->verdict.kind != VERDICT_UNCHANGED)
        step->print.waits_for = run_guard_awaited(state, step);
    if (step->print.waits_for) {
        step->outcome->reasons = (struct reason_vec){0};
        return finish_unknown(state, step);
    }
    enum stage_status status = STATUS_WOULD_RUN;
    switch (step->verdict.kind) {
    case VERDICT_UNCHANGED:
        return run_finish_stage(state, step, STATUS_UNCHANGED);
    case VERDICT_RESTORE:
        step->is_deferred = is_put_off(state, step);
        status = step->is_deferred ? STATUS_UNCHANGED : STATUS_WOULD_RESTORE;
        break;
    case VERDICT_RUN:
        foresee_needs(state, step->stage);
        break;
    }
    foresee_outputs(state, step);
    return run_finish_stage(state, step, status);
}

static FALLIBLE finish_unknown(struct run_state *state, struct step *step)
{
    struct outcome *outcome = step->outcome;
    *vec_push(state->session->arena, &outcome->reasons) =
        (struct reason){.part = REASON_UPSTREAM, .what = step->print.waits_for->name};
    step->verdict = (struct verdict){.kind = VERDICT_RUN};
    foresee_outputs(state, step);
    return run_finish_stage(state, step, STATUS_UNKNOWN);
}

/* What a guard outside the run would have to let pass. */
static FALLIBLE refuse_unguarded(struct run_state *state, struct step *step,
                                 const struct stage *guard)
{
    step->outcome->blocker =
        str_print(state->session->arena,
                  guard->gates ? "the gates of '%.*s', which it needs, are not known to hold; run "
                                 "it too: mlops run %.*s"
                               : "'%.*s' guards what it reads and has not passed on it; run it "
                                 "too: mlops run %.*s",
                  STR_FMT(guard->name), STR_FMT(guard->name));
    step->outcome->usage.exit_code = -1;
    return run_finish_stage(state, step, STATUS_FAILED);
}

static FALLIBLE refuse_frozen(struct run_state *state, struct step *step)
{
    step->outcome->blocker = STR("is frozen, and its outputs are neither as recorded nor in the "
                                 "store; take 'frozen' away to run it");
    step->outcome->usage.exit_code = -1;
    return run_finish_stage(state, step, STATUS_FAILED);
}

static FALLIBLE act(struct run_state *state, struct step *step)
{
    const struct stage *guard = NULL;
    if (step->verdict.kind != VERDICT_UNCHANGED)
        TRY(run_guard_missing(state, step, &guard));
    if (guard)
        return refuse_unguarded(state, step, guard);
    switch (step->verdict.kind) {
    case VERDICT_UNCHANGED:
        TRY(run_heal(state, step));
        return run_finish_stage(state, step, STATUS_UNCHANGED);
    case VERDICT_RESTORE:
        if (is_put_off(state, step)) {
            step->is_deferred = true;
            foresee_outputs(state, step);
            return run_finish_stage(state, step, STATUS_UNCHANGED);
        }
        return run_restore(state, step);
    case VERDICT_RUN:
        break;
    }
    if (step->stage->is_frozen)
        return refuse_frozen(state, step);
    return run_execute(state, step);
}

struct error *run_visit(struct run_state *state, struct step *step)
{
    if (step->poison)
        return run_finish_stage(state, step, STATUS_SKIPPED);
    bool is_taken = false;
    struct event event = stage_event(state, EVENT_STAGE_READY, step);
    observer_tell(state->session->observer, &event);
    TRY(take_fingerprint_of_files(state, step, &is_taken));
    step->is_unvisited = !is_taken;
    if (!is_taken) {
        run_hold(state, step, 0);
        return NULL;
    }
    if (step->phase == PHASE_DONE)
        return NULL;
    struct outcome *outcome = step->outcome;
    if (step->print.waits_for)
        return finish_unknown(state, step);
    outcome->recipe = step->print.recipe;
    outcome->key = step->print.key;
    struct lookup_options lookup = run_lookup_options(state, step);
    struct error *error =
        lookup_stage(state->session, step->stage, &step->print, &lookup, true, &step->verdict);
    if (error)
        return look_later(state, step, error);
    run_explain_templates(state, step);
    outcome->reasons = step->verdict.reasons;
    run_take_result(state, step);
    return state->options->dry ? finish_dry(state, step) : act(state, step);
}

/* Says once that the stage waits; true when it has waited for longer than the settings allow. */
static bool has_waited_too_long(struct run_state *state, struct step *step)
{
    int64_t waited_ns = clock_monotonic_ns() - step->held_since_ns;
    int64_t most_ns = state->session->workspace.config.lock_timeout_ns;
    if (!step->was_noticed && waited_ns > NS_PER_S) {
        step->was_noticed = true;
        struct event event = stage_event(state, EVENT_NOTICE, step);
        event.text =
            str_print(state->session->arena,
                      "'%.*s' waits: another run works on the same paths, or too little is free",
                      STR_FMT(step->stage->name));
        observer_tell(state->session->observer, &event);
    }
    return most_ns >= 0 && waited_ns > most_ns && step->phase == PHASE_HELD && state->running == 0;
}

/* After waiting for locks others may have done the work: look again before acting. */
struct error *run_retry_held(struct run_state *state, struct step *step)
{
    if (has_waited_too_long(state, step)) {
        step->outcome->blocker =
            STR("waited for another run for longer than 'lock_timeout' allows");
        return run_finish_stage(state, step, STATUS_FAILED);
    }
    return step->is_unvisited ? run_visit(state, step) : act(state, step);
}
