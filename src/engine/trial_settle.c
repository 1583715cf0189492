/* What the run of a trial came to, as the trial's row: status, score, and why there is none. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <math.h>

#include "trial_private.h"

static enum trial_status status_of(const struct run *run)
{
    if (run->status == RUN_SUCCEEDED)
        return TRIAL_SUCCEEDED;
    return run->status == RUN_REJECTED ? TRIAL_REJECTED : TRIAL_FAILED;
}

/* "train: exited with 1": the first stage in the way, by the plan. */
static struct str note_of(struct trial_work *work, const struct run_report *report)
{
    const struct plan *plan = &work->session.plan;
    for (size_t i = 0; i < report->count; i++) {
        const struct outcome *outcome = &report->outcomes[plan->order[i]];
        if (!plan->stages[plan->order[i]].is_selected || !stage_made_nothing(outcome->status))
            continue;
        struct str cause =
            outcome->blocker.len ? outcome->blocker : str_of(stage_status_name(outcome->status));
        if (outcome->checks && outcome->status == STATUS_REJECTED)
            cause = check_results_print(work->arena, outcome->checks);
        if (outcome->status == STATUS_UNCONFIRMED && outcome->changed_inputs.len)
            cause = str_print(work->arena, "'%.*s' changed while the stage ran",
                              STR_FMT(outcome->changed_inputs.at[0]));
        return str_print(work->arena, "%.*s: %.*s", STR_FMT(outcome->stage->name), STR_FMT(cause));
    }
    return (struct str){0};
}

static void collect(struct trial_work *work, const struct run_report *report,
                    struct metric_vec *ret)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct outcome *outcome = &report->outcomes[work->session.plan.order[i]];
        for (size_t k = 0; outcome->value && k < outcome->value->metrics.len; k++)
            *vec_push(work->arena, ret) = outcome->value->metrics.at[k];
    }
}

/* Where the metric is meant: "a.json:f1", or "f1" of any file. */
static struct str wanted_name(struct trial_work *work)
{
    const struct sweep *sweep = &work->row.sweep;
    return str_print(work->arena, "%.*s%s%.*s", STR_FMT(sweep->metric_file),
                     sweep->metric_file.len ? ":" : "", STR_FMT(sweep->metric_key));
}

/* "a.json:f1, a.json:loss": numbers that it may be; of some that are meant only these. */
static struct str list_metrics(struct trial_work *work, const struct metric_vec *metrics,
                               bool are_meant)
{
    struct buf text = buf_in(work->arena);
    vec_each (const struct metric, metric, metrics) {
        bool is_meant = !are_meant || str_ends(metric->key, work->row.sweep.metric_key);
        if (metric->is_text || !is_meant || metric_is_part(metric->key) ||
            text.len > (size_t)LIMIT_SHOWN_BYTES)
            continue;
        buf_print(&text, "%s%.*s:%.*s", text.len ? ", " : "", STR_FMT(metric->file),
                  STR_FMT(metric->key));
    }
    return buf_str(&text);
}

static const struct metric *find_text(const struct metric_vec *metrics, const struct sweep *sweep)
{
    vec_each (const struct metric, metric, metrics) {
        bool is_of_file = !sweep->metric_file.len || str_equal(metric->file, sweep->metric_file);
        if (metric->is_text && is_of_file && str_equal(metric->key, sweep->metric_key))
            return metric;
    }
    return NULL;
}

/* "f1 is in a.json and b.json", or which metrics there are instead. */
static struct str missing_metric(struct trial_work *work, const struct metric_vec *metrics,
                                 size_t count)
{
    struct str name = wanted_name(work), others = list_metrics(work, metrics, count > 0);
    const struct metric *text = find_text(metrics, &work->row.sweep);
    if (count)
        return str_print(work->arena, "more than one metric is called '%.*s': %.*s", STR_FMT(name),
                         STR_FMT(others));
    if (text)
        return str_print(work->arena, "the metric '%.*s' is a text in %.*s, not a number",
                         STR_FMT(name), STR_FMT(text->file));
    return str_print(work->arena, "there is no metric '%.*s'%s%.*s", STR_FMT(name),
                     others.len ? "; there are " : "", STR_FMT(others));
}

static void take_score(struct trial_work *work, const struct run_report *report)
{
    const struct sweep *sweep = &work->row.sweep;
    struct metric_vec metrics = {0};
    const struct metric *metric = NULL;
    size_t count = 0;
    if (!sweep->metric_key.len)
        return;
    collect(work, report, &metrics);
    metrics_find(&metrics, sweep->metric_file, sweep->metric_key, &metric, &count);
    work->trial.has_score = count == 1;
    if (count == 1)
        work->trial.score = metric->value;
    if (work->trial.status != TRIAL_SUCCEEDED)
        return;
    if (count != 1)
        work->trial.note = missing_metric(work, &metrics, count);
    else if (isnan(metric->value))
        work->trial.note =
            str_print(work->arena, "the metric '%.*s" TRIAL_DIVERGED, STR_FMT(wanted_name(work)));
}

struct error *trial_settle(struct trial_work *work, const struct run_report *report)
{
    struct ledger *ledger = NULL;
    const struct run *run = report->run;
    struct trial *trial = &work->trial;
    trial->status = status_of(run);
    trial->duration_ns = run->duration_ns;
    trial->note = note_of(work, report);
    take_score(work, report);
    TRY(session_ledger(&work->session, &ledger));
    TRY(sweeps_relax(ledger, &work->session.workspace)); /* the run is recorded */
    return sweeps_save(ledger, work->row.id, trial);
}
