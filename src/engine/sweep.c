#include "mlops/engine/sweep.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/host/machine.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/mman.h>

#include "sweep_private.h"

void sweep_tell(struct sweep_state *state, enum sweep_event_kind kind, const struct worker *worker,
                struct str text)
{
    size_t count = 0;
    if (!state->observer)
        return;
    for (int64_t i = 0; i < state->jobs; i++) {
        if (state->workers[i].is_busy)
            state->views[count++] = state->workers[i].view;
    }
    struct sweep_event event = {.kind = kind,
                                .row = state->row,
                                .trial = worker ? &worker->view : NULL,
                                .running = state->views,
                                .running_count = count,
                                .done_count = state->done,
                                .total_count = state->total,
                                .best = state->best,
                                .text = text};
    state->observer->tell(state->observer->context, &event);
}

void sweep_warn(struct sweep_state *state, struct str text)
{
    sweep_tell(state, SWEEP_WARNED, NULL, text);
}

static int64_t jobs_of(const struct sweep_state *state)
{
    int64_t jobs = state->options->jobs;
    if (jobs == 0)
        jobs = state->session->workspace.config.jobs;
    if (jobs == 0)
        jobs = machine_cpus();
    return MIN_OF(MAX_OF(jobs, (int64_t)1), LIMIT_JOBS);
}

/* A process takes its two ends and the trial's lock. */
static int64_t fit_descriptors(int64_t jobs)
{
    enum { OURS = 64, OF_A_TRIAL = 4 };
    int64_t limit = machine_descriptors(OURS + jobs * OF_A_TRIAL);
    return MAX_OF(MIN_OF(jobs, (limit - OURS) / OF_A_TRIAL), (int64_t)1);
}

static void signal_ready(void *context)
{
    (void)context;
    signal_clear();
}

/* In memory: it is gone when the last process is. */
static FALLIBLE open_slots(struct sweep_state *state)
{
    state->slots = fd_of(memfd_create("mlops-slots", MFD_CLOEXEC));
    if (fd_number(state->slots) < 0)
        return error_os(errno, "cannot make the file of free slots");
    return NULL;
}

/* What this driver may take of the sweep's time, by the monotonic clock. */
static void set_deadline(struct sweep_state *state)
{
    int64_t most_ns = state->options->time_most_ns;
    if (!most_ns && state->row->sweep.time_most_ns)
        most_ns = MAX_OF(state->row->sweep.time_most_ns - state->row->spent_ns, (int64_t)1);
    state->begun_ns = clock_monotonic_ns();
    state->deadline_ns = most_ns ? state->begun_ns + most_ns : -1;
}

static FALLIBLE open_state(struct sweep_state *state)
{
    struct arena *arena = state->session->arena;
    int signals = -1;
    state->jobs = fit_descriptors(jobs_of(state));
    state->workers = arena_new_array(arena, struct worker, (size_t)state->jobs);
    state->views = arena_new_array(arena, struct trial_view, (size_t)state->jobs);
    state->loop = loop_open(arena);
    set_deadline(state);
    TRY(signal_open(&signals));
    loop_watch(state->loop, signals, signal_ready, NULL);
    TRY(process_adopt_orphans());
    TRY(open_slots(state));
    TRY(sampler_count(&state->row->sweep, &state->total));
    TRY(session_ledger(state->session, &state->ledger));
    return sweeps_relax(state->ledger, &state->session->workspace);
}

static bool is_done(enum trial_status status)
{
    return status != TRIAL_WAITING && status != TRIAL_RUNNING;
}

/* What earlier drivers, and others at work, have come to by now. */
static FALLIBLE look_back(struct sweep_state *state)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct trial *trials = NULL;
    size_t count = 0;
    TRY(sweeps_trials(state->ledger, &scratch, state->row->id, &trials, &count));
    state->done = 0;
    for (size_t i = 0; i < count; i++) {
        state->done += is_done(trials[i].status);
        TRY(sweep_consider(state, &trials[i]));
    }
    return NULL;
}

static bool is_out_of_time(const struct sweep_state *state)
{
    return state->deadline_ns >= 0 && clock_monotonic_ns() >= state->deadline_ns;
}

