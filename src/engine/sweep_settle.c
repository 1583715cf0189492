/* What became of a trial whose process has ended. Usually it has said so itself in its row; else
 * the process failed, or was ended. */
#include "mlops/base/arena.h"
#include "mlops/engine/trial.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"

#include <math.h>
#include <signal.h>
#include <string.h>

#include "sweep_private.h"

static bool is_better(const struct sweep_state *state, const struct trial *trial)
{
    if (!state->best)
        return true;
    if (state->row->sweep.direction == LOWER_IS_BETTER)
        return trial->score < state->best->score;
    return trial->score > state->best->score;
}

struct error *sweep_consider(struct sweep_state *state, const struct trial *trial)
{
    const struct sweep *sweep = &state->row->sweep;
    bool is_candidate = trial->status == TRIAL_SUCCEEDED && trial->has_score &&
                        isfinite(trial->score) && sweep->direction != DIRECTION_UNKNOWN;
    bool found = false;
    if (!is_candidate || !is_better(state, trial))
        return NULL;
    arena_reset(&state->best_memory);
    state->best = arena_new(&state->best_memory, struct trial);
    return sweeps_trial(state->ledger, &state->best_memory, state->row->id, trial->number,
                        state->best, &found);
}

/* "mlops: A", "  because: B", "  hint: C" as "A: B"; *ret_hint: C. Excerpts are left out. */
static struct str error_words(struct worker *worker, struct str *ret_hint)
{
    struct str rest = buf_str(&worker->words), line;
    struct buf text = buf_in(&worker->memory);
    while (rest.len && str_split(&rest, '\n', &line)) {
        struct str trimmed = str_trim(line);
        ptrdiff_t at = str_find(trimmed, STR(": "));
        struct str head = at < 0 ? (struct str){0} : str_slice(trimmed, 0, (size_t)at);
        struct str tail = str_slice(trimmed, (size_t)at + 2, trimmed.len);
        if (str_is(head, "hint"))
            *ret_hint = tail;
        else if (str_is(head, "mlops") || str_is(head, "because"))
            buf_print(&text, "%s%.*s", text.len ? ": " : "", STR_FMT(tail));
    }
    return text.len ? buf_str(&text) : str_trim(buf_str(&worker->words));
}

/* An error of the machine or the store is no trial's fault: it goes back to waiting, and the sweep
 * ends. */
static bool is_general(const struct process_end *end)
{
    return end->exit_code == ERROR_MACHINE || end->exit_code == ERROR_STORED ||
           end->exit_code == ERROR_BUG;
}

static void note_failure(struct sweep_state *state, struct worker *worker,
                         const struct process_end *end)
{
    struct str hint = {0};
    struct str words = error_words(worker, &hint);
    if (state->failure)
        return;
    state->failure = error_new((enum error_code)end->exit_code, "%.*s",
                               STR_FMT(words.len ? words : STR("its process failed")));
    state->failure =
        error_within(state->failure, "trial %lld", (long long)worker->view.trial.number + 1);
    state->failure =
        error_hint(state->failure, "%.*s%sthen: mlops sweep --resume %.*s", STR_FMT(hint),
                   hint.len ? "; " : "", STR_FMT(ulid_short(state->row->ulid)));
    state->is_ending = true;
}

static struct str end_text(struct worker *worker, const struct process_end *end)
{
    struct str hint = {0};
    struct str words = error_words(worker, &hint);
    if (end->exit_signal == SIGKILL)
        return STR("its process was killed; by the kernel, if memory ran out");
    if (end->exit_signal)
        return str_print(&worker->memory, "its process was ended by signal %d", end->exit_signal);
    if (words.len)
        return str_copy(&worker->memory, words);
    return str_print(&worker->memory, "its process ended with status %d", end->exit_code);
}

/* Its process did not say what it came to. */
static void judge_end(struct sweep_state *state, struct worker *worker,
                      const struct process_end *end)
{
    struct trial *trial = &worker->view.trial;
    bool is_stopped = state->stop_count && !is_general(end);
    trial->duration_ns = clock_monotonic_ns() - worker->begun_ns;
    trial->status = is_stopped || is_general(end) ? TRIAL_WAITING : TRIAL_FAILED;
    if (is_general(end))
        note_failure(state, worker, end);
    if (trial->status == TRIAL_WAITING)
        trial->run = trial->note = (struct str){0};
    else
        trial->note = end_text(worker, end);
}

static bool is_left(const struct trial *trial)
{
    return trial->status == TRIAL_RUNNING || trial->status == TRIAL_WAITING;
}

/* The metric's name is likely wrong: that is said while there is time to act on it. A trial that
 * reported NaN has no score either, but nothing to note. */
static void look_for_metric(struct sweep_state *state, const struct worker *worker)
{
    const struct sweep *sweep = &state->row->sweep;
    const struct trial *trial = &worker->view.trial;
    bool is_missing = sweep->metric_key.len && trial->status == TRIAL_SUCCEEDED &&
                      !trial->has_score && trial->note.len &&
                      !str_ends(trial->note, STR(TRIAL_DIVERGED));
    if (!is_missing || state->was_told_missing)
        return;
    state->was_told_missing = true;
    sweep_warn(state, str_print(&state->told_memory, "trial %lld: %.*s",
                                (long long)trial->number + 1, STR_FMT(trial->note)));
    bool needs_score = sweep->method == SWEEP_TPE || sweep->stop != STOP_NEVER;
    if (!needs_score || state->best)
        return;
    state->is_ending = true;
    sweep_warn(state, STR("what was to be tried next depends on that metric: the sweep stops here; "
                          "another one takes over what has run"));
}

struct error *sweep_settle(struct sweep_state *state, struct worker *worker,
                           const struct process_end *end)
{
    struct trial_view *view = &worker->view;
    bool is_found = false;
    TRY(sweeps_trial(state->ledger, &worker->memory, state->row->id, view->trial.number,
                     &view->trial, &is_found));
    if (is_left(&view->trial)) {
        judge_end(state, worker, end);
        TRY(sweeps_save(state->ledger, state->row->id, &view->trial));
    }
    state->done += !is_left(&view->trial);
    state->is_ending |= state->options->stops_at_failure && view->trial.status == TRIAL_FAILED;
    TRY(sweep_consider(state, &view->trial));
    look_for_metric(state, worker);
    return NULL;
}
