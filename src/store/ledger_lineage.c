/* What was made from what: recipes, results, inputs and outputs. */
#include "mlops/base/arena.h"
#include "mlops/model/name.h"

#include "ledger_private.h"

/* One blob by one digest; empty if there is none. */
static FALLIBLE load_blob(struct ledger *ledger, struct arena *arena, const char *text,
                          struct digest digest, struct str *ret, bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, text, "d", digest));
    TRY(sql_next(row, ret_found));
    if (*ret_found)
        *ret = str_copy(arena, sql_blob(row, 0));
    return NULL;
}

FALLIBLE ledger_load_recipe(struct ledger *ledger, struct arena *arena, struct digest key,
                            struct recipe *ret, bool *ret_found)
{
    struct str body = {0};
    TRY(load_blob(ledger, arena, "SELECT body FROM recipe WHERE key = ?", key, &body, ret_found));
    return *ret_found ? recipe_decode(arena, body, ret) : NULL;
}

FALLIBLE ledger_load_result(struct ledger *ledger, struct arena *arena, struct digest id,
                            struct result *ret, bool *ret_found)
{
    struct str body = {0};
    TRY(load_blob(ledger, arena, "SELECT body FROM result WHERE digest = ?", id, &body, ret_found));
    return *ret_found ? result_decode(arena, body, ret) : NULL;
}

FALLIBLE ledger_last_recipe(struct ledger *ledger, struct arena *arena, struct str pipeline,
                            struct str stage, struct recipe *ret, bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT recipe.body FROM stage_run"
                   " JOIN run ON run.sequence = stage_run.run"
                   " JOIN recipe ON recipe.id = stage_run.recipe"
                   " WHERE stage = ? AND stage_run.status IN ('executed', 'rejected')"
                   " AND run.pipeline = ? ORDER BY stage_run.id DESC LIMIT 1",
                   "ss", stage, ledger_required(pipeline)));
    TRY(sql_next(row, ret_found));
    return *ret_found ? recipe_decode(arena, str_copy(arena, sql_blob(row, 0)), ret) : NULL;
}

enum { DURATIONS_MOST = 5, DURATION_ROWS_MOST = 50000 };

struct durations {
    struct str stage;
    int64_t ns[DURATIONS_MOST];
    int count;
};

/* Insertion sort of at most five. */
static int64_t median(struct durations *durations)
{
    for (int i = 1; i < durations->count; i++) {
        for (int j = i; j > 0 && durations->ns[j - 1] > durations->ns[j]; j--) {
            int64_t higher = durations->ns[j - 1];
            durations->ns[j - 1] = durations->ns[j];
            durations->ns[j] = higher;
        }
    }
    return durations->ns[durations->count / 2];
}

static FALLIBLE collect_durations(struct sql_row *row, struct arena *arena, struct map *ret)
{
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct durations *durations = map_get(ret, sql_text(row, 0));
        if (!durations) {
            durations = arena_new(arena, struct durations);
            durations->stage = str_copy(arena, sql_text(row, 0));
            map_put(arena, ret, durations->stage, durations);
        }
        if (durations->count < DURATIONS_MOST)
            durations->ns[durations->count++] = sql_int(row, 1);
    }
}

FALLIBLE ledger_durations(struct ledger *ledger, struct arena *arena, struct str pipeline,
                          struct map *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct map seen = {0};
    TRY(sql_select(ledger->sql, &row,
                   "SELECT stage, stage_run.duration_ns FROM stage_run"
                   " JOIN run ON run.sequence = stage_run.run"
                   " WHERE stage_run.status IN ('executed', 'rejected') AND run.pipeline = ?"
                   " ORDER BY stage_run.id DESC LIMIT ?",
                   "si", ledger_required(pipeline), (int64_t)DURATION_ROWS_MOST));
    TRY(collect_durations(row, arena, &seen));
    *ret = (struct map){0};
    map_each (item, &seen) {
        int64_t *ns = arena_new(arena, int64_t);
        *ns = median(item->value);
        map_put(arena, ret, item->key, ns);
    }
    return NULL;
}