static bool takes_more(const struct sweep_state *state)
{
    int64_t most = state->options->trials_most;
    bool is_full = most && state->begun_count >= most;
    return !state->is_ending && !state->is_all && !is_full && !is_out_of_time(state) &&
           state->wait_ns <= clock_monotonic_ns();
}

static struct worker *idle_worker(struct sweep_state *state)
{
    for (int64_t i = 0; i < state->jobs; i++) {
        if (!state->workers[i].is_busy)
            return &state->workers[i];
    }
    return NULL;
}

static FALLIBLE fill(struct sweep_state *state)
{
    struct worker *worker;
    while (takes_more(state) && (worker = idle_worker(state))) {
        bool is_started = false;
        TRY(sweep_start(state, worker, &is_started));
        if (signal_count() > state->stop_count)
            return NULL;
    }
    return NULL;
}

/* First signal: nothing new starts, and the trials end politely; the second: at once. */
static void answer_signals(struct sweep_state *state)
{
    int count = signal_count();
    if (count == state->stop_count)
        return;
    state->stop_count = count;
    state->is_ending = true;
    for (int64_t i = 0; i < state->jobs; i++) {
        if (state->workers[i].is_busy)
            process_signal(&state->workers[i].process, count > 1 ? SIGKILL : SIGTERM);
    }
    if (count == 1 && state->busy && !state->options->shown)
        sweep_warn(state, STR("stopping: trials that run go back to waiting; "
                              "once more ends them at once"));
}

