/* What is stored once and that no run knows any more when some are gone: states, the course of
 * metrics through them, results, recipes, environments. */
#include "mlops/base/arena.h"

#include <fcntl.h>
#include <unistd.h>

#include "ledger_private.h"

/* What the runs refer to, in temporary tables. */
static const char candidates[] =
    "CREATE TEMP TABLE IF NOT EXISTS going_state (id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE IF NOT EXISTS going_result (id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE IF NOT EXISTS going_recipe (id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE IF NOT EXISTS going_environment (id INTEGER PRIMARY KEY);"
    "DELETE FROM going_state; DELETE FROM going_result; DELETE FROM going_recipe;"
    "DELETE FROM going_environment;"
    "INSERT OR IGNORE INTO going_state SELECT state FROM run WHERE state IS NOT NULL"
    "  AND sequence IN (SELECT run FROM going_run);"
    "INSERT OR IGNORE INTO going_result SELECT result FROM stage_run WHERE result IS NOT NULL"
    "  AND run IN (SELECT run FROM going_run);"
    "INSERT OR IGNORE INTO going_result SELECT result FROM judgement WHERE result IS NOT NULL"
    "  AND run IN (SELECT run FROM going_run);"
    "INSERT OR IGNORE INTO going_recipe SELECT recipe FROM stage_run WHERE recipe IS NOT NULL"
    "  AND run IN (SELECT run FROM going_run);"
    "INSERT OR IGNORE INTO going_environment SELECT environment FROM stage_run"
    "  WHERE environment IS NOT NULL AND run IN (SELECT run FROM going_run)";

struct id_pair {
    int64_t id, other;
};
VEC(id_pair_vec, struct id_pair);

static FALLIBLE collect(struct sql_row *row, struct arena *arena, struct id_pair_vec *ret)
{
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        *vec_push(arena, ret) = (struct id_pair){sql_int(row, 0), sql_int(row, 1)};
    }
}

/* A state that another run left, too, stays; its files in the cache must name it. */
static FALLIBLE keep_file_of(struct ledger *ledger, int64_t state, bool has_changed)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct id_pair_vec runs = {0};
    bool is_filed = false;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT sequence, 0 FROM run WHERE state = ? ORDER BY sequence", "i", state));
    TRY(collect(row, &scratch, &runs));
    vec_each (const struct id_pair, run, &runs) {
        struct run *loaded = NULL;
        TRY(ledger_load_runs(ledger, &scratch, &run->id, 1, &loaded));
        const char *path = ledger_archive_path(ledger, &scratch, loaded->id).at;
        bool has_file = faccessat(fd_number(ledger->workspace->cache_fd), path, F_OK, 0) == 0;
        if (has_file && has_changed)
            ledger_archive_run(ledger, run->id);
        is_filed = is_filed || has_file;
    }
    if (!is_filed && runs.len)
        ledger_archive_run(ledger, runs.at[0].id);
    return NULL;
}

static FALLIBLE spare_states(struct ledger *ledger)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct id_pair_vec states = {0};
    TRY(sql_select(ledger->sql, &row,
                   "SELECT id, 0 FROM going_state WHERE id IN (SELECT state FROM run)", ""));
    TRY(collect(row, &scratch, &states));
    TRY(sql_script(ledger->sql, "DELETE FROM going_state WHERE id IN (SELECT state FROM run)"));
    vec_each (const struct id_pair, state, &states)
        if (ledger_has_archive(ledger))
            TRY(keep_file_of(ledger, state->id, false));
    return NULL;
}

static FALLIBLE free_from_bases(struct ledger *ledger)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct id_pair_vec states = {0};
    TRY(sql_select(ledger->sql, &row,
                   "SELECT id, base FROM state WHERE base IN (SELECT id FROM going_state)"
                   " AND id NOT IN (SELECT id FROM going_state)",
                   ""));
    TRY(collect(row, &scratch, &states));
    vec_each (const struct id_pair, state, &states) {
        TRY(ledger_make_whole(ledger, state->id));
        if (ledger_has_archive(ledger))
            TRY(keep_file_of(ledger, state->id, true));
    }
    return NULL;
}

/* Values hold until the next row: those of a state that goes move on to the one behind it. */
static FALLIBLE take_out_of_lane(struct ledger *ledger, struct str pipeline, int64_t state)
{
    TRY(sql_run(ledger->sql,
                "UPDATE OR IGNORE course SET state = (SELECT min(state) FROM lane"
                "  WHERE pipeline = ?1 AND state > ?2)"
                " WHERE state = ?2 AND quantity IN (SELECT id FROM quantity WHERE pipeline = ?1)"
                " AND EXISTS (SELECT 1 FROM lane WHERE pipeline = ?1 AND state > ?2)",
                "si", pipeline, state));
    TRY(sql_run(ledger->sql,
                "DELETE FROM course WHERE state = ?2"
                " AND quantity IN (SELECT id FROM quantity WHERE pipeline = ?1)",
                "si", pipeline, state));
    return sql_run(ledger->sql, "DELETE FROM lane WHERE pipeline = ? AND state = ?", "si", pipeline,
                   state);
}

struct place {
    struct str pipeline;
    int64_t state;
};
VEC(place_vec, struct place);

