/* Runs that the user wants gone. What other runs know as well stays: ledger_remove_content.c. */
#include "mlops/base/arena.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ledger_private.h"

static FALLIBLE select_runs(struct ledger *ledger, const struct ledger_removal *removal)
{
    TRY(sql_script(ledger->sql,
                   "CREATE TEMP TABLE IF NOT EXISTS going_run (run INTEGER PRIMARY KEY);"
                   "DELETE FROM going_run"));
    for (size_t i = 0; i < removal->count; i++)
        TRY(sql_run(ledger->sql, "INSERT OR IGNORE INTO going_run (run) VALUES (?)", "i",
                    removal->sequences[i]));
    return NULL;
}

static FALLIBLE refuse(struct ledger *ledger, struct error_list *errors)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT id, status = 'running', (SELECT min(name) FROM tag WHERE tag.run ="
                   " sequence) AS tagged FROM run WHERE sequence IN (SELECT run FROM going_run)"
                   " AND (status = 'running' OR tagged IS NOT NULL) ORDER BY sequence DESC",
                   ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct str run = ulid_short(sql_text(row, 0)), tag = sql_text(row, 2);
        struct error *error =
            sql_int(row, 1)
                ? error_hint(error_new(ERROR_USAGE, "run %.*s is going on", STR_FMT(run)),
                             "wait until it has ended")
                : error_hint(error_new(ERROR_USAGE, "run %.*s is tagged '%.*s'", STR_FMT(run),
                                       STR_FMT(tag)),
                             "mlops tag --delete %.*s", STR_FMT(tag));
        error_list_add(errors, error);
    }
}

static FALLIBLE is_going(struct ledger *ledger, int64_t sequence, bool *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT 1 FROM going_run WHERE run = ?", "i", sequence));
    return sql_next(row, ret);
}

static FALLIBLE refuse_locks(struct ledger *ledger, const struct ledger_removal *removal,
                             struct error_list *errors)
{
    AUTO(arena_drop) struct arena scratch = {0};
    for (size_t i = 0; i < removal->lock_count; i++) {
        struct run *run = NULL;
        bool goes = false;
        TRY(ledger_run_of_lock(ledger, &scratch, removal->locks[i], &run));
        if (run)
            TRY(is_going(ledger, run->sequence, &goes));
        if (goes)
            error_list_add(
                errors,
                error_hint(error_new(ERROR_USAGE, "run %.*s wrote the lock file of the work tree",
                                     STR_FMT(ulid_short(run->id))),
                           "it can go when a later run has changed that, or another state is "
                           "checked out"));
    }
    return NULL;
}

static FALLIBLE refuse_all(struct ledger *ledger, const struct ledger_removal *removal)
{
    struct error_list errors = {0};
    struct error *error = refuse(ledger, &errors);
    error = error ? error : refuse_locks(ledger, removal, &errors);
    struct error *refused = error_list_take(&errors);
    if (error)
        error_drop(refused);
    return error ? error : refused;
}

static FALLIBLE remove_rows(struct ledger *ledger)
{
    static const char *const statements[] = {
        "DELETE FROM finding WHERE judgement IN (SELECT id FROM judgement WHERE run IN"
        " (SELECT run FROM going_run))",
        "DELETE FROM judgement WHERE run IN (SELECT run FROM going_run)",
        "DELETE FROM reason WHERE stage_run IN (SELECT id FROM stage_run WHERE run IN"
        " (SELECT run FROM going_run))",
        "DELETE FROM log WHERE stage_run IN (SELECT id FROM stage_run WHERE run IN"
        " (SELECT run FROM going_run))",
        "DELETE FROM stage_run WHERE run IN (SELECT run FROM going_run)",
        "UPDATE trial SET run = NULL WHERE run IN (SELECT id FROM run WHERE sequence IN"
        " (SELECT run FROM going_run))",
        "DELETE FROM trial_run WHERE run IN (SELECT run FROM going_run)",
        "DELETE FROM run WHERE sequence IN (SELECT run FROM going_run)",
    };
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        TRY(sql_script(ledger->sql, statements[i]));
    return NULL;
}

struct going_sweep {
    int64_t id;
    struct str ulid;
    bool is_single; /* an experiment: is nothing without its run */
};
VEC(going_sweep_vec, struct going_sweep);

/* Ids of the runs, and sweeps that they are trials of. */
struct going {
    struct arena arena;
    struct str_vec runs;
    struct going_sweep_vec sweeps;
};

static void going_drop(struct going *going)
{
    arena_drop(&going->arena);
}

static FALLIBLE list_runs(struct ledger *ledger, struct going *going)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT id FROM run WHERE sequence IN (SELECT run FROM going_run)", ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        *vec_push(&going->arena, &going->runs) = str_copy(&going->arena, sql_text(row, 0));
    }
}

static FALLIBLE list_sweeps(struct ledger *ledger, struct going *going)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT id, ulid, single FROM sweep WHERE id IN"
                   " (SELECT sweep FROM trial_run WHERE run IN (SELECT run FROM going_run))",
                   ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        *vec_push(&going->arena, &going->sweeps) = (struct going_sweep){
            sql_int(row, 0), str_copy(&going->arena, sql_text(row, 1)), sql_int(row, 2) != 0};
    }
}

static FALLIBLE remove_experiments(struct ledger *ledger, const struct going *going)
{
    vec_each (const struct going_sweep, sweep, &going->sweeps)
        if (sweep->is_single)
            TRY(ledger_remove_sweep(ledger, sweep->id, sweep->ulid));
    return NULL;
}

/* Before the rows: whoever is killed in between removes the same runs once more, while a file that
 * is left would bring its run back into a history that is made anew. */
static FALLIBLE remove_files(struct ledger *ledger, struct going *going)
{
    int cache_fd = fd_number(ledger->workspace->cache_fd);
    if (!ledger_has_archive(ledger))
        return NULL;
    vec_each (const struct str, run, &going->runs) {
        AUTO(arena_drop) struct arena scratch = {0};
        TRY(path_remove(cache_fd, ledger_archive_path(ledger, &scratch, *run).at));
    }
    vec_each (const struct going_sweep, sweep, &going->sweeps)
        if (!sweep->is_single)
            ledger_archive_sweep(ledger, sweep->id);
    return NULL;
}

/* Behind the rows: gc finds what is left of them. */
static FALLIBLE remove_folders(struct ledger *ledger, const struct going *going)
{
    static const char *const tops[] = {"logs", "failed"};
    int home_fd = fd_number(ledger->workspace->home_fd);
    vec_each (const struct str, run, &going->runs) {
        AUTO(arena_drop) struct arena scratch = {0};
        for (size_t i = 0; i < COUNT_OF(tops); i++)
            TRY(path_remove(home_fd, path_join(&scratch, str_of(tops[i]), *run).at));
    }
    return NULL;
}

FALLIBLE ledger_remove_runs(struct ledger *ledger, const struct ledger_removal *removal)
{
    AUTO(going_drop) struct going going = {.runs = {0}};
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(ledger->sql, &transaction));
    TRY(select_runs(ledger, removal));
    TRY(refuse_all(ledger, removal));
    if (removal->dry)
        return NULL;
    TRY(list_runs(ledger, &going));
    TRY(list_sweeps(ledger, &going));
    TRY(ledger_remove_content(ledger, remove_rows));
    TRY(remove_experiments(ledger, &going));
    TRY(remove_files(ledger, &going));
    TRY(sql_commit(&transaction));
    return remove_folders(ledger, &going);
}
