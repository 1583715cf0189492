#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/walk.h"
#include "mlops/store/results.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ledger_private.h"

/* Some 2 KiB a stage that was executed. */
#define RUN_FILE_BYTES_MOST (INT64_C(1) << 30)

struct run_file {
    struct str name, body;
    bool is_sweep;
    int64_t sequence; /* of the run; 0: a change of a tag, or a sweep */
    int64_t made_ns;  /* of that change, or sweep */
};
VEC(run_file_vec, struct run_file);

struct rebuild {
    struct arena *arena;
    const struct workspace *workspace;
    const struct observer *observer;
    struct ledger *ledger;
    struct run_file_vec files;
    int64_t run_count;
};

static void pass_over(struct rebuild *rebuild, struct str name, struct error *error)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct event event = {.kind = EVENT_WARNING};
    event.text = str_print(&scratch, "passed over '%.*s': %s", STR_FMT(name), error->text);
    observer_tell(rebuild->observer, &event);
    error_drop(error);
}

static FALLIBLE peek_order(struct run_file *file)
{
    struct canon_reader reader = canon_reader_of(file->body);
    struct archived_tag change = {0};
    struct str tag = {0};
    size_t count = 0;
    TRY(canon_read_str(&reader, &tag));
    if (str_is(tag, TAG_TAG)) {
        TRY(ledger_tag_decode(file->body, &change));
        file->made_ns = change.created_ns;
        return NULL;
    }
    file->is_sweep = str_starts(file->name, STR("sweep-"));
    if (file->is_sweep)
        return ledger_peek_sweep(file->body, &file->made_ns);
    TRY(canon_read_list(&reader, &count));
    return canon_read_int(&reader, &file->sequence);
}

static FALLIBLE read_file(struct rebuild *rebuild, int fd, struct str name)
{
    struct run_file file = {.name = str_copy(rebuild->arena, name)};
    struct str bytes = {0};
    bool found = false;
    struct error *error =
        file_read(rebuild->arena, fd, file.name.at, RUN_FILE_BYTES_MOST, &bytes, &found);
    error = error ? error : ledger_check_sum(bytes, &file.body);
    error = error ? error : peek_order(&file);
    if (error)
        pass_over(rebuild, name, error);
    else
        *vec_push(rebuild->arena, &rebuild->files) = file;
    return NULL;
}

/* Sweeps, which runs refer to, by their time; runs by their order then; changes of tags behind them
 * by theirs. */
static int compare_files(const void *a, const void *b)
{
    const struct run_file *left = a, *right = b;
    if (left->is_sweep != right->is_sweep)
        return left->is_sweep ? -1 : 1;
    int64_t one = left->sequence ? left->sequence : INT64_MAX;
    int64_t other = right->sequence ? right->sequence : INT64_MAX;
    if (one == other) {
        one = left->made_ns; /* names of one millisecond are in no order */
        other = right->made_ns;
    }
    return one != other ? (one < other ? -1 : 1) : str_compare(left->name, right->name);
}

static FALLIBLE list_files(struct rebuild *rebuild)
{
    struct walk_list list = {0};
    const struct workspace *workspace = rebuild->workspace;
    struct str path = str_print(rebuild->arena, "runs/%.*s", STR_FMT(workspace->config.project));
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(openat(fd_number(workspace->cache_fd), path.at, flags));
    if (fd_number(fd) < 0)
        return errno == ENOENT ? NULL : error_os(errno, "cannot open '%s' of the cache", path.at);
    TRY(walk_list(rebuild->arena, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++)
        if (list.entries[i].name.at[0] != '.')
            TRY(read_file(rebuild, fd_number(fd), list.entries[i].name));
    vec_sort(&rebuild->files, compare_files);
    return NULL;
}

static FALLIBLE put_archived(struct rebuild *rebuild, struct arena *scratch,
                             struct archived *archived)
{
    struct ledger *ledger = rebuild->ledger;
    struct state state = {0};
    struct digest digest = {{0}};
    int64_t state_id = 0;
    bool is_new = false;
    struct run run = archived->run;
    TRY(ledger_insert_run(ledger, &run));
    if (run.sweep.len)
        TRY(ledger_put_trial_of(ledger, &run, archived->overrides));
    for (size_t i = 0; i < archived->outcome_count; i++)
        TRY(ledger_put_outcome(ledger, run.sequence, &archived->outcomes[i]));
    struct error *error = NULL;
    if (!digest_is_zero(archived->state))
        error = ledger_state_from(ledger, scratch, archived->base, archived->state_body, &state);
    if (!error && !digest_is_zero(archived->state))
        TRY(ledger_put_state(ledger, &state, &digest, &state_id, &is_new));
    if (is_new)
        TRY(ledger_put_courses(ledger, run.pipeline, state_id, &state));
    if (error)
        pass_over(rebuild, STR("the state of a run"), error);
    rebuild->run_count++;
    return ledger_update_run(ledger, &run, state_id);
}

static FALLIBLE put_tag(struct rebuild *rebuild, struct str body)
{
    struct archived_tag tag = {0};
    TRY(ledger_tag_decode(body, &tag));
    TRY(sql_run(rebuild->ledger->sql, "DELETE FROM tag WHERE name = ?", "s", tag.name));
    if (tag.is_removed)
        return NULL;
    return sql_run(rebuild->ledger->sql,
                   "INSERT INTO tag (name, run, created_ns)"
                   " SELECT ?1, sequence, ?2 FROM run WHERE id = ?3",
                   "sis", tag.name, tag.created_ns, tag.run);
}

/* Whole or not at all: another one may have its name. */
static FALLIBLE put_sweep(struct rebuild *rebuild, const struct run_file *file)
{
    struct sql *sql = rebuild->ledger->sql;
    TRY(sql_script(sql, "SAVEPOINT sweep"));
    struct error *error = ledger_put_sweep(rebuild->ledger, file->body);
    if (error) {
        pass_over(rebuild, file->name, error);
        TRY(sql_script(sql, "ROLLBACK TO sweep"));
    }
    return sql_script(sql, "RELEASE sweep");
}

static FALLIBLE put_file(struct rebuild *rebuild, const struct run_file *file)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct archived archived = {0};
    if (file->is_sweep)
        return put_sweep(rebuild, file);
    if (file->sequence == 0)
        return put_tag(rebuild, file->body);
    struct error *error = ledger_run_decode(&scratch, file->body, &archived);
    if (!error)
        return put_archived(rebuild, &scratch, &archived);
    pass_over(rebuild, file->name, error);
    return NULL;
}

