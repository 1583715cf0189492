#include "mlops/base/arena.h"

#include "ledger_private.h"

static bool status_parse(struct str name, enum run_status *ret)
{
    for (int status = RUN_RUNNING; status <= RUN_CRASHED; status++) {
        if (!str_is(name, run_status_name((enum run_status)status)))
            continue;
        *ret = (enum run_status)status;
        return true;
    }
    return false;
}

static struct str take_text(struct sql_row *row, struct arena *arena, int column)
{
    return str_copy(arena, sql_text(row, column));
}

static void read_counts(struct sql_row *row, int column, struct run_counts *ret)
{
    int *const counts[] = {&ret->stages,      &ret->executed, &ret->restored,
                           &ret->unchanged,   &ret->failed,   &ret->rejected,
                           &ret->unconfirmed, &ret->skipped,  &ret->interrupted};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        *counts[i] = (int)sql_int(row, column++);
    ret->hashed_files = sql_int(row, column++);
    ret->hashed_bytes = sql_int(row, column);
}

static void read_code(struct sql_row *row, struct arena *arena, int column, struct code_state *ret)
{
    ret->commit = take_text(row, arena, column);
    ret->branch = take_text(row, arena, column + 1);
    ret->remote = take_text(row, arena, column + 2);
    ret->is_dirty = (int)sql_int(row, column + 3);
    ret->patch = sql_digest(row, column + 4);
}

FALLIBLE ledger_read_run(struct sql_row *row, struct arena *arena, struct run *ret)
{
    struct run run = {.sequence = sql_int(row, 0)};
    if (!status_parse(sql_text(row, 4), &run.status))
        return error_new(ERROR_STORED, "the lineage database holds the unknown status '%.*s'",
                         STR_FMT(sql_text(row, 4)));
    run.id = take_text(row, arena, 1);
    run.parent = take_text(row, arena, 2);
    run.name = take_text(row, arena, 3);
    run.pipeline = take_text(row, arena, 5);
    run.pipeline_digest = sql_digest(row, 6);
    run.lock_digest = sql_digest(row, 7);
    run.state = sql_digest(row, 8);
    run.started_ns = sql_int(row, 9);
    run.duration_ns = sql_int(row, 10);
    run.host = take_text(row, arena, 11);
    run.user = take_text(row, arena, 12);
    run.version = take_text(row, arena, 13);
    run.argv = take_text(row, arena, 14);
    read_code(row, arena, 15, &run.code);
    read_counts(row, 20, &run.counts);
    run.saved_ns = sql_int(row, 31);
    run.sweep = take_text(row, arena, 32);
    run.trial = sql_int(row, 33);
    *ret = run;
    return NULL;
}

static FALLIBLE read_tags(struct ledger *ledger, struct arena *arena, struct run *run)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT name FROM tag WHERE run = ? ORDER BY name", "i",
                   run->sequence));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        *vec_push(arena, &run->tags) = take_text(row, arena, 0);
    }
}

VEC(run_vec, struct run);

/* The rows of an open SELECT of RUN_COLUMNS. */
static FALLIBLE collect(struct ledger *ledger, struct arena *arena, struct sql_row *row,
                        struct run_vec *ret)
{
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct run *run = vec_push(arena, ret);
        TRY(ledger_read_run(row, arena, run));
        TRY(read_tags(ledger, arena, run));
    }
}

FALLIBLE ledger_list_runs(struct ledger *ledger, struct arena *arena,
                          const struct ledger_filter *filter, struct run **ret, size_t *ret_count)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct run_vec runs = {0};
    const char *status =
        filter->status ? run_status_name((enum run_status)(filter->status - 1)) : NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT " RUN_COLUMNS " FROM run" FILTER_RUNS, "sssssisi",
                   ledger_optional(filter->pipeline), ledger_optional(filter->branch),
                   str_of(status), ledger_optional(filter->stage), ledger_optional(filter->tag),
                   filter->limit > 0 ? filter->limit : INT64_C(-1), ledger_optional(filter->sweep),
                   (int64_t)filter->without_trials));
    TRY(collect(ledger, arena, row, &runs));
    *ret = runs.at;
    *ret_count = runs.len;
    return NULL;
}

static FALLIBLE find_run(struct ledger *ledger, struct arena *arena, int64_t sequence,
                         struct run_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    size_t before = ret->len;
    TRY(sql_select(ledger->sql, &row, "SELECT " RUN_COLUMNS " FROM run WHERE sequence = ?", "i",
                   sequence));
    TRY(collect(ledger, arena, row, ret));
    if (ret->len == before)
        return error_new(ERROR_STORED, "the lineage database has no run number %lld",
                         (long long)sequence);
    return NULL;
}

