/* Who works on what: docs/formats.md, "lineage.db". A lock first, then a look at the row inside a
 * transaction: of two that want the same trial only one has its lock, and what the row says then
 * nobody else can be about to change. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/host/lock.h"

#include <fcntl.h>
#include <unistd.h>

#include "sweeps_private.h"

#define TRIAL_LOCKS "locks/trials"
enum { NUMBER_BITS = 24, BASE_BITS = 38 };

/* The byte of trial 0; made of the ULID, since ids change when a history is made anew. */
static int64_t base_of(const struct sweep_row *row)
{
    struct digest digest = digest_of(row->ulid.at, row->ulid.len);
    uint64_t hash = 0;
    for (size_t i = 0; i < 8; i++)
        hash = hash << 8 | digest.at[i];
    return (int64_t)(hash >> (64 - BASE_BITS)) << NUMBER_BITS;
}

static FALLIBLE open_locks(const struct workspace *workspace, struct lock *ret)
{
    int home_fd = fd_number(workspace->home_fd);
    TRY(directory_make(home_fd, "locks", false));
    return lock_open(home_fd, TRIAL_LOCKS, ret);
}

/* Makes nothing: also for whoever may only read. */
FALLIBLE sweeps_is_busy(const struct workspace *workspace, const struct sweep_row *row,
                        int64_t number, bool *ret)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    AUTO(lock_drop)
    struct lock lock = {fd_of(openat(fd_number(workspace->home_fd), TRIAL_LOCKS, flags))};
    int64_t at = 0, len = 0;
    *ret = false;
    if (fd_number(lock.fd) < 0)
        return NULL;
    return lock_range_find(&lock, base_of(row) + MAX_OF(number, INT64_C(0)),
                           number < 0 ? INT64_C(1) << NUMBER_BITS : 1, &at, &len, ret);
}

/* The newest run before an attempt: later ones may be of it. */
#define LAST_RUN "(SELECT coalesce(max(sequence), 0) FROM run)"

struct taking {
    struct ledger *ledger;
    const struct workspace *workspace;
    struct arena *arena;
    const struct sweep_row *row;
    struct trial trial;
    struct lock lock;
    bool is_taken;
    bool is_under_way; /* somebody works on one of them */
};

static void taking_drop(struct taking *taking)
{
    lock_drop(&taking->lock);
}

static FALLIBLE lock_trial(struct taking *taking, int64_t number, bool *ret_locked)
{
    AUTO(lock_drop) struct lock lock = {0};
    TRY(open_locks(taking->workspace, &lock));
    TRY(lock_range_take(&lock, base_of(taking->row) + number, 1, ret_locked));
    if (!*ret_locked)
        return NULL;
    lock_drop(&taking->lock);
    taking->lock.fd = fd_of(fd_release(&lock.fd));
    return NULL;
}

/* A run of the trial's last attempt that came to an end of its own. */
struct ending {
    struct str run, note;
    enum trial_status status;
    int64_t duration_ns;
};

static FALLIBLE note_of(struct taking *taking, int64_t sequence, struct str *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger_sql(taking->ledger), &row,
                   "SELECT stage, coalesce(note, status) FROM stage_run WHERE run = ?"
                   " AND status IN ('failed', 'rejected', 'unconfirmed') ORDER BY id LIMIT 1",
                   "i", sequence));
    TRY(sql_next(row, &found));
    if (found)
        *ret = str_print(taking->arena, "%.*s: %.*s", STR_FMT(sql_text(row, 0)),
                         STR_FMT(sql_text(row, 1)));
    return NULL;
}

static FALLIBLE find_ending(struct taking *taking, int64_t number, struct ending *ret,
                            bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(taking->ledger), &row,
                   "SELECT id, status, duration_ns, sequence FROM trial_run"
                   " JOIN run ON run.sequence = trial_run.run WHERE sweep = ?1 AND number = ?2"
                   " AND sequence > (SELECT last_run FROM trial WHERE sweep = ?1 AND number = ?2)"
                   " AND status IN ('succeeded', 'failed', 'rejected', 'unconfirmed')"
                   " ORDER BY sequence DESC LIMIT 1",
                   "ii", taking->row->id, number));
    TRY(sql_next(row, ret_found));
    if (!*ret_found)
        return NULL;
    struct str status = sql_text(row, 1);
    ret->run = str_copy(taking->arena, sql_text(row, 0));
    ret->status = str_is(status, "succeeded")  ? TRIAL_SUCCEEDED
                  : str_is(status, "rejected") ? TRIAL_REJECTED
                                               : TRIAL_FAILED;
    ret->duration_ns = sql_int(row, 2);
    return note_of(taking, sql_int(row, 3), &ret->note);
}

