#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"
#include "mlops/store/projects.h"

#include <fcntl.h>

#include "ledger_private.h"

struct str ledger_optional(struct str text)
{
    return text.len ? text : (struct str){0};
}

struct str ledger_required(struct str text)
{
    return text.at ? text : STR("");
}

FALLIBLE ledger_find_id(struct ledger *ledger, const char *text, struct digest digest, int64_t *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, text, "d", digest));
    bool found = false;
    TRY(sql_next(row, &found));
    *ret = found ? sql_int(row, 0) : 0;
    return NULL;
}

/* An empty history in memory: there is no file, and none may be made. */
static FALLIBLE open_empty(struct sql **ret, int64_t *ret_version)
{
    AUTO(sql_drop) struct sql *sql = NULL;
    TRY(sql_open(":memory:", &(struct sql_options){0}, &sql));
    TRY(ledger_migrate(sql, ":memory:", false, NULL, ret_version));
    *ret = sql;
    sql = NULL;
    return NULL;
}

static FALLIBLE open_file(struct ledger *ledger, struct arena *arena)
{
    const struct workspace *workspace = ledger->workspace;
    struct str path = path_join(arena, workspace->database_dir, STR("lineage.db"));
    struct file_stat stat;
    bool found = workspace->database_dir.len > 0;
    if (found)
        TRY(file_stat_at(AT_FDCWD, path.at, true, &stat, &found));
    if (!found && ledger->is_read_only)
        return open_empty(&ledger->sql, &ledger->version);
    struct sql_options options = {
        .is_durable = workspace->config.durability == DURABILITY_FULL,
        .is_read_only = ledger->is_read_only,
    };
    TRY(sql_open(path.at, &options, &ledger->sql));
    bool is_unmade = false;
    if (ledger->is_read_only)
        TRY(ledger_is_unmade(ledger->sql, &is_unmade));
    if (is_unmade) {
        sql_drop(&ledger->sql);
        return open_empty(&ledger->sql, &ledger->version);
    }
    return ledger_migrate(ledger->sql, path.at, ledger->is_read_only, ledger->observer,
                          &ledger->version);
}

static const char *alive_path(struct arena *arena, struct str run)
{
    return str_print(arena, "locks/run-%.*s", STR_FMT(run)).at;
}

/* A run is dead if nobody holds its lock. Whoever holds it now may have finished the run since its
 * row was read, hence the second look at the status. */
static FALLIBLE bury_if_dead(struct ledger *ledger, int64_t sequence, const char *path)
{
    AUTO(lock_drop) struct lock lock = {0};
    int state_fd = fd_number(ledger->workspace->home_fd);
    bool taken = false;
    TRY(lock_take(state_fd, path, LOCK_EXCLUSIVE, 0, NULL, NULL, &lock, &taken));
    if (!taken)
        return NULL;
    TRY(sql_run(ledger->sql,
                "UPDATE run SET status = ?2,"
                " executed = (SELECT count(*) FROM stage_run WHERE run = ?1"
                "   AND status = 'executed'),"
                " restored = (SELECT count(*) FROM stage_run WHERE run = ?1"
                "   AND status = 'restored'),"
                " failed = (SELECT count(*) FROM stage_run WHERE run = ?1 AND status = 'failed')"
                " WHERE sequence = ?1 AND status = 'running'",
                "is", sequence, str_of(run_status_name(RUN_CRASHED))));
    if (sql_changes(ledger->sql))
        ledger_archive_run(ledger, sequence);
    return path_remove(state_fd, path);
}

struct candidate {
    int64_t sequence;
    const char *path;
};
VEC(candidate_vec, struct candidate);

static FALLIBLE list_running(struct ledger *ledger, struct arena *arena, struct candidate_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT sequence, id FROM run WHERE status = 'running'", ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct candidate *candidate = vec_push(arena, ret);
        candidate->sequence = sql_int(row, 0);
        candidate->path = alive_path(arena, sql_text(row, 1));
    }
}

static FALLIBLE bury_dead_runs(struct ledger *ledger)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct candidate_vec running = {0};
    TRY(list_running(ledger, &scratch, &running));
    if (running.len)
        TRY(directory_make(fd_number(ledger->workspace->home_fd), "locks", false));
    vec_each (struct candidate, candidate, &running) {
        TRY(bury_if_dead(ledger, candidate->sequence, candidate->path));
    }
    return NULL;
}

/* What a crash left between the transaction and the lock file. Without its turn it would meet what
 * another process is just about to write: who has it writes this too. */
