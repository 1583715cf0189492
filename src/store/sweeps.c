#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"

#include "sweeps_private.h"

enum { WORD_LEAST = 3, ULID_LEN = 26 };

VEC(sweep_row_vec, struct sweep_row);

static const char *const status_names[] = {[SWEEP_OPEN] = "open", [SWEEP_DONE] = "done"};

static FALLIBLE count_trials(struct ledger *ledger, struct sweep_row *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT status, count(*) FROM trial WHERE sweep = ? GROUP BY status", "i",
                   ret->id));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        for (int status = TRIAL_WAITING; status < TRIAL_STATUS_COUNT; status++)
            if (str_is(sql_text(row, 0), trial_status_name((enum trial_status)status)))
                ret->counts[status] = sql_int(row, 1);
    }
}

static FALLIBLE find_last_run(struct ledger *ledger, struct sweep_row *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger_sql(ledger), &row, "SELECT max(run) FROM trial_run WHERE sweep = ?", "i",
                   ret->id));
    TRY(sql_next(row, &found));
    ret->last_run = found ? sql_int(row, 0) : 0;
    return NULL;
}

FALLIBLE sweeps_read_row(struct ledger *ledger, struct arena *arena, struct sql_row *row,
                         struct sweep_row *ret)
{
    struct sweep_row sweep = {.id = sql_int(row, 0)};
    sweep.ulid = str_copy(arena, sql_text(row, 1));
    TRY_WITHIN(sweep_parse(arena, str_copy(arena, sql_text(row, 2)), &sweep.sweep),
               "sweep %.*s of the history", STR_FMT(sweep.ulid));
    sweep.status = str_is(sql_text(row, 3), status_names[SWEEP_DONE]) ? SWEEP_DONE : SWEEP_OPEN;
    sweep.is_single = sql_int(row, 4) != 0;
    sweep.parent = str_copy(arena, sql_text(row, 5));
    sweep.snapshot = sql_digest(row, 6);
    sweep.code.commit = str_copy(arena, sql_text(row, 7));
    sweep.code.branch = str_copy(arena, sql_text(row, 8));
    sweep.code.remote = str_copy(arena, sql_text(row, 9));
    sweep.code.is_dirty = (int)sql_int(row, 10);
    sweep.code.patch = sql_digest(row, 11);
    sweep.argv = str_copy(arena, sql_text(row, 12));
    sweep.created_ns = sql_int(row, 13);
    sweep.spent_ns = sql_int(row, 14);
    TRY(count_trials(ledger, &sweep));
    TRY(find_last_run(ledger, &sweep));
    *ret = sweep;
    return NULL;
}

static FALLIBLE refuse_name(struct ledger *ledger, struct str name)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    const char *fault = name.len ? name_fault(name, false) : NULL;
    if (fault)
        return error_new(ERROR_USAGE, "the name '%.*s' of the sweep %s", STR_FMT(name), fault);
    TRY(sql_select(ledger_sql(ledger), &row, "SELECT 1 FROM sweep WHERE name = ?", "s",
                   optional(name)));
    TRY(sql_next(row, &found));
    if (!found)
        return NULL;
    return error_hint(error_new(ERROR_USAGE, "there is a sweep '%.*s' already", STR_FMT(name)),
                      "give this one another name, go on with that one (mlops sweep --resume "
                      "%.*s), or remove it (mlops runs rm --sweep %.*s)",
                      STR_FMT(name), STR_FMT(name));
}

static FALLIBLE insert(struct ledger *ledger, struct arena *arena, const struct sweep_row *row)
{
    const struct code_state *code = &row->code;
    return sql_run(
        ledger_sql(ledger),
        "INSERT INTO sweep (ulid, name, spec, status, direction, single, parent, snapshot,"
        " commit_id, branch, remote, dirty, patch, argv, created_ns, spent_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "sssssisdsssidsii", row->ulid, optional(row->sweep.name), sweep_print(arena, &row->sweep),
        str_of(status_names[row->status]), str_of(metric_direction_name(row->sweep.direction)),
        (int64_t)row->is_single, optional(row->parent), row->snapshot, optional(code->commit),
        optional(code->branch), optional(code->remote), (int64_t)code->is_dirty, code->patch,
        required(row->argv), row->created_ns, row->spent_ns);
}

