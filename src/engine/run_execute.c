#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/moment.h"
#include "mlops/engine/environment.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"

#include <stdlib.h>

#include "run_private.h"

/* Asked again soon at first, later less often: who holds it may be a run of days. */
enum { HELD_RETRY_MS = 25, HELD_RETRY_MS_MOST = 1000, HELD_RETRY_SHARE = 8 };

static int64_t held_pause_ns(int64_t waited_ns)
{
    int64_t share_ns = waited_ns / HELD_RETRY_SHARE;
    return MAX_OF(MIN_OF(share_ns, HELD_RETRY_MS_MOST * NS_PER_MS), HELD_RETRY_MS * NS_PER_MS);
}

void run_hold(struct run_state *state, struct step *step, int64_t wake_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    bool is_new = step->phase == PHASE_READY || step->phase == PHASE_WAITING;
    if (is_new) {
        *vec_push(state->session->arena, &state->active) = (uint32_t)step->stage->index;
        step->held_since_ns = now_ns;
    }
    step->phase = PHASE_HELD;
    step->wake_ns = wake_ns ? wake_ns : now_ns + held_pause_ns(now_ns - step->held_since_ns);
}

void run_wake_held(struct run_state *state)
{
    for (size_t i = 0; i < state->active.len; i++) {
        struct step *step = &state->steps[state->active.at[i]];
        if (step->phase == PHASE_HELD)
            step->wake_ns = 0;
    }
}

struct error *run_look_again(struct run_state *state, struct step *step)
{
    struct session *session = state->session;
    for (size_t i = 0; i < step->print.recipe->dep_count; i++)
        worktree_forget(session->worktree, step->print.recipe->deps[i].path);
    vec_each (struct output, output, &step->stage->outs)
        worktree_forget(session->worktree, output->path);
    struct lock_entry *entry = session_lock_entry(session, step->stage);
    if (!(step->stage->is_frozen && entry))
        TRY(fingerprint_stage(session, step->stage, run_forecast(state), &step->print));
    check(!step->print.waits_for);
    struct verdict again;
    struct lookup_options lookup = run_lookup_options(state, step);
    TRY(lookup_stage(session, step->stage, &step->print, &lookup, false, &again));
    if (again.kind != VERDICT_UNCHANGED) /* else another run did what there was reason for */
        again.reasons = step->verdict.reasons;
    step->verdict = again;
    step->outcome->reasons = again.reasons;
    step->outcome->recipe = step->print.recipe;
    step->outcome->key = step->print.key;
    run_take_result(state, step);
    return NULL;
}

static void tell_started(struct run_state *state, const struct step *step)
{
    const int64_t *expected = map_get(&state->durations, step->stage->name);
    struct event event = {.kind = EVENT_STAGE_STARTED,
                          .at_ns = clock_monotonic_ns(),
                          .stage = step->stage,
                          .outcome = step->outcome,
                          .count = step->attempts,
                          .finished_count = state->finished,
                          .total_count = state->total,
                          .expected_ns = expected ? *expected : 0};
    observer_tell(state->session->observer, &event);
}

/* Where what its failed attempt made goes, relative to .mlops. */
static struct str failed_folder(const struct run_state *state, const struct step *step)
{
    struct arena *arena = state->session->arena;
    return str_print(arena, "failed/%.*s/%.*s", STR_FMT(state->run->id),
                     STR_FMT(name_file(arena, step->stage->index, step->stage->name)));
}

/* Everything is taken: set aside what is there and start. */
static FALLIBLE start(struct run_state *state, struct step *step, struct str gpus)
{
    struct session *session = state->session;
    struct str failed = failed_folder(state, step);
    struct error *error =
        attempt_set_aside(session, step->stage, step->verdict.found, &step->attempt);
    if (error) {
        error_drop(attempt_undo(session, &step->attempt, failed)); /* else the next command does */
        return error;
    }
    struct job_options options = {
        .session = session,
        .stage = step->stage,
        .attempt = &step->attempt,
        .run_id = state->run->id,
        .gpus = gpus,
        .log_path =
            str_print(session->arena, "logs/%.*s/%.*s.log", STR_FMT(state->run->id),
                      STR_FMT(name_file(session->arena, step->stage->index, step->stage->name))),
        .loop = state->loop,
        .group = &state->group,
        .observer = session->observer,
    };
    step->job = memory_grow(NULL, sizeof *step->job);
    step->attempts++;
    error = job_start(&options, step->job);
    if (error) {
        job_drop(step->job);
        free(step->job);
        step->job = NULL;
        error_drop(attempt_undo(session, &step->attempt, failed));
        return error;
    }
    bool is_new = step->phase == PHASE_READY || step->phase == PHASE_WAITING;
    if (is_new)
        *vec_push(session->arena, &state->active) = (uint32_t)step->stage->index;
    step->phase = PHASE_RUNNING;
    state->running++;
    tell_started(state, step);
    return NULL;
}