static FALLIBLE remove_courses(struct ledger *ledger)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct place_vec places = {0};
    TRY(sql_select(ledger->sql, &row,
                   "SELECT pipeline, state FROM lane WHERE state IN (SELECT id FROM going_state)"
                   " ORDER BY state",
                   ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            break;
        *vec_push(&scratch, &places) =
            (struct place){str_copy(&scratch, sql_text(row, 0)), sql_int(row, 1)};
    }
    vec_each (const struct place, place, &places)
        TRY(take_out_of_lane(ledger, place->pipeline, place->state));
    return sql_script(ledger->sql, "DELETE FROM quantity WHERE NOT EXISTS"
                                   " (SELECT 1 FROM course WHERE course.quantity = quantity.id)");
}

/* Keys and results that may go, by the bytes of their digests; NULL: some state names it. */
struct naming {
    struct arena *arena;
    struct map wanted;
};

static struct str bytes_of(const struct digest *digest)
{
    return (struct str){(const char *)digest->at, sizeof digest->at};
}

static void note_named(void *context, struct digest digest)
{
    struct naming *naming = context;
    if (map_has(&naming->wanted, bytes_of(&digest)))
        map_put(naming->arena, &naming->wanted, bytes_of(&digest), NULL); /* the key is there */
}

struct collecting {
    struct ledger *ledger;
    struct error *error;
};

static void note_result(void *context, struct digest digest)
{
    struct collecting *collecting = context;
    if (!collecting->error)
        collecting->error = sql_run(collecting->ledger->sql,
                                    "INSERT OR IGNORE INTO going_result"
                                    " SELECT id FROM result WHERE digest = ?",
                                    "d", digest);
    if (!collecting->error)
        collecting->error = sql_run(collecting->ledger->sql,
                                    "INSERT OR IGNORE INTO going_recipe"
                                    " SELECT id FROM recipe WHERE key = ?",
                                    "d", digest);
}

static FALLIBLE each_body(struct ledger *ledger, const char *text,
                          void (*visit)(void *context, struct digest digest), void *context)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, text, ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        TRY(ledger_state_names(sql_blob(row, 0), visit, context));
    }
}

static FALLIBLE note_candidates(struct ledger *ledger, struct naming *naming)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT digest FROM result WHERE id IN (SELECT id FROM going_result)"
                   " UNION ALL SELECT key FROM recipe WHERE id IN (SELECT id FROM going_recipe)",
                   ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct digest digest = sql_digest(row, 0);
        map_put(naming->arena, &naming->wanted, str_copy(naming->arena, bytes_of(&digest)), naming);
    }
}

/* A result that a state names is known to its run, although it was made by another. */
static FALLIBLE spare_named(struct ledger *ledger)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct naming naming = {.arena = &arena};
    TRY(sql_script(ledger->sql, "INSERT OR IGNORE INTO going_recipe SELECT recipe FROM result"
                                "  WHERE id IN (SELECT id FROM going_result)"));
    TRY(note_candidates(ledger, &naming));
    TRY(each_body(ledger, "SELECT body FROM state WHERE id NOT IN (SELECT id FROM going_state)",
                  note_named, &naming));
    map_each (item, &naming.wanted) {
        struct digest digest;
        if (item->value)
            continue;
        memcpy(digest.at, item->key.at, sizeof digest.at);
        TRY(sql_run(ledger->sql,
                    "DELETE FROM going_result WHERE id = (SELECT id FROM result WHERE digest = ?)",
                    "d", digest));
        TRY(sql_run(ledger->sql,
                    "DELETE FROM going_recipe WHERE id = (SELECT id FROM recipe WHERE key = ?)",
                    "d", digest));
    }
    return NULL;
}

static const char remove_orphans[] =
    "DELETE FROM going_result WHERE id IN (SELECT result FROM stage_run)"
    "  OR id IN (SELECT result FROM judgement);"
    "DELETE FROM metric WHERE result IN (SELECT id FROM going_result);"
    "DELETE FROM output WHERE result IN (SELECT id FROM going_result);"
    "DELETE FROM result WHERE id IN (SELECT id FROM going_result);"
    "DELETE FROM going_recipe WHERE id IN (SELECT recipe FROM result)"
    "  OR id IN (SELECT recipe FROM stage_run);"
    "DELETE FROM input WHERE recipe IN (SELECT id FROM going_recipe);"
    "DELETE FROM param WHERE recipe IN (SELECT id FROM going_recipe);"
    "DELETE FROM recipe WHERE id IN (SELECT id FROM going_recipe);"
    "DELETE FROM environment WHERE id IN (SELECT id FROM going_environment)"
    "  AND NOT EXISTS (SELECT 1 FROM stage_run WHERE stage_run.environment = environment.id)";

/* Later ones first: each may be the base of one behind it. */
static FALLIBLE remove_states(struct ledger *ledger)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct id_pair_vec states = {0};
    TRY(sql_select(ledger->sql, &row, "SELECT id, 0 FROM going_state ORDER BY id DESC", ""));
    TRY(collect(row, &scratch, &states));
    vec_each (const struct id_pair, state, &states)
        TRY(sql_run(ledger->sql, "DELETE FROM state WHERE id = ?", "i", state->id));
    return NULL;
}

FALLIBLE ledger_remove_content(struct ledger *ledger, FALLIBLE (*remove)(struct ledger *ledger))
{
    struct collecting collecting = {.ledger = ledger};
    TRY(sql_script(ledger->sql, candidates));
    TRY(remove(ledger));
    TRY(spare_states(ledger));
    TRY(free_from_bases(ledger));
    TRY(each_body(ledger, "SELECT body FROM state WHERE id IN (SELECT id FROM going_state)",
                  note_result, &collecting));
    TRY(collecting.error);
    TRY(remove_courses(ledger));
    TRY(spare_named(ledger));
    TRY(remove_states(ledger));
    return sql_script(ledger->sql, remove_orphans);
}
