/* What built-in validate stages found: written with each run, read with it. */
#include "mlops/base/arena.h"

#include <math.h>

#include "ledger_private.h"

static FALLIBLE put_finding(struct ledger *ledger, int64_t id, int64_t number,
                            const struct check_result *result)
{
    return sql_run(
        ledger->sql,
        "INSERT INTO finding (judgement, number, check_name, severity, judgement_word, table_name,"
        " path, field, kind, value, limit_text, message, formula, count, shown)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "iisssssssrsssis", id, number, result->check, result->severity, result->judgement,
        ledger_required(result->table), ledger_required(result->path),
        ledger_optional(result->field), ledger_optional(result->kind),
        result->has_value ? result->value : nan(""), ledger_optional(result->limit),
        ledger_required(result->message), ledger_optional(result->formula), result->count,
        ledger_optional(result->shown));
}

FALLIBLE ledger_put_checks(struct ledger *ledger, int64_t sequence, int64_t result,
                           const struct check_results *checks)
{
    TRY(sql_run(ledger->sql,
                "INSERT INTO judgement (run, stage, result, rejected, passed, failed, warned,"
                " skipped) VALUES (?, ?, nullif(?, 0), ?, ?, ?, ?, ?)",
                "isiiiiii", sequence, checks->stage, result, (int64_t)checks->is_rejected,
                (int64_t)checks->passed, (int64_t)checks->failed, (int64_t)checks->warned,
                (int64_t)checks->skipped));
    int64_t id = sql_last_id(ledger->sql);
    for (size_t i = 0; i < checks->all.len; i++)
        TRY(put_finding(ledger, id, (int64_t)i, &checks->all.at[i]));
    return NULL;
}

static struct str text_at(struct sql_row *row, struct arena *arena, int column)
{
    return str_copy(arena, sql_text(row, column));
}

static FALLIBLE read_findings(struct ledger *ledger, struct arena *arena, int64_t id,
                              struct check_results *checks)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT check_name, severity, judgement_word, table_name, path, field, kind,"
                   " value, limit_text, message, formula, count, shown FROM finding"
                   " WHERE judgement = ? ORDER BY number",
                   "i", id));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct check_result *result = vec_push(arena, &checks->all);
        *result = (struct check_result){
            .check = text_at(row, arena, 0),
            .severity = text_at(row, arena, 1),
            .judgement = text_at(row, arena, 2),
            .table = text_at(row, arena, 3),
            .path = text_at(row, arena, 4),
            .field = text_at(row, arena, 5),
            .kind = text_at(row, arena, 6),
            .value = sql_real(row, 7),
            .limit = text_at(row, arena, 8),
            .message = text_at(row, arena, 9),
            .formula = text_at(row, arena, 10),
            .count = sql_int(row, 11),
            .shown = text_at(row, arena, 12),
        };
        result->has_value = !sql_is_null(row, 7);
    }
}

FALLIBLE ledger_read_checks(struct ledger *ledger, struct arena *arena, struct run *run)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    if (ledger->version < FORMAT_CHECKS)
        return NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT id, stage, rejected, passed, failed, warned, skipped FROM judgement"
                   " WHERE run = ? ORDER BY stage",
                   "i", run->sequence));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct check_results *checks = vec_push(arena, &run->checks);
        *checks = (struct check_results){
            .stage = text_at(row, arena, 1),
            .is_rejected = sql_int(row, 2),
            .passed = (int)sql_int(row, 3),
            .failed = (int)sql_int(row, 4),
            .warned = (int)sql_int(row, 5),
            .skipped = (int)sql_int(row, 6),
        };
        TRY(read_findings(ledger, arena, sql_int(row, 0), checks));
    }
}

FALLIBLE ledger_last_passed(struct ledger *ledger, struct arena *arena, struct str pipeline,
                            struct str stage, int64_t but, struct result *ret, bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    *ret_found = false;
    if (ledger->version < FORMAT_CHECKS)
        return NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT result.body FROM judgement JOIN result ON result.id = judgement.result"
                   " JOIN run ON run.sequence = judgement.run"
                   " WHERE judgement.stage = ? AND judgement.rejected = 0 AND run.pipeline = ?"
                   " AND run.sequence <> ? AND" IS_NO_TRIAL "ORDER BY judgement.run DESC LIMIT 1",
                   "ssi", stage, pipeline, but));
    TRY(sql_next(row, ret_found));
    if (!*ret_found)
        return NULL;
    return result_decode(arena, str_copy(arena, sql_blob(row, 0)), ret);
}

FALLIBLE ledger_last_good(struct ledger *ledger, struct arena *arena, struct str pipeline,
                          struct str stage, int64_t but, struct result *ret, struct str *ret_run,
                          bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    *ret_found = false;
    if (ledger->version < FORMAT_CHECKS)
        return NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT result.body, run.id FROM ("
                   " SELECT * FROM (SELECT run, result FROM judgement JOIN run ON sequence = run"
                   "  WHERE stage = ?1 AND judgement.rejected = 0 AND result IS NOT NULL"
                   "  AND pipeline = ?2 AND run <> ?3 AND" IS_NO_TRIAL
                   "  ORDER BY run DESC LIMIT 1)"
                   " UNION ALL"
                   " SELECT * FROM (SELECT run, result FROM stage_run JOIN run ON sequence = run"
                   "  WHERE stage = ?1 AND stage_run.status IN ('executed', 'restored')"
                   "  AND result IS NOT NULL AND pipeline = ?2 AND run <> ?3 AND" IS_NO_TRIAL
                   "  ORDER BY stage_run.id DESC LIMIT 1)) AS good"
                   " JOIN result ON result.id = good.result JOIN run ON run.sequence = good.run"
                   " ORDER BY good.run DESC LIMIT 1",
                   "ssi", stage, pipeline, but));
    TRY(sql_next(row, ret_found));
    if (!*ret_found)
        return NULL;
    *ret_run = text_at(row, arena, 1);
    return result_decode(arena, str_copy(arena, sql_blob(row, 0)), ret);
}