FALLIBLE sweeps_begin(struct ledger *ledger, struct arena *arena, struct sweep_row *row)
{
    check(row->id == 0);
    if (row->ulid.len == 0)
        row->ulid = clock_ulid(arena);
    if (row->created_ns == 0)
        row->created_ns = clock_real_ns();
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(ledger_sql(ledger), &transaction));
    TRY(refuse_name(ledger, row->sweep.name));
    TRY(insert(ledger, arena, row));
    int64_t id = sql_last_id(ledger_sql(ledger));
    TRY(sql_commit(&transaction));
    row->id = id;
    ledger_archive_sweep(ledger, id);
    return NULL;
}

static FALLIBLE collect(struct ledger *ledger, struct arena *arena, struct sql_row *row,
                        struct sweep_row **ret, size_t *ret_count)
{
    struct sweep_row_vec sweeps = {0};
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            break;
        TRY(sweeps_read_row(ledger, arena, row, vec_push(arena, &sweeps)));
    }
    *ret = sweeps.at;
    *ret_count = sweeps.len;
    return NULL;
}

FALLIBLE sweeps_list(struct ledger *ledger, struct arena *arena, bool with_singles,
                     struct sweep_row **ret, size_t *ret_count)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT " SWEEP_COLUMNS " FROM sweep WHERE single = 0 OR ? ORDER BY id DESC",
                   "i", (int64_t)with_singles));
    return collect(ledger, arena, row, ret, ret_count);
}

/* Part of a ULID as those are written; empty: it can't be one. */
static struct str as_ulid(struct arena *arena, struct str word)
{
    if (word.len < WORD_LEAST || word.len > ULID_LEN)
        return (struct str){0};
    char *at = arena_copy(arena, word.at, word.len);
    for (size_t i = 0; i < word.len; i++) {
        bool is_small = at[i] >= 'a' && at[i] <= 'z';
        at[i] = is_small ? (char)(at[i] - ('a' - 'A')) : at[i];
        if (!(at[i] >= '0' && at[i] <= '9') && !(at[i] >= 'A' && at[i] <= 'Z'))
            return (struct str){0};
    }
    return (struct str){at, word.len};
}

FALLIBLE sweeps_find(struct ledger *ledger, struct arena *arena, struct str word,
                     struct sweep_row **ret, size_t *ret_count)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(ledger), &row,
                   "SELECT " SWEEP_COLUMNS " FROM sweep WHERE name = ?1"
                   " OR substr(ulid, 1, length(?2)) = ?2 OR substr(ulid, -length(?2)) = ?2"
                   " ORDER BY id DESC",
                   "ss", optional(word), as_ulid(arena, word)));
    return collect(ledger, arena, row, ret, ret_count);
}

FALLIBLE sweeps_spend(struct ledger *ledger, int64_t id, int64_t spent_ns)
{
    return sql_run(ledger_sql(ledger), "UPDATE sweep SET spent_ns = spent_ns + ?2 WHERE id = ?1",
                   "ii", id, spent_ns);
}

FALLIBLE sweeps_finish(struct ledger *ledger, int64_t id, int64_t spent_ns,
                       enum sweep_status status)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(ledger_sql(ledger), &transaction));
    TRY(sql_run(ledger_sql(ledger),
                "UPDATE sweep SET status = ?2, spent_ns = spent_ns + ?3 WHERE id = ?1", "isi", id,
                str_of(status_names[status]), spent_ns));
    ledger_archive_sweep(ledger, id); /* in here, so that the last one to end writes last */
    return sql_commit(&transaction);
}

FALLIBLE sweeps_extend(struct ledger *ledger, const struct sweep_row *row)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(ledger_sql(ledger), &transaction));
    TRY(sql_run(ledger_sql(ledger), "UPDATE sweep SET spec = ?2, status = ?3 WHERE id = ?1", "iss",
                row->id, sweep_print(&scratch, &row->sweep), str_of(status_names[row->status])));
    ledger_archive_sweep(ledger, row->id);
    return sql_commit(&transaction);
}

FALLIBLE sweeps_remove(struct ledger *ledger, const struct workspace *workspace,
                       const struct sweep_row *row)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    bool is_busy = false;
    TRY(sweeps_is_busy(workspace, row, -1, &is_busy));
    if (is_busy)
        return error_hint(
            error_new(ERROR_USAGE, "sweep %.*s is going on", STR_FMT(ulid_short(row->ulid))),
            "stop it first, or wait until it has ended");
    TRY(sql_begin(ledger_sql(ledger), &transaction));
    TRY(ledger_remove_sweep(ledger, row->id, row->ulid));
    return sql_commit(&transaction);
}