FALLIBLE ledger_log(struct ledger *ledger, struct arena *arena, int64_t run_sequence,
                    struct str stage, struct str *ret_text, struct str *ret_path, bool *ret_found)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT log.text, log_path FROM stage_run"
                   " LEFT JOIN log ON log.stage_run = stage_run.id"
                   " WHERE run = ? AND stage = ?"
                   " AND stage_run.status NOT IN ('restored', 'skipped')",
                   "is", run_sequence, stage));
    TRY(sql_next(row, ret_found));
    *ret_text = *ret_path = (struct str){0};
    if (!*ret_found)
        return NULL;
    *ret_text = str_copy(arena, sql_blob(row, 0));
    *ret_path = str_copy(arena, sql_text(row, 1));
    return NULL;
}

FALLIBLE ledger_has_attempt(struct ledger *ledger, struct str attempt, bool *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT 1 FROM stage_run WHERE attempt = ?"
                   " AND status IN ('executed', 'rejected', 'unconfirmed')",
                   "s", attempt));
    return sql_next(row, ret);
}

VEC(io_vec, struct ledger_io);

/* Columns: run, id of the run, stage, is output, path, kind, executable, stored, digest, size,
 * files, key, result. */
static FALLIBLE collect_io(struct sql_row *row, struct arena *arena, struct io_vec *ret)
{
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct ledger_io *io = vec_push(arena, ret);
        io->run_sequence = sql_int(row, 0);
        io->run_id = str_copy(arena, sql_text(row, 1));
        io->stage = str_copy(arena, sql_text(row, 2));
        io->is_output = sql_int(row, 3) != 0;
        io->artifact.path = str_copy(arena, sql_text(row, 4));
        if (!artifact_kind_parse(sql_text(row, 5), &io->artifact.kind))
            return error_new(ERROR_STORED, "the lineage database holds an unknown kind of file");
        io->artifact.is_executable = sql_int(row, 6) != 0;
        io->artifact.is_stored = sql_int(row, 7) != 0;
        io->artifact.digest = sql_digest(row, 8);
        io->artifact.size_bytes = sql_int(row, 9);
        io->artifact.file_count = sql_int(row, 10);
        io->key = sql_digest(row, 11);
        io->result = sql_digest(row, 12);
    }
}

#define IO_INPUT                                                                                   \
    "SELECT run.sequence, run.id, stage_run.stage, 0, path, kind, executable, 0, input.digest,"    \
    " size_bytes, kind = 'file', recipe.key,"                                                      \
    " (SELECT digest FROM result WHERE result.id = stage_run.result)"                              \
    " FROM input JOIN stage_run ON stage_run.recipe = input.recipe"                                \
    " JOIN recipe ON recipe.id = input.recipe JOIN run ON run.sequence = stage_run.run"            \
    " WHERE stage_run.status <> 'skipped'"
#define IO_OUTPUT                                                                                  \
    "SELECT run.sequence, run.id, stage_run.stage, 1, path, kind, executable, stored,"             \
    " output.digest, size_bytes, file_count, recipe.key, result.digest"                            \
    " FROM output JOIN stage_run ON stage_run.result = output.result"                              \
    " JOIN result ON result.id = output.result JOIN recipe ON recipe.id = result.recipe"           \
    " JOIN run ON run.sequence = stage_run.run WHERE stage_run.status <> 'skipped'"
#define IO_ORDER " ORDER BY 1 DESC, 3, 4 DESC, 5"

static FALLIBLE io_of_path(struct ledger *ledger, struct arena *arena, struct str path,
                           struct digest digest, struct io_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   IO_INPUT " AND path = ?1 AND (?2 IS NULL OR input.digest = ?2)"
                            " UNION ALL " IO_OUTPUT
                            " AND path = ?1 AND (?2 IS NULL OR output.digest = ?2)" IO_ORDER,
                   "sd", path, digest));
    return collect_io(row, arena, ret);
}