/* Whoever recorded that run was killed before it could say so here. */
static FALLIBLE settle(struct taking *taking, const struct trial *left, bool *ret_settled)
{
    struct ending ending = {0};
    struct trial trial = *left;
    TRY(find_ending(taking, left->number, &ending, ret_settled));
    if (!*ret_settled)
        return NULL;
    trial.status = ending.status;
    trial.run = ending.run;
    trial.note = ending.note;
    trial.duration_ns = ending.duration_ns;
    TRY(sweeps_score(taking->ledger, &taking->row->sweep, trial.run, &trial.has_score,
                     &trial.score));
    return sweeps_save(taking->ledger, taking->row->id, &trial);
}

/* Grids, lists and independent draws know a trial by its number alone. */
static FALLIBLE load_past(struct taking *taking, int64_t number, struct trial_past **ret,
                          size_t *ret_count)
{
    struct trial *trials = NULL;
    size_t count = 0;
    const struct sweep *sweep = &taking->row->sweep;
    *ret = NULL;
    *ret_count = 0;
    if (sweep->method != SWEEP_TPE && sweep->stop != STOP_HALVING)
        return NULL;
    TRY(sweeps_trials(taking->ledger, taking->arena, taking->row->id, &trials, &count));
    *ret = arena_new_array(taking->arena, struct trial_past, count);
    for (size_t i = 0; i < count && trials[i].number < number; i++)
        (*ret)[(*ret_count)++] = (struct trial_past){.number = trials[i].number,
                                                     .overrides = &trials[i].overrides,
                                                     .has_score = trials[i].has_score,
                                                     .is_done = trials[i].status != TRIAL_WAITING &&
                                                                trials[i].status != TRIAL_RUNNING,
                                                     .score = trials[i].score};
    return NULL;
}

static FALLIBLE ask_sampler(struct taking *taking, int64_t number, struct override_vec *ret,
                            bool *ret_waits)
{
    struct trial_past *past = NULL;
    size_t past_count = 0;
    int64_t waits = -1;
    TRY(load_past(taking, number, &past, &past_count));
    TRY(sampler_propose(taking->arena, &taking->row->sweep, number, past, past_count, ret, &waits));
    *ret_waits = waits >= 0;
    taking->is_under_way = taking->is_under_way || *ret_waits;
    return NULL;
}

static FALLIBLE begin_again(struct taking *taking, struct trial *trial)
{
    struct sql *sql = ledger_sql(taking->ledger);
    trial->status = TRIAL_RUNNING;
    trial->attempts++;
    trial->started_ns = clock_real_ns();
    trial->run = trial->note = (struct str){0};
    trial->has_score = false;
    TRY(sql_run(sql, "DELETE FROM report WHERE sweep = ? AND number = ?", "ii", taking->row->id,
                trial->number));
    TRY(sweeps_save(taking->ledger, taking->row->id, trial));
    return sql_run(sql,
                   "UPDATE trial SET started_ns = ?3, attempts = ?4, overrides = ?5,"
                   " last_run = " LAST_RUN " WHERE sweep = ?1 AND number = ?2",
                   "iiiis", taking->row->id, trial->number, trial->started_ns, trial->attempts,
                   overrides_print(taking->arena, &trial->overrides));
}

/* Its lock is ours: what its row says holds until we change it. */
static FALLIBLE take_locked(struct taking *taking, int64_t number)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    struct trial trial = {0};
    bool found = false, is_settled = false, waits = false;
    TRY(sql_begin(ledger_sql(taking->ledger), &transaction));
    TRY(sweeps_trial(taking->ledger, taking->arena, taking->row->id, number, &trial, &found));
    bool is_left = found && (trial.status == TRIAL_WAITING || trial.status == TRIAL_RUNNING);
    if (is_left && trial.status == TRIAL_RUNNING)
        TRY(settle(taking, &trial, &is_settled));
    /* A history that was made anew may know no more of a trial than that there was one. */
    if (is_left && !is_settled && trial.overrides.len == 0)
        TRY(ask_sampler(taking, number, &trial.overrides, &waits));
    if (is_left && !is_settled && !waits)
        TRY(begin_again(taking, &trial));
    TRY(sql_commit(&transaction));
    taking->is_taken = is_left && !is_settled && !waits;
    if (taking->is_taken)
        taking->trial = trial;
    else
        lock_drop(&taking->lock);
    return NULL;
}