FALLIBLE ledger_run_by_id(struct ledger *ledger, struct arena *arena, struct str id,
                          struct run **ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct run_vec runs = {0};
    TRY(sql_select(ledger->sql, &row, "SELECT " RUN_COLUMNS " FROM run WHERE id = ?", "s", id));
    TRY(collect(ledger, arena, row, &runs));
    *ret = runs.at;
    return NULL;
}

FALLIBLE ledger_load_runs(struct ledger *ledger, struct arena *arena, const int64_t *sequences,
                          size_t count, struct run **ret)
{
    struct run_vec runs = {0};
    for (size_t i = 0; i < count; i++)
        TRY(find_run(ledger, arena, sequences[i], &runs));
    *ret = runs.at;
    return NULL;
}

enum reason_part ledger_part_parse(struct str name)
{
    for (int part = REASON_CMD; part <= REASON_UPSTREAM; part++)
        if (str_is(name, reason_part_name((enum reason_part)part)))
            return (enum reason_part)part;
    return REASON_CMD;
}

/* Of all stages of the run, which are in the order of their rows. */
static FALLIBLE read_reasons(struct ledger *ledger, struct arena *arena, struct run *run)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    size_t at = 0;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT part, what, before, after, stage_run FROM reason WHERE stage_run IN"
                   " (SELECT id FROM stage_run WHERE run = ?) ORDER BY stage_run, number",
                   "i", run->sequence));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        while (at < run->stages.len && run->stages.at[at].row_id < sql_int(row, 4))
            at++;
        if (at == run->stages.len)
            return NULL;
        *vec_push(arena, &run->stages.at[at].reasons) = (struct reason){
            .part = ledger_part_parse(sql_text(row, 0)),
            .what = take_text(row, arena, 1),
            .before = take_text(row, arena, 2),
            .after = take_text(row, arena, 3),
        };
    }
}

static FALLIBLE read_stage(struct sql_row *row, struct arena *arena, struct run_stage *ret)
{
    ret->row_id = sql_int(row, 0);
    ret->stage = take_text(row, arena, 1);
    if (!stage_status_parse(sql_text(row, 2), &ret->status))
        return error_new(ERROR_STORED, "the lineage database holds the unknown status '%.*s'",
                         STR_FMT(sql_text(row, 2)));
    ret->key = sql_digest(row, 3);
    ret->result = sql_digest(row, 4);
    ledger_read_usage(row, 5, &ret->usage);
    ret->note = take_text(row, arena, 14);
    ret->log_path = take_text(row, arena, 15);
    ret->log_bytes = sql_int(row, 16);
    return NULL;
}

static FALLIBLE read_stages(struct ledger *ledger, struct arena *arena, struct run *run)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(
        ledger->sql, &row,
        "SELECT id, stage, status, (SELECT key FROM recipe WHERE recipe.id = stage_run.recipe),"
        " (SELECT digest FROM result WHERE result.id = stage_run.result), attempts, exit_code,"
        " exit_signal, timed_out, started_ns, duration_ns, cpu_user_ns, cpu_system_ns,"
        " peak_bytes, note, log_path, log_bytes FROM stage_run WHERE run = ? ORDER BY id",
        "i", run->sequence));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return read_reasons(ledger, arena, run);
        TRY(read_stage(row, arena, vec_push(arena, &run->stages)));
    }
}

FALLIBLE ledger_load_run(struct ledger *ledger, struct arena *arena, int64_t sequence,
                         struct run **ret)
{
    struct run_vec runs = {0};
    TRY(find_run(ledger, arena, sequence, &runs));
    TRY(read_stages(ledger, arena, runs.at));
    TRY(ledger_read_checks(ledger, arena, runs.at));
    *ret = runs.at;
    return NULL;
}

FALLIBLE ledger_run_of_lock(struct ledger *ledger, struct arena *arena, struct digest lock,
                            struct run **ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct run_vec runs = {0};
    *ret = NULL;
    if (digest_is_zero(lock))
        return NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT " RUN_COLUMNS " FROM run WHERE lock_digest = ?"
                   " ORDER BY status = 'succeeded' DESC, sequence DESC LIMIT 1",
                   "d", lock));
    TRY(collect(ledger, arena, row, &runs));
    *ret = runs.len ? runs.at : NULL;
    return NULL;
}

FALLIBLE ledger_run_before(struct ledger *ledger, struct arena *arena, const struct run *run,
                           struct run **ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct run_vec runs = {0};
    TRY(sql_select(ledger->sql, &row,
                   "SELECT " RUN_COLUMNS " FROM run WHERE sequence < ? AND pipeline = ?"
                   " AND state IS NOT NULL"
                   " AND state IS NOT (SELECT id FROM state WHERE digest = ?) AND" IS_NO_TRIAL
                   " ORDER BY sequence DESC LIMIT 1",
                   "isd", run->sequence, ledger_required(run->pipeline), run->state));
    TRY(collect(ledger, arena, row, &runs));
    *ret = runs.len ? runs.at : NULL;
    return NULL;
}
