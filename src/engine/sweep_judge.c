/* What running trials report is saved together, a few times a second; then the hopeless are told to
 * end. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"

#include <math.h>
#include <signal.h>

#include "sweep_private.h"

enum { SAVE_MS = 50, PAUSE_FACTOR = 10 };

struct error *sweep_save_reports(struct sweep_state *state)
{
    if (!state->reports.len)
        return NULL;
    TRY(sweeps_report(state->ledger, state->row->id, state->reports.at, state->reports.len));
    state->reports = (struct report_vec){0};
    arena_reset(&state->reports_memory);
    return NULL;
}

/* Saved first, so that it counts as stopped even if it ends by itself just now, or we do. */
static FALLIBLE end_hopeless(struct sweep_state *state, struct worker *worker, struct str why)
{
    struct trial trial = worker->view.trial;
    trial.status = TRIAL_STOPPED;
    trial.note = why;
    trial.score = worker->view.value;
    trial.has_score = !isnan(worker->view.value);
    trial.duration_ns = clock_monotonic_ns() - worker->begun_ns;
    worker->is_hopeless = true;
    TRY(sweeps_save(state->ledger, state->row->id, &trial));
    process_signal(&worker->process, SIGTERM);
    return NULL;
}

static bool is_to_judge(const struct worker *worker)
{
    return worker->is_busy && worker->has_new_step && !worker->is_hopeless;
}

static FALLIBLE judge_all(struct sweep_state *state)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct trial_report *reports = NULL;
    size_t count = 0;
    TRY(sweeps_reports(state->ledger, &scratch, state->row->id, &reports, &count));
    for (int64_t i = 0; i < state->jobs; i++) {
        struct worker *worker = &state->workers[i];
        bool stops = false;
        struct str why = {0};
        if (!is_to_judge(worker))
            continue;
        worker->has_new_step = false;
        stopping_judge(&scratch, &state->row->sweep, worker->view.trial.number, reports, count,
                       &stops, &why);
        if (stops)
            TRY(end_hopeless(state, worker, why));
    }
    return NULL;
}

struct error *sweep_judge(struct sweep_state *state)
{
    enum sweep_stop stop = state->row->sweep.stop;
    int64_t begun_ns = clock_monotonic_ns();
    if (!state->reports.len || begun_ns < state->save_ns)
        return NULL;
    TRY(sweep_save_reports(state));
    if ((stop == STOP_MEDIAN || stop == STOP_ASHA) && !state->stop_count)
        TRY(judge_all(state));
    int64_t now_ns = clock_monotonic_ns();
    state->save_ns = now_ns + SAVE_MS * NS_PER_MS + (now_ns - begun_ns) * PAUSE_FACTOR;
    return NULL;
}