/* Results that a run met and did not make are only in res/. */
static FALLIBLE put_stored_result(void *context, struct str project, struct digest key,
                                  struct digest id, struct str bytes, const char *path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct rebuild *rebuild = context;
    struct result result = {0};
    struct recipe recipe = {0};
    int64_t row = 0;
    (void)key;
    if (!str_equal(project, rebuild->workspace->config.project))
        return NULL;
    struct error *error = digest_equal(digest_of(bytes.at, bytes.len), id)
                              ? result_decode(&scratch, bytes, &result)
                              : error_new(ERROR_STORED, "its bytes are not what its name says");
    if (!error)
        error = recipe_decode(&scratch, result.recipe, &recipe);
    if (!error)
        return ledger_put_result(rebuild->ledger, id, &result, &recipe, &row);
    pass_over(rebuild, str_of(path), error);
    return NULL;
}

/* Runs are numbered anew without the gaps of those that did nothing, their files are not. Those to
 * come are numbered behind all of them, or the next rebuild would put them among these. */
static FALLIBLE continue_numbers(struct rebuild *rebuild)
{
    int64_t most = 0;
    vec_each (const struct run_file, file, &rebuild->files)
        most = MAX_OF(most, file->sequence);
    return sql_run(rebuild->ledger->sql,
                   "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'run'", "i", most);
}

static FALLIBLE put_all(struct rebuild *rebuild)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(rebuild->ledger->sql, &transaction));
    TRY(results_each(rebuild->workspace, put_stored_result, rebuild));
    vec_each (const struct run_file, file, &rebuild->files)
        TRY_WITHIN(put_file(rebuild, file), "run file '%.*s'", STR_FMT(file->name));
    TRY(ledger_fill_trials(rebuild->ledger));
    TRY(continue_numbers(rebuild));
    return sql_commit(&transaction);
}

/* Trials that are being prepared have no run yet. */
static FALLIBLE refuse_if_sweeping(int locks_fd)
{
    AUTO(lock_drop) struct lock lock = {0};
    int64_t at = 0, len = 0;
    bool is_held = false;
    TRY(lock_open(locks_fd, "trials", &lock));
    TRY(lock_range_find(&lock, 0, INT64_MAX, &at, &len, &is_held));
    if (!is_held)
        return NULL;
    return error_hint(error_new(ERROR_MACHINE, "a sweep of this project goes on"),
                      "wait until it has ended");
}

/* Nobody may be writing to the database that is moved away. */
static FALLIBLE refuse_if_running(struct rebuild *rebuild)
{
    struct walk_list list = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(fd_number(rebuild->workspace->home_fd), "locks", flags));
    if (fd_number(fd) < 0)
        return errno == ENOENT ? NULL : error_os(errno, "cannot open '.mlops/locks'");
    TRY(walk_list(rebuild->arena, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++) {
        AUTO(lock_drop) struct lock lock = {0};
        bool taken = true;
        if (str_starts(list.entries[i].name, STR("run-")))
            TRY(lock_take(fd_number(fd), list.entries[i].name.at, LOCK_EXCLUSIVE, 0, NULL, NULL,
                          &lock, &taken));
        if (!taken)
            return error_hint(error_new(ERROR_MACHINE, "a run of this project goes on"),
                              "wait until it has ended");
    }
    return refuse_if_sweeping(fd_number(fd));
}

static FALLIBLE move_away(struct rebuild *rebuild)
{
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    struct str path =
        path_join(rebuild->arena, rebuild->workspace->database_dir, STR("lineage.db"));
    struct str id = clock_ulid(rebuild->arena);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        struct str from = str_print(rebuild->arena, "%s%s", path.at, suffixes[i]);
        struct str to =
            str_print(rebuild->arena, "%s.before-%.*s%s", path.at, STR_FMT(id), suffixes[i]);
        if (rename(from.at, to.at) != 0 && errno != ENOENT)
            return error_os(errno, "cannot move '%s' away", from.at);
    }
    return NULL;
}

FALLIBLE ledger_rebuild(struct arena *arena, const struct workspace *workspace,
                        const struct observer *observer, int64_t *ret_runs)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(ledger_drop) struct ledger *ledger = NULL;
    struct rebuild rebuild = {.arena = &scratch, .workspace = workspace, .observer = observer};
    TRY(refuse_if_running(&rebuild));
    TRY(list_files(&rebuild));
    TRY(move_away(&rebuild));
    TRY(ledger_open(arena, workspace, false, observer, &ledger));
    rebuild.ledger = ledger;
    TRY(put_all(&rebuild));
    *ret_runs = rebuild.run_count;
    return NULL;
}
