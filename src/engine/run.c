#include "mlops/engine/run.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/engine/import.h"
#include "mlops/host/clock.h"
#include "mlops/host/machine.h"
#include "mlops/host/signal.h"

#include <stdlib.h>

#include "run_private.h"

enum { HELD_MOST = 64 };

bool run_is_stopping(const struct run_state *state)
{
    bool goes_on = state->options->keep_going || state->options->dry;
    return state->stop_count > 0 || (state->failure && !goes_on);
}

/* A running stage takes its locks, a pipe and its process; one that waits to be recorded its locks.
 */
static int64_t fit_descriptors(int64_t jobs)
{
    enum { OURS = 192, OF_A_JOB = 6, OF_AN_OUTCOME = 3 };
    int64_t reserved = OURS + LIMIT_OUTCOMES_GROUPED * OF_AN_OUTCOME;
    int64_t limit = machine_descriptors(reserved + jobs * OF_A_JOB);
    return MAX_OF(MIN_OF(jobs, (limit - reserved) / OF_A_JOB), (int64_t)1);
}

static int64_t jobs_of(const struct run_state *state)
{
    const struct session *session = state->session;
    int64_t jobs = state->options->jobs;
    if (jobs == 0)
        jobs = session->workspace.config.jobs;
    if (jobs == 0)
        jobs = session->pipeline->dialect == DOC_DVC ? 1 : machine_cpus();
    return fit_descriptors(MIN_OF(MAX_OF(jobs, (int64_t)1), LIMIT_JOBS));
}

/* Steps and outcomes of every stage; those with nothing before them are ready, in plan order. */
static void prepare_steps(struct run_state *state)
{
    struct session *session = state->session;
    size_t count = session->pipeline->stages.len;
    state->steps = arena_new_array(session->arena, struct step, count);
    state->outcomes = arena_new_array(session->arena, struct outcome, count);
    for (size_t i = 0; i < count; i++) {
        struct step *step = &state->steps[i];
        const struct plan_stage *planned = &session->plan.stages[i];
        step->stage = &session->pipeline->stages.at[i];
        step->outcome = &state->outcomes[i];
        step->outcome->stage = step->stage;
        for (size_t j = 0; planned->is_selected && j < planned->need_count; j++)
            step->blockers += session->plan.stages[planned->needs[j].stage].is_selected;
        state->total += planned->is_selected;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t index = session->plan.order[i];
        state->steps[index].rank = (uint32_t)i;
        if (session->plan.stages[index].is_selected && state->steps[index].blockers == 0)
            run_push_ready(state, index);
    }
}

/* Also gives the locks of what is recorded back. */
static FALLIBLE flush(struct run_state *state)
{
    if (recorder_deadline(state->recorder) >= 0)
        TRY(run_begin(state)); /* judged stages have rows although nothing ran */
    TRY(recorder_flush(state->recorder));
    run_wake_held(state);
    return NULL;
}

static FALLIBLE visit_ready(struct run_state *state)
{
    while (state->ready.len && !run_is_stopping(state)) {
        bool is_full = !state->options->dry && (state->budget.jobs_free == 0 ||
                                                state->active.len >= HELD_MOST + LIMIT_JOBS ||
                                                (state->options->one_by_one && state->active.len));
        if (is_full)
            return NULL;
        TRY(run_visit(state, &state->steps[run_pop_ready(state)]));
        if (state->recorder && recorder_is_due(state->recorder, clock_monotonic_ns()))
            TRY(flush(state));
        if (signal_count() > state->stop_count)
            return NULL;
    }
    return NULL;
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return MAX_OF(a, b);
    return MIN_OF(a, b);
}

static int64_t next_deadline(const struct run_state *state)
{
    int64_t deadline = recorder_deadline(state->recorder);
    for (size_t i = 0; i < state->active.len; i++) {
        const struct step *step = &state->steps[state->active.at[i]];
        if (step->phase == PHASE_RUNNING)
            deadline = earlier(deadline, job_deadline(step->job));
        else if (step->phase != PHASE_DONE) /* when the run stops nothing is waited for */
            deadline = earlier(deadline, run_is_stopping(state) ? 0 : step->wake_ns);
    }
    const struct observer *observer = state->session->observer;
    if (observer && observer->tick_ns)
        deadline = earlier(deadline, clock_monotonic_ns() + observer->tick_ns);
    return deadline;
}

/* What becomes of a stage that waits when the run stops: between two attempts it has run. */
static enum stage_status given_up(const struct run_state *state, const struct step *step)
{
    if (step->phase == PHASE_HELD)
        return STATUS_SKIPPED;
    return state->stop_count ? STATUS_INTERRUPTED : STATUS_FAILED;
}

static FALLIBLE tend(struct run_state *state, struct step *step, int64_t now_ns)
{
    if (step->phase == PHASE_RUNNING) {
        job_tick(step->job, now_ns);
        return step->job->end == JOB_RUNNING ? NULL : run_job_ended(state, step);
    }
    bool is_waiting = step->phase == PHASE_HELD || step->phase == PHASE_BACKOFF;
    if (is_waiting && run_is_stopping(state))
        return run_finish_stage(state, step, given_up(state, step));
    return is_waiting && now_ns >= step->wake_ns ? run_retry_held(state, step) : NULL;
}