static void pass_on_size(struct sweep_state *state)
{
    if (!state->options->shown || !signal_resized())
        return;
    for (int64_t i = 0; i < state->jobs; i++) {
        if (state->workers[i].is_busy)
            kill(state->workers[i].process.pid, SIGWINCH);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return MAX_OF(a, b);
    return MIN_OF(a, b);
}

/* A kill costs no more of the sweep's time than this. */
#define SPEND_NS (1000 * NS_PER_MS)

static FALLIBLE spend(struct sweep_state *state)
{
    int64_t spent_ns = clock_monotonic_ns() - state->begun_ns;
    if (spent_ns < state->spent_ns + SPEND_NS)
        return NULL;
    TRY(sweeps_spend(state->ledger, state->row->id, spent_ns - state->spent_ns));
    state->spent_ns = spent_ns;
    return NULL;
}

static int64_t next_deadline(const struct sweep_state *state)
{
    int64_t now_ns = clock_monotonic_ns();
    int64_t deadline = state->begun_ns + state->spent_ns + SPEND_NS;
    if (state->reports.len)
        deadline = earlier(deadline, state->save_ns);
    if (!state->is_ending && state->wait_ns > now_ns)
        deadline = earlier(deadline, state->wait_ns);
    if (state->observer && state->observer->tick_ns)
        deadline = earlier(deadline, now_ns + state->observer->tick_ns);
    return deadline;
}

static FALLIBLE turn(struct sweep_state *state)
{
    answer_signals(state);
    TRY(fill(state));
    if (!state->busy && !(state->wait_ns > clock_monotonic_ns()))
        return NULL;
    TRY(loop_turn(state->loop, next_deadline(state)));
    answer_signals(state);
    pass_on_size(state);
    TRY(sweep_judge(state));
    TRY(spend(state));
    if (state->observer && state->observer->tick_ns)
        sweep_tell(state, SWEEP_TICKED, NULL, (struct str){0});
    return NULL;
}

/* Others may still be at work on what is left: that is waited for unless this driver was limited.
 */
static bool goes_on(const struct sweep_state *state)
{
    bool waits = state->wait_ns > 0 && !state->is_all && !state->is_ending &&
                 !is_out_of_time(state) && !state->options->trials_most;
    return state->busy || takes_more(state) || waits;
}

/* Else jobs that were asked for stand idle, and nobody knows why. */
static void tell_width(struct sweep_state *state)
{
    int64_t width = sampler_width(&state->row->sweep), asked = state->options->jobs;
    if (width && asked > width)
        sweep_warn(state,
                   str_print(&state->told_memory,
                             "after the random ones no more than %lld trials run side by side, "
                             "since tpe learns from those before; for %lld say 'lag: %lld' in a "
                             "sweep file",
                             (long long)width, (long long)asked, (long long)asked));
}

static FALLIBLE drive(struct sweep_state *state)
{
    TRY(look_back(state));
    sweep_tell(state, SWEEP_BEGUN, NULL, (struct str){0});
    tell_width(state);
    do
        TRY(turn(state));
    while (goes_on(state));
    return sweep_save_reports(state);
}

/* Nothing of a failed driver goes on without it. */
static void drop_state(struct sweep_state *state)
{
    for (int64_t i = 0; state->workers && i < state->jobs; i++)
        sweep_worker_drop(&state->workers[i]);
    if (state->stop_count > 1 && state->loop)
        process_sweep((struct str){0}, 0, NULL, 0);
    fd_drop(&state->slots);
    arena_drop(&state->best_memory);
    arena_drop(&state->told_memory);
    arena_drop(&state->reports_memory);
    loop_drop(&state->loop);
    error_drop(state->failure);
}

static enum sweep_status status_now(const struct sweep_state *state)
{
    bool is_spent = state->row->sweep.time_most_ns && is_out_of_time(state);
    bool is_done_all = state->total && state->done >= state->total;
    bool is_over = state->is_all || is_done_all || is_spent || state->row->is_single;
    return is_over ? SWEEP_DONE : SWEEP_OPEN;
}

/* 1: a trial failed, the metric is in none, or gates said no to all. */
static int exit_status_of(const struct sweep_state *state, const struct sweep_report *report)
{
    int64_t counts[TRIAL_STATUS_COUNT] = {0};
    bool has_score = false;
    if (state->stop_count)
        return ERROR_SIGNAL + signal_first();
    for (size_t i = 0; i < report->count; i++) {
        counts[report->trials[i].status]++;
        has_score |= report->trials[i].has_score && isfinite(report->trials[i].score);
    }
    bool is_missing = state->row->sweep.metric_key.len && counts[TRIAL_SUCCEEDED] && !has_score;
    bool are_rejected = counts[TRIAL_REJECTED] && !counts[TRIAL_SUCCEEDED];
    return counts[TRIAL_FAILED] || is_missing || are_rejected ? ERROR_ANSWER : 0;
}

static FALLIBLE finish(struct sweep_state *state, struct sweep_report *ret)
{
    struct sweep_row *row = state->row;
    int64_t spent_ns = clock_monotonic_ns() - state->begun_ns, removed = 0;
    TRY(work_dir_sweep(state->session, &removed)); /* of drivers that died since it began */
    TRY(look_back(state));
    row->status = status_now(state);
    TRY(sweeps_finish(state->ledger, row->id, spent_ns - state->spent_ns, row->status));
    row->spent_ns += spent_ns;
    TRY(sweeps_trials(state->ledger, state->session->arena, row->id, &ret->trials, &ret->count));
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        row->counts[i] = 0;
    for (size_t i = 0; i < ret->count; i++)
        row->counts[ret->trials[i].status]++;
    ret->row = *row;
    ret->exit_status = exit_status_of(state, ret);
    sweep_tell(state, SWEEP_ENDED, NULL, (struct str){0});
    return NULL;
}

struct error *sweep_drive(struct session *session, struct sweep_row *row,
                          const struct sweep_options *options,
                          const struct sweep_observer *observer, struct sweep_report *ret)
{
    int64_t removed = 0;
    struct sweep_state state = {.session = session,
                                .row = row,
                                .options = options,
                                .observer = observer,
                                .deadline_ns = -1};
    struct error *error = work_dir_refuse_inside(&session->workspace);
    if (!error)
        error = work_dir_sweep(session, &removed);
    if (!error)
        error = open_state(&state);
    if (!error)
        error = drive(&state);
    if (!error)
        error = finish(&state, ret);
    if (!error) {
        error = state.failure;
        state.failure = NULL;
    }
    drop_state(&state);
    return error;
}