/* The budget first: to ask for it costs nothing, and what waits for it asks often. */
static FALLIBLE take_all(struct run_state *state, struct step *step, struct str *ret_gpus,
                         bool *ret_taken)
{
    struct session *session = state->session;
    struct attempt leased = {0};
    TRY(budget_take(&state->budget, session->arena, step->stage, &leased, ret_gpus, ret_taken));
    if (!*ret_taken)
        return NULL;
    struct error *error = attempt_begin(session, step->stage, &step->print.key, state->run->id,
                                        &step->attempt, ret_taken);
    if (error || !*ret_taken) {
        attempt_drop(&leased);
        budget_give(&state->budget, step->stage);
        return error;
    }
    step->attempt.gpus = leased.gpus;
    step->attempt.gpu_count = leased.gpu_count;
    return NULL;
}

struct error *run_execute(struct run_state *state, struct step *step)
{
    struct str gpus = {0};
    bool taken = false;
    if (state->options->only_known) {
        step->outcome->blocker = STR("its result is not known here");
        return run_finish_stage(state, step, STATUS_SKIPPED);
    }
    TRY(run_begin(state));
    TRY(run_materialise_needs(state, step->stage, &taken));
    struct error *lacking = taken ? run_bring_inputs(state, step->stage) : NULL;
    if (lacking)
        return run_fail_stage(state, step, lacking);
    if (taken)
        TRY(take_all(state, step, &gpus, &taken));
    if (!taken) {
        run_hold(state, step, 0);
        return NULL;
    }
    struct error *error = run_look_again(state, step);
    bool is_to_run = !error && step->verdict.kind == VERDICT_RUN;
    if (is_to_run)
        error = start(state, step, gpus);
    if (is_to_run && !error)
        return NULL;
    attempt_drop(&step->attempt);
    budget_give(&state->budget, step->stage);
    if (error)
        return run_fail_stage(state, step, error);
    return step->verdict.kind == VERDICT_UNCHANGED ? run_finish_stage(state, step, STATUS_UNCHANGED)
                                                   : run_restore(state, step);
}

static void add_usage(struct usage *total, const struct usage *one)
{
    int64_t started_ns = total->started_ns ? total->started_ns : one->started_ns;
    int64_t duration_ns = total->duration_ns + one->duration_ns;
    int64_t user_ns = total->cpu_user_ns + one->cpu_user_ns;
    int64_t system_ns = total->cpu_system_ns + one->cpu_system_ns;
    int64_t peak_bytes = MAX_OF(total->peak_bytes, one->peak_bytes);
    int attempts = total->attempts + 1;
    *total = *one;
    total->started_ns = started_ns;
    total->duration_ns = duration_ns;
    total->cpu_user_ns = user_ns;
    total->cpu_system_ns = system_ns;
    total->peak_bytes = peak_bytes;
    total->attempts = attempts;
}

static bool may_retry(const struct run_state *state, const struct step *step, enum job_end end)
{
    const struct retries *retries = &step->stage->retries;
    if (end == JOB_STOPPED || run_is_stopping(state) || step->attempts > retries->count)
        return false;
    if (!retries->on_exit_count)
        return true;
    for (size_t i = 0; i < retries->on_exit_count; i++) {
        if (end == JOB_FAILED && retries->on_exit[i] == step->usage.exit_code)
            return true;
    }
    return false;
}

/* What the attempt made goes to failed/, what was there comes back. */
static FALLIBLE undo(struct run_state *state, struct step *step)
{
    TRY(attempt_undo(state->session, &step->attempt, failed_folder(state, step)));
    attempt_drop(&step->attempt);
    return NULL;
}

static FALLIBLE retry_later(struct run_state *state, struct step *step)
{
    TRY(undo(state, step));
    int64_t wait_ns = step->stage->retries.backoff_ns;
    for (int i = 1; i < step->attempts && wait_ns < NS_PER_S * 3600; i++)
        wait_ns *= 2;
    step->phase = PHASE_BACKOFF;
    step->wake_ns = clock_monotonic_ns() + wait_ns;
    step->held_since_ns = step->wake_ns;
    struct event event = {.kind = EVENT_STAGE_RETRY,
                          .stage = step->stage,
                          .count = step->attempts + 1,
                          .duration_ns = wait_ns,
                          .text = step->outcome->blocker};
    observer_tell(state->session->observer, &event);
    return NULL;
}

static struct str cause_of(struct run_state *state, const struct step *step, enum job_end end)
{
    struct arena *arena = state->session->arena;
    const struct usage *usage = &step->usage;
    if (end == JOB_TIMED_OUT)
        return str_print(arena, "did not end within its timeout of %.*s",
                         STR_FMT(duration_print(arena, step->stage->timeout_ns)));
    if (end == JOB_STOPPED)
        return STR("interrupted");
    if (usage->exit_signal)
        return str_print(arena, "ended by signal %d (%s)", usage->exit_signal,
                         strsignal(usage->exit_signal));
    return str_print(arena, "exited with status %d", usage->exit_code);
}