static FALLIBLE tend_active(struct run_state *state)
{
    int64_t now_ns = clock_monotonic_ns();
    struct error *error = NULL;
    for (size_t i = 0; i < state->active.len && !error; i++)
        error = tend(state, &state->steps[state->active.at[i]], now_ns);
    size_t kept = 0;
    for (size_t i = 0; i < state->active.len; i++) {
        if (state->steps[state->active.at[i]].phase != PHASE_DONE)
            state->active.at[kept++] = state->active.at[i];
    }
    state->active.len = kept;
    return error;
}

/* First signal: nothing new starts, TERM to every group; the second: KILL. */
static void answer_signals(struct run_state *state)
{
    int count = signal_count();
    if (count == state->stop_count)
        return;
    state->stop_count = count;
    for (size_t i = 0; i < state->active.len; i++) {
        struct step *step = &state->steps[state->active.at[i]];
        if (step->phase == PHASE_RUNNING)
            job_stop(step->job, count > 1);
    }
}

/* A stop in the middle of hashing is no error of the run: it ends as after any other signal. */
static FALLIBLE unless_interrupted(struct run_state *state, struct error *error)
{
    if (!run_was_interrupted(error))
        return error;
    error_drop(error);
    answer_signals(state);
    return NULL;
}

static bool has_ready(const struct run_state *state)
{
    return state->ready.len && !run_is_stopping(state);
}

/* A live display shows time passing. */
static void tick(struct run_state *state)
{
    const struct observer *observer = state->session->observer;
    if (!observer || !observer->tick_ns)
        return;
    struct event event = {.kind = EVENT_TICK,
                          .at_ns = clock_monotonic_ns(),
                          .finished_count = state->finished,
                          .total_count = state->total};
    observer_tell(observer, &event);
}

/* Nothing runs and nothing is ready: what is held may wait for locks of our own unrecorded
 * outcomes.
 */
static bool is_held_up(const struct run_state *state)
{
    return state->active.len > 0 && state->running == 0 && !has_ready(state);
}

static FALLIBLE turn(struct run_state *state)
{
    answer_signals(state);
    TRY(unless_interrupted(state, visit_ready(state)));
    bool has_outcomes = recorder_deadline(state->recorder) >= 0;
    if (has_outcomes &&
        (is_held_up(state) || recorder_is_due(state->recorder, clock_monotonic_ns())))
        TRY(flush(state));
    if (!state->active.len)
        return NULL;
    tick(state);
    /* A full queue of ready stages and a free job: look only, do not wait. */
    bool can_go_on = has_ready(state) && state->budget.jobs_free > 0 &&
                     state->active.len < HELD_MOST &&
                     !(state->options->one_by_one && state->active.len);
    TRY(loop_turn(state->loop, can_go_on ? 0 : next_deadline(state)));
    answer_signals(state);
    return unless_interrupted(state, tend_active(state));
}

static FALLIBLE skip_rest(struct run_state *state)
{
    size_t count = state->session->pipeline->stages.len;
    for (size_t i = 0; i < count; i++) {
        struct step *step = &state->steps[i];
        bool is_open = step->phase == PHASE_WAITING || step->phase == PHASE_READY;
        if (state->session->plan.stages[i].is_selected && is_open)
            TRY(run_finish_stage(state, step, STATUS_SKIPPED));
    }
    return NULL;
}

static FALLIBLE run_all(struct run_state *state)
{
    do
        TRY(turn(state));
    while (state->active.len || has_ready(state));
    return skip_rest(state);
}

static void signal_ready(void *context)
{
    (void)context;
    signal_clear();
}

static FALLIBLE open_loop(struct run_state *state)
{
    int signals = -1;
    state->loop = loop_open(state->session->arena);
    state->group.leaders = arena_new_array(state->session->arena, pid_t, (size_t)LIMIT_JOBS);
    TRY(signal_open(&signals));
    loop_watch(state->loop, signals, signal_ready, NULL);
    TRY(process_adopt_orphans());
    TRY(budget_open(state->session->arena, jobs_of(state), &state->budget));
    if (state->options->slots.len)
        TRY(budget_share(&state->budget, state->options->slots));
    TRY(recorder_open(state->session, state->run, &state->recorder));
    if (state->options->is_private)
        recorder_keep_private(state->recorder);
    return NULL;
}

/* Orphans that hide from their stage's sweep (another session, no environment) end here. */
static void end_jobs(struct run_state *state)
{
    for (size_t i = 0; i < state->session->pipeline->stages.len; i++) {
        struct step *step = &state->steps[i];
        if (step->job) {
            job_drop(step->job);
            free(step->job);
            step->job = NULL;
        }
    }
    if (state->loop)
        process_sweep((struct str){0}, 0, NULL, 0);
}

