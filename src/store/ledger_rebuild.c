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

/* Reading stops at the first error; then the rest is zero. */
struct reading {
    struct canon_reader canon;
    struct error *error;
};

static void reading_drop(struct reading *reading)
{
    error_drop(reading->error);
    reading->error = NULL;
}

static struct str take_str(struct reading *reading)
{
    struct str value = {0};
    if (!reading->error)
        reading->error = canon_read_str(&reading->canon, &value);
    return reading->error ? (struct str){0} : value;
}

static int64_t take_int(struct reading *reading)
{
    int64_t value = 0;
    if (!reading->error)
        reading->error = canon_read_int(&reading->canon, &value);
    return reading->error ? 0 : value;
}

static struct digest take_digest(struct reading *reading)
{
    struct digest value = {{0}};
    if (!reading->error)
        reading->error = canon_read_digest(&reading->canon, &value);
    return value;
}

static size_t take_list(struct reading *reading)
{
    size_t count = 0;
    if (!reading->error)
        reading->error = canon_read_list(&reading->canon, &count);
    return reading->error ? 0 : count;
}

static void expect_list(struct reading *reading, size_t count)
{
    size_t found = take_list(reading);
    if (!reading->error && found != count)
        reading->error = error_new(ERROR_STORED, "%zu items expected, %zu found", count, found);
}

/* What a run file holds. */
struct archived {
    struct run run;
    struct digest state, base;
    struct str state_body;
    struct outcome *outcomes;
    size_t outcome_count;
};

static void read_counts(struct reading *reading, struct run_counts *ret)
{
    int *const counts[] = {&ret->stages,      &ret->executed, &ret->restored,
                           &ret->unchanged,   &ret->failed,   &ret->rejected,
                           &ret->unconfirmed, &ret->skipped,  &ret->interrupted};
    expect_list(reading, RUN_COUNTS);
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        *counts[i] = (int)take_int(reading);
    ret->hashed_files = take_int(reading);
    ret->hashed_bytes = take_int(reading);
}

static enum run_status read_status(struct reading *reading)
{
    struct str name = take_str(reading);
    for (int status = RUN_SUCCEEDED; status <= RUN_CRASHED; status++)
        if (str_is(name, run_status_name((enum run_status)status)))
            return (enum run_status)status;
    return RUN_CRASHED;
}

static void read_run(struct reading *reading, struct run *ret)
{
    expect_list(reading, RUN_FIELDS);
    ret->sequence = take_int(reading);
    ret->id = take_str(reading);
    ret->parent = take_str(reading);
    ret->name = take_str(reading);
    ret->status = read_status(reading);
    ret->pipeline = take_str(reading);
    ret->pipeline_digest = take_digest(reading);
    ret->lock_digest = take_digest(reading);
    ret->started_ns = take_int(reading);
    ret->duration_ns = take_int(reading);
    ret->host = take_str(reading);
    ret->user = take_str(reading);
    ret->version = take_str(reading);
    ret->argv = take_str(reading);
    ret->code.commit = take_str(reading);
    ret->code.branch = take_str(reading);
    ret->code.remote = take_str(reading);
    ret->code.is_dirty = (int)take_int(reading);
    ret->code.patch = take_digest(reading);
    ret->saved_ns = take_int(reading);
    read_counts(reading, &ret->counts);
}

static void read_usage(struct reading *reading, struct usage *ret)
{
    expect_list(reading, USAGE_FIELDS);
    ret->started_ns = take_int(reading);
    ret->duration_ns = take_int(reading);
    ret->cpu_user_ns = take_int(reading);
    ret->cpu_system_ns = take_int(reading);
    ret->peak_bytes = take_int(reading);
    ret->attempts = (int)take_int(reading);
    ret->exit_code = (int)take_int(reading);
    ret->exit_signal = (int)take_int(reading);
    ret->timed_out = take_int(reading) != 0;
}

static void read_reasons(struct reading *reading, struct arena *arena, struct reason_vec *ret)
{
    for (size_t count = take_list(reading); count && !reading->error; count--) {
        struct reason *reason = vec_push(arena, ret);
        expect_list(reading, 4);
        reason->part = ledger_part_parse(take_str(reading));
        reason->what = take_str(reading);
        reason->before = take_str(reading);
        reason->after = take_str(reading);
    }
}

/* Recipe and result are decoded from their bytes, which name themselves. */
static void read_content(struct reading *reading, struct arena *arena, struct outcome *ret)
{
    struct str recipe = take_str(reading), body = take_str(reading);
    struct result *result = arena_new(arena, struct result);
    if (!reading->error && body.len)
        reading->error = result_decode(arena, body, result);
    if (body.len)
        ret->value = result;
    if (body.len)
        recipe = result->recipe;
    ret->recipe = recipe.len ? arena_new(arena, struct recipe) : NULL;
    if (!reading->error && recipe.len)
        reading->error = recipe_decode(arena, recipe, ret->recipe);
}

static void read_stage(struct reading *reading, struct arena *arena, struct outcome *ret)
{
    struct stage *stage = arena_new(arena, struct stage);
    expect_list(reading, STAGE_FIELDS);
    stage->name = take_str(reading);
    ret->stage = stage;
    if (!stage_status_parse(take_str(reading), &ret->status) && !reading->error)
        reading->error = error_new(ERROR_STORED, "a stage has an unknown status");
    ret->key = take_digest(reading);
    ret->result = take_digest(reading);
    read_content(reading, arena, ret);
    ret->attempt = take_str(reading);
    ret->saved_ns = take_int(reading);
    ret->blocker = take_str(reading);
    ret->log_path = take_str(reading);
    ret->log_bytes = take_int(reading);
    ret->environment = take_str(reading);
    read_usage(reading, &ret->usage);
    read_reasons(reading, arena, &ret->reasons);
}

