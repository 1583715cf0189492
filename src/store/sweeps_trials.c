#include "mlops/base/arena.h"

#include <math.h>

#include "sweeps_private.h"

VEC(trial_vec, struct trial);
VEC(report_vec, struct trial_report);

static const char *const names[TRIAL_STATUS_COUNT] = {
    [TRIAL_WAITING] = "waiting", [TRIAL_RUNNING] = "running",   [TRIAL_SUCCEEDED] = "succeeded",
    [TRIAL_FAILED] = "failed",   [TRIAL_REJECTED] = "rejected", [TRIAL_STOPPED] = "stopped",
};

const char *trial_status_name(enum trial_status status)
{
    return names[status];
}

static FALLIBLE read_status(struct str name, enum trial_status *ret)
{
    for (int status = TRIAL_WAITING; status < TRIAL_STATUS_COUNT; status++) {
        if (!str_is(name, names[status]))
            continue;
        *ret = (enum trial_status)status;
        return NULL;
    }
    return error_new(ERROR_STORED, "the lineage database holds the unknown status '%.*s'",
                     STR_FMT(name));
}

FALLIBLE sweeps_read_trial(struct arena *arena, struct sql_row *row, struct trial *ret)
{
    struct trial trial = {.number = sql_int(row, 0)};
    TRY(read_status(sql_text(row, 1), &trial.status));
    TRY(overrides_parse(arena, str_copy(arena, sql_text(row, 2)), &trial.overrides));
    trial.run = str_copy(arena, sql_text(row, 3));
    trial.has_score = !sql_is_null(row, 4);
    trial.score = trial.has_score ? sql_real(row, 4) : 0;
    trial.note = str_copy(arena, sql_text(row, 5));
    trial.isolation = str_copy(arena, sql_text(row, 6));
    trial.started_ns = sql_int(row, 7);
    trial.duration_ns = sql_int(row, 8);
    trial.attempts = sql_int(row, 9);
    *ret = trial;
    return NULL;
}

static FALLIBLE collect(struct sql_row *row, struct arena *arena, struct trial **ret,
                        size_t *ret_count)
{
    struct trial_vec trials = {0};
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            break;
        TRY(sweeps_read_trial(arena, row, vec_push(arena, &trials)));
    }
    *ret = trials.at;
    *ret_count = trials.len;
    return NULL;
}

FALLIBLE sweeps_trials(struct ledger *ledger, struct arena *arena, int64_t id, struct trial **ret,
                       size_t *ret_count)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT " TRIAL_COLUMNS " FROM trial WHERE sweep = ? ORDER BY number", "i", id));
    return collect(row, arena, ret, ret_count);
}

FALLIBLE sweeps_best(struct ledger *ledger, struct arena *arena, const struct sweep_row *sweep,
                     int64_t most, struct trial **ret, size_t *ret_count)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT " TRIAL_COLUMNS " FROM trial WHERE sweep = ?1"
                   " ORDER BY score IS NULL, CASE WHEN ?2 THEN score ELSE -score END, number"
                   " LIMIT ?3",
                   "iii", sweep->id, (int64_t)(sweep->sweep.direction == LOWER_IS_BETTER), most));
    return collect(row, arena, ret, ret_count);
}

FALLIBLE sweeps_trial(struct ledger *ledger, struct arena *arena, int64_t id, int64_t number,
                      struct trial *ret, bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT " TRIAL_COLUMNS " FROM trial WHERE sweep = ? AND number = ?", "ii", id,
                   number));
    TRY(sql_next(row, ret_found));
    return *ret_found ? sweeps_read_trial(arena, row, ret) : NULL;
}

FALLIBLE sweeps_of_run(struct ledger *ledger, struct arena *arena, struct str run,
                       struct sweep_row *ret, struct trial *ret_trial, bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT " SWEEP_COLUMNS ", trial_run.number FROM run"
                   " JOIN trial_run ON trial_run.run = run.sequence"
                   " JOIN sweep ON sweep.id = trial_run.sweep WHERE run.id = ?",
                   "s", run));
    TRY(sql_next(row, ret_found));
    if (!*ret_found)
        return NULL;
    TRY(sweeps_read_row(ledger, arena, row, ret));
    return sweeps_trial(ledger, arena, ret->id, sql_int(row, 15), ret_trial, ret_found);
}