/* A validate stage that ends by itself with 1 to 125 says no; 126, 127 and signals mean it could
 * not judge. */
static bool is_rejection(const struct step *step, enum job_end end)
{
    int code = step->usage.exit_code;
    bool is_judge = step->stage->kind == STAGE_VALIDATE && !step->stage->validation;
    return is_judge && end == JOB_FAILED && code > 0 && code < 126;
}

static FALLIBLE finish_success(struct run_state *state, struct step *step)
{
    struct session *session = state->session;
    struct str_vec changed = {0};
    step->outcome->blocker = (struct str){0}; /* of attempts that failed before */
    TRY(unconfirmed_forget(session, step->stage));
    if (!step->stage->is_frozen)
        TRY(fingerprint_recheck(session, step->stage, &step->print, &changed));
    if (!changed.len)
        return run_finish_stage(state, step, STATUS_EXECUTED);
    step->outcome->changed_inputs = changed;
    if (session->pipeline->dialect != DOC_DVC) {
        TRY(unconfirmed_save(session, step->outcome));
        return run_finish_stage(state, step, STATUS_UNCONFIRMED);
    }
    /* As DVC: taken as made from the inputs as they are now, but said. */
    for (size_t i = 0; i < step->print.recipe->dep_count; i++)
        worktree_forget(session->worktree, step->print.recipe->deps[i].path);
    TRY(fingerprint_stage(session, step->stage, NULL, &step->print));
    step->outcome->recipe = step->print.recipe;
    step->outcome->key = step->print.key;
    struct result *result = (struct result *)(uintptr_t)step->outcome->value;
    struct buf recipe = buf_in(session->arena);
    recipe_encode(step->print.recipe, &recipe);
    result->key = step->print.key;
    result->recipe = buf_str(&recipe);
    struct event event = {
        .kind = EVENT_WARNING,
        .stage = step->stage,
        .text = str_print(
            session->arena,
            "'%.*s' changed while '%.*s' ran; its outputs count as made from the new content",
            STR_FMT(changed.at[0]), STR_FMT(step->stage->name))};
    observer_tell(session->observer, &event);
    return run_finish_stage(state, step, STATUS_EXECUTED);
}

static FALLIBLE settle(struct run_state *state, struct step *step, enum job_end end)
{
    bool rejects = is_rejection(step, end);
    TRY(environment_capture(state->session, step->stage, &step->outcome->environment));
    if (end == JOB_SUCCEEDED || rejects) {
        struct str fault = {0};
        TRY(run_capture(state, step, &fault));
        if (!fault.len)
            return rejects ? run_finish_stage(state, step, STATUS_REJECTED)
                           : finish_success(state, step);
        step->outcome->blocker =
            str_print(state->session->arena, "%.*s; what it made is in .mlops/%.*s", STR_FMT(fault),
                      STR_FMT(failed_folder(state, step)));
    }
    if (end != JOB_SUCCEEDED && may_retry(state, step, end))
        return retry_later(state, step);
    TRY(undo(state, step));
    return run_finish_stage(state, step, end == JOB_STOPPED ? STATUS_INTERRUPTED : STATUS_FAILED);
}

/* An outcome that could not be settled: what it made is no result. */
static FALLIBLE give_up(struct run_state *state, struct step *step, struct error *error)
{
    if (step->phase == PHASE_DONE || (!run_was_interrupted(error) && !run_is_stage_fault(error)))
        return error_within(error, "running stage '%.*s'", STR_FMT(step->stage->name));
    struct error *left = undo(state, step);
    if (left) {
        error_drop(error);
        return left;
    }
    if (!run_was_interrupted(error))
        return run_fail_stage(state, step, error);
    error_drop(error);
    step->outcome->blocker = STR("interrupted");
    return run_finish_stage(state, step, STATUS_INTERRUPTED);
}

struct error *run_job_ended(struct run_state *state, struct step *step)
{
    struct job *job = step->job;
    enum job_end end = job->end;
    struct error *error = job->error;
    job->error = NULL;
    add_usage(&step->usage, &job->usage);
    step->outcome->usage = step->usage;
    arena_reset(&step->memory);
    log_report(&job->log, &step->memory, step->outcome);
    if (end != JOB_SUCCEEDED)
        step->outcome->blocker = cause_of(state, step, end);
    job_drop(job);
    free(job);
    step->job = NULL;
    state->running--;
    budget_give(&state->budget, step->stage);
    run_wake_held(state);
    if (!error)
        error = settle(state, step, end);
    return error ? give_up(state, step, error) : NULL;
}