VEC(number_vec, int64_t);

static FALLIBLE list_left(struct taking *taking, struct number_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger_sql(taking->ledger), &row,
                   "SELECT number FROM trial WHERE sweep = ? AND status IN ('waiting', 'running')"
                   " ORDER BY status, number",
                   "i", taking->row->id));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        *vec_push(taking->arena, ret) = sql_int(row, 0);
    }
}

/* Begun ones first, then those that were given back. */
static FALLIBLE take_left(struct taking *taking)
{
    struct number_vec left = {0};
    TRY(list_left(taking, &left));
    for (size_t i = 0; i < left.len && !taking->is_taken; i++) {
        bool is_locked = false;
        TRY(lock_trial(taking, left.at[i], &is_locked));
        if (is_locked)
            TRY(take_locked(taking, left.at[i]));
        taking->is_under_way = taking->is_under_way || !is_locked;
    }
    return NULL;
}

static FALLIBLE count_of(struct taking *taking, int64_t *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger_sql(taking->ledger), &row,
                   "SELECT coalesce(max(number) + 1, 0) FROM trial WHERE sweep = ?", "i",
                   taking->row->id));
    TRY(sql_next(row, &found));
    *ret = found ? sql_int(row, 0) : 0;
    return NULL;
}

static FALLIBLE insert(struct taking *taking)
{
    const struct trial *trial = &taking->trial;
    return sql_run(
        ledger_sql(taking->ledger),
        "INSERT INTO trial (sweep, number, status, overrides, started_ns, duration_ns,"
        " attempts, last_run) VALUES (?, ?, ?, ?, ?, 0, ?, " LAST_RUN ")",
        "iissii", taking->row->id, trial->number, str_of(trial_status_name(trial->status)),
        overrides_print(taking->arena, &trial->overrides), trial->started_ns, trial->attempts);
}

/* Inside a transaction, so that no other driver makes the same. */
static FALLIBLE propose(struct taking *taking, int64_t number)
{
    bool is_locked = false, waits = false;
    taking->trial = (struct trial){.number = number, .status = TRIAL_RUNNING, .attempts = 1};
    TRY(ask_sampler(taking, number, &taking->trial.overrides, &waits));
    if (waits)
        return NULL;
    TRY(lock_trial(taking, number, &is_locked));
    if (!is_locked)
        return error_new(ERROR_MACHINE, "another process works on a trial that was not made yet");
    taking->trial.started_ns = clock_real_ns();
    TRY(insert(taking));
    taking->is_taken = true;
    return NULL;
}

static FALLIBLE take_new(struct taking *taking)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    int64_t most = 0, number = 0;
    TRY(sampler_count(&taking->row->sweep, &most));
    most = most ? most : LIMIT_SWEEP_TRIALS;
    TRY(count_of(taking, &number)); /* once all are made, drivers that wait ask without writing */
    if (number >= most)
        return NULL;
    TRY(sql_begin(ledger_sql(taking->ledger), &transaction));
    TRY(count_of(taking, &number));
    if (number < most)
        TRY(propose(taking, number));
    return sql_commit(&transaction);
}

/* One that another driver has made since we looked for those that are left. */
static FALLIBLE look_for_others(struct taking *taking)
{
    struct number_vec left = {0};
    TRY(list_left(taking, &left));
    taking->is_under_way = taking->is_under_way || left.len > 0;
    return NULL;
}

FALLIBLE sweeps_take(struct ledger *ledger, const struct workspace *workspace, struct arena *arena,
                     const struct sweep_row *row, struct trial *ret, struct lock *ret_lock,
                     bool *ret_taken, bool *ret_is_all)
{
    AUTO(taking_drop)
    struct taking taking = {.ledger = ledger, .workspace = workspace, .arena = arena, .row = row};
    TRY(take_left(&taking));
    if (!taking.is_taken)
        TRY(take_new(&taking));
    if (!taking.is_taken)
        TRY(look_for_others(&taking));
    *ret_taken = taking.is_taken;
    *ret_is_all = !taking.is_taken && !taking.is_under_way;
    if (!taking.is_taken)
        return NULL;
    *ret = taking.trial;
    ret_lock->fd = fd_of(fd_release(&taking.lock.fd));
    return NULL;
}