static FALLIBLE finish_pending(struct ledger *ledger)
{
    AUTO(lock_drop) struct lock turn = {0};
    int state_fd = fd_number(ledger->workspace->home_fd);
    AUTO(arena_drop) struct arena scratch = {0};
    struct str_vec left = {0};
    bool is_pending = false, taken = false;
    TRY(ledger_has_pending(ledger, &is_pending));
    if (!is_pending)
        return NULL;
    TRY(directory_make(state_fd, "locks", false));
    TRY(lock_take(state_fd, LEDGER_TURN, LOCK_EXCLUSIVE, 0, NULL, NULL, &turn, &taken));
    return taken ? ledger_write_locks(ledger, ledger->workspace, &scratch, &left) : NULL;
}

static FALLIBLE with_repair(struct error *error)
{
    if (!error || error->code != ERROR_STORED || error->hint)
        return error;
    return error_hint(error, "`mlops verify --rebuild-lineage` makes the history anew from the "
                             "cache");
}

FALLIBLE ledger_open(struct arena *arena, const struct workspace *workspace, bool read_only,
                     const struct observer *observer, struct ledger **ret)
{
    AUTO(ledger_drop) struct ledger *ledger = arena_new(arena, struct ledger);
    *ledger = (struct ledger){.arena = arena, .workspace = workspace, .observer = observer};
    ledger->is_read_only = read_only;
    TRY(with_repair(open_file(ledger, arena)));
    if (!read_only) {
        TRY(projects_register(workspace));
        TRY(bury_dead_runs(ledger));
        if (!workspace->is_work_dir) /* what is promised there is the project's */
            TRY_WITHIN(finish_pending(ledger), "can't write the lock file of an earlier run");
    }
    *ret = ledger;
    ledger = NULL;
    return NULL;
}

/* The lock file goes before the lock: whoever takes the lock of a name that is gone finds out that
 * the run is finished. */
static void end_alive(struct ledger *ledger)
{
    if (fd_number(ledger->alive.fd) < 0)
        return;
    error_drop(path_remove(fd_number(ledger->workspace->home_fd), ledger->alive_path.at));
    lock_drop(&ledger->alive);
}

void ledger_drop(struct ledger **ledger)
{
    struct ledger *dropped = *ledger;
    *ledger = NULL;
    if (!dropped)
        return;
    lock_drop(&dropped->alive); /* an unfinished run: its file stays, so that it is buried */
    sql_drop(&dropped->sql);
}

struct sql *ledger_sql(struct ledger *ledger)
{
    return ledger->sql;
}

FALLIBLE ledger_check(struct ledger *ledger, struct arena *arena, struct str *ret_fault)
{
    return sql_check(ledger->sql, arena, ret_fault);
}

FALLIBLE ledger_insert_run(struct ledger *ledger, struct run *run)
{
    if (run->id.len == 0)
        run->id = clock_ulid(ledger->arena);
    TRY(sql_run(ledger->sql,
                "INSERT INTO run (id, parent, name, status, pipeline, pipeline_digest, started_ns,"
                " duration_ns, host, user, version, argv, dirty, stages, executed, restored,"
                " unchanged, failed, rejected, unconfirmed, skipped, interrupted, hashed_files,"
                " hashed_bytes, saved_ns) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, -1, ?,"
                " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
                "sssssdissssi", run->id, ledger_optional(run->parent), ledger_optional(run->name),
                str_of(run_status_name(RUN_RUNNING)), ledger_required(run->pipeline),
                run->pipeline_digest, run->started_ns, ledger_required(run->host),
                ledger_required(run->user), ledger_required(run->version),
                ledger_required(run->argv), (int64_t)run->counts.stages));
    run->sequence = sql_last_id(ledger->sql);
    if (run->sweep.len == 0)
        return NULL;
    return sql_run(ledger->sql,
                   "INSERT INTO trial_run (run, sweep, number)"
                   " SELECT ?1, id, ?2 FROM sweep WHERE ulid = ?3",
                   "iis", run->sequence, run->trial, run->sweep);
}