static FALLIBLE io_of_digest(struct ledger *ledger, struct arena *arena, struct digest digest,
                             struct io_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   IO_INPUT " AND input.digest = ?1 UNION ALL " IO_OUTPUT
                            " AND output.digest = ?1" IO_ORDER,
                   "d", digest));
    return collect_io(row, arena, ret);
}

FALLIBLE ledger_inputs_inside(struct ledger *ledger, struct arena *arena, struct str directory,
                              struct ledger_io **ret, size_t *ret_count)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct io_vec found = {0};
    /* '0' is the character behind '/'. */
    TRY(sql_select(ledger->sql, &row,
                   IO_INPUT " AND path > ?1 || '/' AND path < ?1 || '0'" IO_ORDER, "s", directory));
    TRY(collect_io(row, arena, &found));
    *ret = found.at;
    *ret_count = found.len;
    return NULL;
}

/* A file inside a directory that was made or used as a whole is found by that directory. */
FALLIBLE ledger_io(struct ledger *ledger, struct arena *arena, struct str path,
                   struct digest digest, struct ledger_io **ret, size_t *ret_count)
{
    struct io_vec found = {0};
    if (path.len == 0 && !digest_is_zero(digest))
        TRY(io_of_digest(ledger, arena, digest, &found));
    while (path.len && found.len == 0) {
        TRY(io_of_path(ledger, arena, path, digest, &found));
        path = path_directory(path);
        if (str_is(path, "/"))
            break;
    }
    *ret = found.at;
    *ret_count = found.len;
    return NULL;
}

/* Recipe and result rows of a stage in a run that left it as it was: by the run's state. */
static FALLIBLE find_in_state(struct ledger *ledger, int64_t run_sequence, struct str stage,
                              struct digest *ret_key, struct digest *ret_result)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct run *run = NULL;
    struct state state = {0};
    bool found = false;
    TRY(ledger_load_run(ledger, &scratch, run_sequence, &run));
    TRY(ledger_load_state(ledger, &scratch, run->state, &state, &found));
    for (size_t i = 0; i < state.count; i++) {
        if (!str_equal(state.entries[i].stage, stage))
            continue;
        *ret_key = state.entries[i].key;
        *ret_result = state.entries[i].result;
    }
    return NULL;
}

static FALLIBLE io_of_content(struct ledger *ledger, struct arena *arena, int64_t run_sequence,
                              struct str stage, struct io_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct digest key = {{0}}, result = {{0}};
    TRY(find_in_state(ledger, run_sequence, stage, &key, &result));
    TRY(sql_select(ledger->sql, &row,
                   "SELECT run.sequence, run.id, ?2, 0, path, kind, executable, 0, input.digest,"
                   " size_bytes, kind = 'file', ?3, ?4 FROM input, run"
                   " WHERE input.recipe = (SELECT id FROM recipe WHERE key = ?3)"
                   " AND run.sequence = ?1 UNION ALL "
                   "SELECT run.sequence, run.id, ?2, 1, path, kind, executable, stored,"
                   " output.digest, size_bytes, file_count, ?3, ?4 FROM output, run"
                   " WHERE output.result = (SELECT id FROM result WHERE digest = ?4)"
                   " AND run.sequence = ?1 ORDER BY 4, 5",
                   "isdd", run_sequence, stage, key, result));
    return collect_io(row, arena, ret);
}

FALLIBLE ledger_stage_io(struct ledger *ledger, struct arena *arena, int64_t run_sequence,
                         struct str stage, struct ledger_io **ret, size_t *ret_count)
{
    struct io_vec found = {0};
    {
        AUTO(sql_row_drop) struct sql_row *row = NULL;
        TRY(sql_select(ledger->sql, &row,
                       IO_INPUT
                       " AND run.sequence = ?1 AND stage_run.stage = ?2 UNION ALL " IO_OUTPUT
                       " AND run.sequence = ?1 AND stage_run.stage = ?2"
                       " ORDER BY 4, 5",
                       "is", run_sequence, stage));
        TRY(collect_io(row, arena, &found));
    }
    if (found.len == 0)
        TRY(io_of_content(ledger, arena, run_sequence, stage, &found));
    *ret = found.at;
    *ret_count = found.len;
    return NULL;
}