FALLIBLE sweeps_relax(struct ledger *ledger, const struct workspace *workspace)
{
    bool is_durable = workspace->config.durability == DURABILITY_FULL;
    return is_durable ? sql_script(ledger_sql(ledger), "PRAGMA synchronous=NORMAL") : NULL;
}

FALLIBLE sweeps_save(struct ledger *ledger, int64_t id, const struct trial *trial)
{
    double score = trial->has_score ? trial->score : nan("");
    return sql_run(ledger_sql(ledger),
                   "UPDATE trial SET status = ?3, run = ?4, score = ?5, note = ?6, isolation = ?7,"
                   " duration_ns = ?8 WHERE sweep = ?1 AND number = ?2",
                   "iissrssi", id, trial->number, str_of(names[trial->status]),
                   optional(trial->run), score, optional(trial->note), optional(trial->isolation),
                   trial->duration_ns);
}

static FALLIBLE add_metrics(struct ledger *ledger, struct arena *arena, struct digest result,
                            struct metric_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT file, key, value FROM metric"
                   " WHERE result = (SELECT id FROM result WHERE digest = ?) ORDER BY file, key",
                   "d", result));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        *vec_push(arena, ret) = (struct metric){.file = str_copy(arena, sql_text(row, 0)),
                                                .key = str_copy(arena, sql_text(row, 1)),
                                                .value = sql_real(row, 2),
                                                .is_text = sql_is_null(row, 2)};
    }
}

static FALLIBLE find_state(struct ledger *ledger, struct str run, struct digest *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT digest FROM run JOIN state ON state.id = run.state WHERE run.id = ?",
                   "s", run));
    TRY(sql_next(row, &found));
    *ret = found ? sql_digest(row, 0) : (struct digest){{0}};
    return NULL;
}

FALLIBLE sweeps_score(struct ledger *ledger, const struct sweep *sweep, struct str run,
                      bool *ret_has_score, double *ret_score)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct digest digest = {{0}};
    struct state state = {0};
    struct metric_vec metrics = {0};
    const struct metric *metric = NULL;
    size_t count = 0;
    bool found = false;
    *ret_has_score = false;
    if (sweep->metric_key.len == 0)
        return NULL;
    TRY(find_state(ledger, run, &digest));
    if (!digest_is_zero(digest))
        TRY(ledger_load_state(ledger, &scratch, digest, &state, &found));
    for (size_t i = 0; i < state.count; i++)
        if (!digest_is_zero(state.entries[i].result))
            TRY(add_metrics(ledger, &scratch, state.entries[i].result, &metrics));
    metrics_find(&metrics, sweep->metric_file, sweep->metric_key, &metric, &count);
    *ret_has_score = count == 1 && !isnan(metric->value);
    if (*ret_has_score)
        *ret_score = metric->value;
    return NULL;
}

FALLIBLE sweeps_report(struct ledger *ledger, int64_t id, const struct trial_report *reports,
                       size_t count)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    if (count == 0)
        return NULL;
    TRY(sql_begin(ledger_sql(ledger), &transaction));
    for (size_t i = 0; i < count; i++)
        TRY(sql_run(ledger_sql(ledger),
                    "INSERT INTO report (sweep, number, step, value) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (sweep, number, step) DO UPDATE SET value = excluded.value",
                    "iiir", id, reports[i].trial, reports[i].step, reports[i].value));
    return sql_commit(&transaction);
}

FALLIBLE sweeps_reports(struct ledger *ledger, struct arena *arena, int64_t id,
                        struct trial_report **ret, size_t *ret_count)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct report_vec reports = {0};
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT number, step, value FROM report WHERE sweep = ? ORDER BY number, step",
                   "i", id));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            break;
        *vec_push(arena, &reports) =
            (struct trial_report){sql_int(row, 0), sql_int(row, 1), sql_real(row, 2)};
    }
    *ret = reports.at;
    *ret_count = reports.len;
    return NULL;
}
