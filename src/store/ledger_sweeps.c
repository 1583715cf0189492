/* A sweep as a file beside those of runs, and back. Format: docs/formats.md, "Run files". What is
 * tried and changed is text here, which only module sweeps reads. */
#include "mlops/base/arena.h"

#include <math.h>

#include "ledger_private.h"

static FALLIBLE encode_sweep(struct ledger *ledger, int64_t id, struct buf *out,
                             struct str *ret_ulid, struct arena *arena)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(
        ledger->sql, &row,
        "SELECT ulid, spec, status, direction, single, parent, snapshot, commit_id, branch, remote,"
        " dirty, patch, argv, created_ns, spent_ns, name FROM sweep WHERE id = ?",
        "i", id));
    TRY(sql_next(row, &found));
    if (!found)
        return error_new(ERROR_STORED, "the lineage database lacks a sweep");
    *ret_ulid = str_copy(arena, sql_text(row, 0));
    canon_str(out, STR(SWEEP_TAG));
    canon_list(out, SWEEP_FIELDS);
    canon_str(out, *ret_ulid);
    canon_str(out, sql_text(row, 1));
    canon_str(out, sql_text(row, 2));
    canon_str(out, sql_text(row, 3));
    canon_int(out, sql_int(row, 4));
    canon_str(out, sql_text(row, 5));
    canon_digest(out, sql_digest(row, 6));
    for (int column = 7; column <= 9; column++)
        canon_str(out, sql_text(row, column));
    canon_int(out, sql_int(row, 10));
    canon_digest(out, sql_digest(row, 11));
    canon_str(out, sql_text(row, 12));
    canon_int(out, sql_int(row, 13));
    canon_int(out, sql_int(row, 14));
    canon_str(out, sql_text(row, 15));
    return NULL;
}

static void encode_trial(struct sql_row *row, struct buf *out)
{
    canon_list(out, TRIAL_FIELDS);
    canon_int(out, sql_int(row, 0));
    for (int column = 1; column <= 3; column++)
        canon_str(out, sql_text(row, column));
    if (sql_is_null(row, 4))
        canon_null(out);
    else
        canon_real(out, sql_real(row, 4));
    canon_str(out, sql_text(row, 5));
    canon_str(out, sql_text(row, 6));
    for (int column = 7; column <= 9; column++)
        canon_int(out, sql_int(row, column));
}

static FALLIBLE encode_trials(struct ledger *ledger, int64_t id, struct buf *out)
{
    AUTO(sql_row_drop) struct sql_row *count = NULL;
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger->sql, &count, "SELECT count(*) FROM trial WHERE sweep = ?", "i", id));
    TRY(sql_next(count, &found));
    canon_list(out, (size_t)sql_int(count, 0));
    TRY(sql_select(ledger->sql, &row,
                   "SELECT number, status, overrides, run, score, note, isolation, started_ns,"
                   " duration_ns, attempts FROM trial WHERE sweep = ? ORDER BY number",
                   "i", id));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        encode_trial(row, out);
    }
}

static FALLIBLE archive(struct ledger *ledger, int64_t id)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    struct str ulid = {0};
    TRY(encode_sweep(ledger, id, &bytes, &ulid, &scratch));
    TRY(encode_trials(ledger, id, &bytes));
    return ledger_publish(ledger, str_print(&scratch, "sweep-%.*s", STR_FMT(ulid)), &bytes);
}

void ledger_archive_sweep(struct ledger *ledger, int64_t id)
{
    if (ledger_has_archive(ledger))
        ledger_warn_of_copy(ledger, "sweep", archive(ledger, id));
}

/* Its file goes first, or it would come back into a history that is made anew. */
FALLIBLE ledger_remove_sweep(struct ledger *ledger, int64_t id, struct str ulid)
{
    static const char *const statements[] = {
        "DELETE FROM report WHERE sweep = ?", "DELETE FROM trial WHERE sweep = ?",
        "DELETE FROM trial_run WHERE sweep = ?", "DELETE FROM sweep WHERE id = ?"};
    AUTO(arena_drop) struct arena scratch = {0};
    struct str name = str_print(&scratch, "sweep-%.*s", STR_FMT(ulid));
    if (ledger_has_archive(ledger))
        TRY(path_remove(fd_number(ledger->workspace->cache_fd),
                        ledger_archive_path(ledger, &scratch, name).at));
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        TRY(sql_run(ledger->sql, statements[i], "i", id));
    return NULL;
}

struct archived_trial {
    int64_t number;
    struct str status, overrides, run, note, isolation;
    double score; /* NaN: none */
    int64_t started_ns, duration_ns, attempts;
};

static FALLIBLE expect_list(struct canon_reader *reader, size_t wanted)
{
    size_t count = 0;
    TRY(canon_read_list(reader, &count));
    if (count != wanted)
        return error_new(ERROR_STORED, "%zu items expected, %zu found", wanted, count);
    return NULL;
}

static FALLIBLE read_trial(struct canon_reader *reader, struct archived_trial *ret)
{
    ret->score = nan("");
    TRY(expect_list(reader, TRIAL_FIELDS));
    TRY(canon_read_int(reader, &ret->number));
    TRY(canon_read_str(reader, &ret->status));
    TRY(canon_read_str(reader, &ret->overrides));
    TRY(canon_read_str(reader, &ret->run));
    TRY(canon_next(reader) == CANON_NULL ? canon_read_null(reader)
                                         : canon_read_real(reader, &ret->score));
    TRY(canon_read_str(reader, &ret->note));
    TRY(canon_read_str(reader, &ret->isolation));
    TRY(canon_read_int(reader, &ret->started_ns));
    TRY(canon_read_int(reader, &ret->duration_ns));
    return canon_read_int(reader, &ret->attempts);
}