/* The run can't go on (disk full, a bad descriptor): what was finished is recorded if that still
 * works, what was running is undone; what can't be undone now is by the next command. */
static void abandon(struct run_state *state)
{
    struct session *session = state->session;
    if (!state->has_begun || recorder_is_finished(state->recorder))
        return;
    end_jobs(state);
    for (size_t i = 0; i < session->pipeline->stages.len; i++) {
        struct step *step = &state->steps[i];
        struct str failed = str_print(session->arena, "failed/%.*s/%.*s", STR_FMT(state->run->id),
                                      STR_FMT(step->attempt.id));
        if (step->attempt.id.len)
            error_drop(attempt_undo(session, &step->attempt, failed));
    }
    struct error *unrecorded = recorder_flush(state->recorder);
    if (unrecorded) {
        recorder_undo(state->recorder);
        state->run->code.patch = (struct digest){{0}}; /* it may not be in the store */
    }
    error_drop(unrecorded);
    run_sum_up(state);
    state->run->status = RUN_FAILED;
    error_drop(ledger_finish_run(session->ledger, state->run, NULL, NULL));
}

static void drop_state(struct run_state *state)
{
    end_jobs(state);
    for (size_t i = 0; i < state->session->pipeline->stages.len; i++) {
        attempt_drop(&state->steps[i].attempt);
        arena_drop(&state->steps[i].memory);
    }
    recorder_drop(&state->recorder);
    budget_drop(&state->budget);
    loop_drop(&state->loop);
}

static struct run *run_make(struct session *session, const struct run_options *options)
{
    struct arena *arena = session->arena;
    struct run *run = arena_new(arena, struct run);
    struct str id = options->dry || options->id.len ? options->id : clock_ulid(arena);
    *run = (struct run){.id = id,
                        .parent = options->parent,
                        .name = options->name,
                        .sweep = options->sweep,
                        .trial = options->trial,
                        .status = RUN_RUNNING,
                        .pipeline = session->pipeline->path,
                        .started_ns = clock_real_ns(),
                        .version = options->version,
                        .argv = options->argv};
    if (!options->dry) {
        run->pipeline_digest = digest_of(session->doc->bytes.at, session->doc->bytes.len);
        run->host = machine_host(arena);
        run->user = machine_user(arena);
    }
    run->code.is_dirty = -1;
    if (options->code)
        run->code = *options->code;
    return run;
}

/* What the pipeline's files say that is no error but not what was meant. */
static void tell_warnings(struct run_state *state)
{
    enum { WARNINGS_TOLD = 20 };
    struct session *session = state->session;
    const struct pipeline_warning_vec *warnings = &session->pipeline->warnings;
    for (size_t i = 0; i < warnings->len && i < WARNINGS_TOLD; i++) {
        const struct doc_node *node = warnings->at[i].node;
        struct str place = {0};
        if (node && node->doc)
            place = str_print(session->arena, "%.*s:%d:%d: ", STR_FMT(node->doc->name), node->line,
                              node->column);
        struct event event = {.kind = EVENT_WARNING,
                              .text = str_print(session->arena, "%.*s%.*s", STR_FMT(place),
                                                STR_FMT(warnings->at[i].text))};
        observer_tell(session->observer, &event);
    }
}

static void tell_start(struct run_state *state)
{
    tell_warnings(state);
    struct event event = {
        .kind = EVENT_RUN_STARTED, .run = state->run, .total_count = state->total};
    observer_tell(state->session->observer, &event);
}

static FALLIBLE run_body(struct run_state *state, struct run_report *ret)
{
    int signals = -1;
    if (!state->options->dry)
        TRY(signal_open(&signals));
    if (!state->options->no_dvc_lock)
        TRY(import_from_lock(state->session, state->options->dry));
    TRY(fingerprint_prefetch(state->session));
    TRY(signal_check());
    TRY(fingerprint_check_inputs(state->session, &state->forecast, state->options->dry,
                                 state->options->lazy_inputs));
    if (!state->options->dry)
        TRY(open_loop(state));
    for (size_t i = 0; !state->options->dry && i < state->session->pipeline->stages.len; i++) {
        if (state->session->plan.stages[i].is_selected)
            TRY(budget_check(&state->budget, state->steps[i].stage));
    }
    tell_start(state);
    if (state->options->dry) {
        TRY(visit_ready(state));
        return run_end(state, ret);
    }
    TRY(run_heal_begin(state));
    TRY(run_all(state));
    return run_end(state, ret);
}

struct error *run_plan(struct session *session, const struct run_options *options,
                       struct run_report *ret)
{
    struct run_state state = {
        .session = session,
        .begun_ns = clock_monotonic_ns(),
        .options = options,
        .run = run_make(session, options),
        .forecast = {.plan = &session->plan, .takes_missing = options->takes_missing}};
    if (!options->dry)
        TRY(aside_recover(session));
    prepare_steps(&state);
    struct error *error = run_body(&state, ret);
    if (error)
        abandon(&state);
    drop_state(&state);
    return error;
}