FALLIBLE ledger_begin_run(struct ledger *ledger, struct run *run)
{
    check(run->sequence == 0 && fd_number(ledger->alive.fd) < 0);
    if (run->id.len == 0)
        run->id = clock_ulid(ledger->arena);
    int state_fd = fd_number(ledger->workspace->home_fd);
    ledger->alive_path = str_of(alive_path(ledger->arena, run->id));
    bool taken = false;
    TRY(directory_make(state_fd, "locks", false));
    TRY(lock_take(state_fd, ledger->alive_path.at, LOCK_EXCLUSIVE, 0, NULL, NULL, &ledger->alive,
                  &taken));
    if (!taken)
        return error_new(ERROR_MACHINE, "another process runs under the id %.*s", STR_FMT(run->id));
    run->status = RUN_RUNNING;
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(ledger->sql, &transaction));
    TRY(ledger_insert_run(ledger, run));
    return sql_commit(&transaction);
}

FALLIBLE ledger_update_run(struct ledger *ledger, const struct run *run, int64_t state)
{
    const struct run_counts *counts = &run->counts;
    const struct code_state *code = &run->code;
    TRY(sql_run(ledger->sql,
                "UPDATE run SET status = ?2, pipeline_digest = ?3, lock_digest = ?4,"
                " state = nullif(?5, 0), duration_ns = ?6, commit_id = ?7, branch = ?8,"
                " remote = ?9, dirty = ?10, patch = ?11, saved_ns = ?12, name = ?13"
                " WHERE sequence = ?1",
                "isddiisssidis", run->sequence, str_of(run_status_name(run->status)),
                run->pipeline_digest, run->lock_digest, state, run->duration_ns,
                ledger_optional(code->commit), ledger_optional(code->branch),
                ledger_optional(code->remote), (int64_t)code->is_dirty, code->patch, run->saved_ns,
                ledger_optional(run->name)));
    return sql_run(ledger->sql,
                   "UPDATE run SET stages = ?2, executed = ?3, restored = ?4, unchanged = ?5,"
                   " failed = ?6, rejected = ?7, unconfirmed = ?8, skipped = ?9, interrupted = ?10,"
                   " hashed_files = ?11, hashed_bytes = ?12 WHERE sequence = ?1",
                   "iiiiiiiiiiii", run->sequence, (int64_t)counts->stages,
                   (int64_t)counts->executed, (int64_t)counts->restored, (int64_t)counts->unchanged,
                   (int64_t)counts->failed, (int64_t)counts->rejected, (int64_t)counts->unconfirmed,
                   (int64_t)counts->skipped, (int64_t)counts->interrupted, counts->hashed_files,
                   counts->hashed_bytes);
}

/* Inside a transaction. A lock file that is still pending keeps what it says of the file before. */
static FALLIBLE put_group(struct ledger *ledger, const struct ledger_group *group)
{
    for (size_t i = 0; i < group->outcome_count; i++)
        TRY(ledger_put_outcome(ledger, group->run->sequence, group->outcomes[i]));
    bool promises = !ledger->workspace->is_work_dir; /* a trial writes its own at once */
    for (size_t i = 0; promises && i < group->lock_count; i++) {
        const struct ledger_lock *lock = &group->locks[i];
        TRY(sql_run(ledger->sql,
                    "INSERT INTO pending_lock (path, before, content) VALUES (?, ?, ?)"
                    " ON CONFLICT (path) DO UPDATE SET content = excluded.content",
                    "sdb", lock->path, lock->before, lock->bytes));
    }
    return NULL;
}

FALLIBLE ledger_record(struct ledger *ledger, const struct ledger_group *group)
{
    check(group->run->sequence > 0);
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(ledger->sql, &transaction));
    TRY(put_group(ledger, group));
    return sql_commit(&transaction);
}

FALLIBLE ledger_finish_run(struct ledger *ledger, struct run *run, const struct state *state,
                           const struct ledger_group *group)
{
    check(run->status != RUN_RUNNING);
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(ledger->sql, &transaction));
    int64_t sequence = run->sequence, state_id = 0;
    struct digest digest = {{0}};
    bool is_new = false;
    if (sequence == 0)
        TRY(ledger_insert_run(ledger, run));
    struct error *error = group ? put_group(ledger, group) : NULL;
    if (!error && state)
        error = ledger_put_state(ledger, state, &digest, &state_id, &is_new);
    if (!error && is_new)
        error = ledger_put_courses(ledger, run->pipeline, state_id, state);
    if (!error)
        error = ledger_update_run(ledger, run, state_id);
    if (!error)
        error = sql_commit(&transaction);
    if (error) {
        run->sequence = sequence; /* nothing of it is recorded */
        return error;
    }
    run->state = digest;
    if (sequence || is_new) /* not of runs that did nothing */
        ledger_archive_run(ledger, run->sequence);
    end_alive(ledger);
    return NULL;
}