static FALLIBLE run_decode(struct arena *arena, struct str bytes, struct archived *ret)
{
    AUTO(reading_drop) struct reading reading = {.canon = canon_reader_of(bytes)};
    TRY(canon_expect_tag(&reading.canon, STR(RUN_TAG)));
    read_run(&reading, &ret->run);
    if (take_list(&reading)) {
        ret->state = take_digest(&reading);
        ret->base = take_digest(&reading);
        ret->state_body = take_str(&reading);
    }
    size_t count = take_list(&reading);
    ret->outcomes = arena_new_array(arena, struct outcome, count);
    for (; ret->outcome_count < count && !reading.error; ret->outcome_count++)
        read_stage(&reading, arena, &ret->outcomes[ret->outcome_count]);
    struct error *error = reading.error;
    reading.error = NULL;
    return error ? error : canon_expect_end(&reading.canon);
}

/* The bytes in front of the sum at the end of a file. */
static FALLIBLE check_sum(struct str bytes, struct str *ret_body)
{
    size_t sum_len = 1 + sizeof(struct digest);
    struct str body = str_slice(bytes, 0, bytes.len > sum_len ? bytes.len - sum_len : 0);
    struct canon_reader reader = canon_reader_of(str_slice(bytes, body.len, bytes.len));
    struct digest sum;
    TRY(canon_read_digest(&reader, &sum));
    if (!digest_equal(sum, digest_of(body.at, body.len)))
        return error_new(ERROR_STORED, "its bytes are not what was written");
    *ret_body = body;
    return NULL;
}

struct run_file {
    struct str name, body;
    int64_t sequence; /* of the run; 0: a change of a tag */
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

static FALLIBLE peek_sequence(struct run_file *file)
{
    struct canon_reader reader = canon_reader_of(file->body);
    struct str tag = {0};
    size_t count = 0;
    TRY(canon_read_str(&reader, &tag));
    if (str_is(tag, TAG_TAG))
        return NULL;
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
    error = error ? error : check_sum(bytes, &file.body);
    error = error ? error : peek_sequence(&file);
    if (error)
        pass_over(rebuild, name, error);
    else
        *vec_push(rebuild->arena, &rebuild->files) = file;
    return NULL;
}

/* Runs by their order then, changes of tags behind them by their time. */
static int compare_files(const void *a, const void *b)
{
    const struct run_file *left = a, *right = b;
    int64_t one = left->sequence ? left->sequence : INT64_MAX;
    int64_t other = right->sequence ? right->sequence : INT64_MAX;
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
    for (size_t i = 0; i < archived->outcome_count; i++)
        TRY(ledger_put_outcome(ledger, run.sequence, &archived->outcomes[i]));
    struct error *error = NULL;
    if (!digest_is_zero(archived->state))
        error = ledger_state_from(ledger, scratch, archived->base, archived->state_body, &state);
    if (!error && !digest_is_zero(archived->state))
        TRY(ledger_put_state(ledger, &state, &digest, &state_id, &is_new));
    if (error)
        pass_over(rebuild, STR("the state of a run"), error);
    rebuild->run_count++;
    return ledger_update_run(ledger, &run, state_id);
}

static FALLIBLE put_tag(struct rebuild *rebuild, struct str body)
{
    AUTO(reading_drop) struct reading reading = {.canon = canon_reader_of(body)};
    bool is_removed = false;
    TRY(canon_expect_tag(&reading.canon, STR(TAG_TAG)));
    struct str run = take_str(&reading), name = take_str(&reading);
    if (!reading.error)
        reading.error = canon_read_bool(&reading.canon, &is_removed);
    int64_t created_ns = take_int(&reading);
    struct error *error = reading.error;
    reading.error = NULL;
    TRY(error);
    TRY(sql_run(rebuild->ledger->sql, "DELETE FROM tag WHERE name = ?", "s", name));
    if (is_removed)
        return NULL;
    return sql_run(rebuild->ledger->sql,
                   "INSERT INTO tag (name, run, created_ns)"
                   " SELECT ?1, sequence, ?2 FROM run WHERE id = ?3",
                   "sis", name, created_ns, run);
}

static FALLIBLE put_file(struct rebuild *rebuild, const struct run_file *file)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct archived archived = {0};
    if (file->sequence == 0)
        return put_tag(rebuild, file->body);
    struct error *error = run_decode(&scratch, file->body, &archived);
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

static FALLIBLE put_all(struct rebuild *rebuild)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(rebuild->ledger->sql, &transaction));
    TRY(results_each(rebuild->workspace, put_stored_result, rebuild));
    vec_each (const struct run_file, file, &rebuild->files)
        TRY_WITHIN(put_file(rebuild, file), "run file '%.*s'", STR_FMT(file->name));
    return sql_commit(&transaction);
}

/* Nobody may be writing to the database that is moved away. */
static FALLIBLE refuse_if_running(struct rebuild *rebuild)
{
    struct walk_list list = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(fd_number(rebuild->workspace->state_fd), "locks", flags));
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
    return NULL;
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
