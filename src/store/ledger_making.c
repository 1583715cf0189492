/* How results were made. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"

#include "ledger_private.h"

void ledger_read_usage(struct sql_row *row, int column, struct usage *ret)
{
    *ret = (struct usage){
        .attempts = (int)sql_int(row, column),
        .exit_code = (int)sql_int(row, column + 1),
        .exit_signal = (int)sql_int(row, column + 2),
        .timed_out = sql_int(row, column + 3) != 0,
        .started_ns = sql_int(row, column + 4),
        .duration_ns = sql_int(row, column + 5),
        .cpu_user_ns = sql_int(row, column + 6),
        .cpu_system_ns = sql_int(row, column + 7),
        .peak_bytes = sql_int(row, column + 8),
    };
}

FALLIBLE ledger_load_environment(struct ledger *ledger, int64_t id, struct str *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct str name = {(const char *)&id, sizeof id};
    struct str *known = map_get(&ledger->environments, name);
    bool found = false;
    if (!known) {
        TRY(sql_select(ledger->sql, &row, "SELECT body FROM environment WHERE id = ?", "i", id));
        TRY(sql_next(row, &found));
        known = arena_new(ledger->arena, struct str);
        *known = found ? str_copy(ledger->arena, sql_blob(row, 0)) : (struct str){0};
        map_put(ledger->arena, &ledger->environments, str_copy(ledger->arena, name), known);
    }
    *ret = *known;
    return NULL;
}

FALLIBLE ledger_making(struct ledger *ledger, struct arena *arena, struct digest id,
                       struct usage *ret_usage, struct str *ret_environment, bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct str environment = {0};
    (void)arena;
    TRY(sql_select(
        ledger->sql, &row,
        "SELECT attempts, exit_code, exit_signal, timed_out, started_ns, duration_ns,"
        " cpu_user_ns, cpu_system_ns, peak_bytes, environment FROM stage_run"
        " WHERE result = (SELECT id FROM result WHERE digest = ?)"
        " AND status IN ('executed', 'rejected', 'unconfirmed') ORDER BY id DESC LIMIT 1",
        "d", id));
    TRY(sql_next(row, ret_found));
    if (!*ret_found)
        return NULL;
    if (!sql_is_null(row, 9))
        TRY(ledger_load_environment(ledger, sql_int(row, 9), &environment));
    ledger_read_usage(row, 0, ret_usage);
    *ret_environment = environment;
    return NULL;
}

FALLIBLE ledger_environment_of(struct ledger *ledger, struct digest key, struct str *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    *ret = (struct str){0};
    TRY(sql_select(ledger->sql, &row,
                   "SELECT environment FROM stage_run"
                   " WHERE recipe = (SELECT id FROM recipe WHERE key = ?)"
                   " AND environment IS NOT NULL ORDER BY id DESC LIMIT 1",
                   "d", key));
    TRY(sql_next(row, &found));
    return found ? ledger_load_environment(ledger, sql_int(row, 0), ret) : NULL;
}