static FALLIBLE put_trial(struct ledger *ledger, int64_t sweep, const struct archived_trial *trial)
{
    return sql_run(ledger->sql,
                   "INSERT INTO trial (sweep, number, status, overrides, run, score, note,"
                   " isolation, started_ns, duration_ns, attempts, last_run)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                   "iisssrssiii", sweep, trial->number, trial->status, trial->overrides,
                   ledger_optional(trial->run), trial->score, ledger_optional(trial->note),
                   ledger_optional(trial->isolation), trial->started_ns, trial->duration_ns,
                   trial->attempts);
}

struct archived_sweep {
    struct str ulid, spec, status, direction, parent, commit, branch, remote, argv, name;
    struct digest snapshot, patch;
    int64_t single, dirty, created_ns, spent_ns;
};

static FALLIBLE read_sweep(struct canon_reader *reader, struct archived_sweep *ret)
{
    TRY(canon_expect_tag(reader, STR(SWEEP_TAG)));
    TRY(expect_list(reader, SWEEP_FIELDS));
    TRY(canon_read_str(reader, &ret->ulid));
    TRY(canon_read_str(reader, &ret->spec));
    TRY(canon_read_str(reader, &ret->status));
    TRY(canon_read_str(reader, &ret->direction));
    TRY(canon_read_int(reader, &ret->single));
    TRY(canon_read_str(reader, &ret->parent));
    TRY(canon_read_digest(reader, &ret->snapshot));
    TRY(canon_read_str(reader, &ret->commit));
    TRY(canon_read_str(reader, &ret->branch));
    TRY(canon_read_str(reader, &ret->remote));
    TRY(canon_read_int(reader, &ret->dirty));
    TRY(canon_read_digest(reader, &ret->patch));
    TRY(canon_read_str(reader, &ret->argv));
    TRY(canon_read_int(reader, &ret->created_ns));
    TRY(canon_read_int(reader, &ret->spent_ns));
    return canon_read_str(reader, &ret->name);
}

static FALLIBLE insert_sweep(struct ledger *ledger, const struct archived_sweep *sweep)
{
    return sql_run(ledger->sql,
                   "INSERT INTO sweep (ulid, name, spec, status, direction, single, parent,"
                   " snapshot, commit_id, branch, remote, dirty, patch, argv, created_ns, spent_ns)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   "sssssisdsssidsii", sweep->ulid, ledger_optional(sweep->name), sweep->spec,
                   sweep->status, ledger_required(sweep->direction), sweep->single,
                   ledger_optional(sweep->parent), sweep->snapshot, ledger_optional(sweep->commit),
                   ledger_optional(sweep->branch), ledger_optional(sweep->remote), sweep->dirty,
                   sweep->patch, sweep->argv, sweep->created_ns, sweep->spent_ns);
}

FALLIBLE ledger_peek_sweep(struct str body, int64_t *ret_created_ns)
{
    struct canon_reader reader = canon_reader_of(body);
    struct archived_sweep sweep = {.single = 0};
    TRY(read_sweep(&reader, &sweep));
    *ret_created_ns = sweep.created_ns;
    return NULL;
}

FALLIBLE ledger_put_sweep(struct ledger *ledger, struct str body)
{
    struct canon_reader reader = canon_reader_of(body);
    struct archived_sweep sweep = {.single = 0};
    size_t count = 0;
    TRY(read_sweep(&reader, &sweep));
    TRY(insert_sweep(ledger, &sweep));
    int64_t id = sql_last_id(ledger->sql);
    TRY(canon_read_list(&reader, &count));
    for (; count; count--) {
        struct archived_trial trial = {0};
        TRY(read_trial(&reader, &trial));
        TRY(put_trial(ledger, id, &trial));
    }
    return canon_expect_end(&reader);
}

/* Running: the next driver sees by this run what it came to. */
FALLIBLE ledger_put_trial_of(struct ledger *ledger, const struct run *run, struct str overrides)
{
    return sql_run(ledger->sql,
                   "INSERT INTO trial (sweep, number, status, overrides, started_ns, duration_ns,"
                   " attempts, last_run)"
                   " SELECT id, ?1, 'running', ?2, ?3, 0, 1, 0 FROM sweep WHERE ulid = ?4"
                   " ON CONFLICT (sweep, number) DO UPDATE SET status = 'running'"
                   " WHERE status = 'waiting'",
                   "isis", run->trial, ledger_required(overrides), run->started_ns, run->sweep);
}

FALLIBLE ledger_fill_trials(struct ledger *ledger)
{
    return sql_run(ledger->sql,
                   "WITH RECURSIVE wanted (sweep, number, most) AS ("
                   " SELECT sweep, 0, max(number) FROM trial GROUP BY sweep"
                   " UNION ALL SELECT sweep, number + 1, most FROM wanted WHERE number < most)"
                   " INSERT INTO trial (sweep, number, status, overrides, started_ns, duration_ns,"
                   " attempts, last_run)"
                   " SELECT sweep, number, 'waiting', '[]', 0, 0, 0, 0 FROM wanted WHERE true"
                   " ON CONFLICT (sweep, number) DO NOTHING",
                   "");
}
