/* What the history still needs of the store. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"

#include "ledger_private.h"

struct keeper {
    struct ledger *ledger;
    struct map states; /* digests visited already, as bytes */
    struct arena *arena;
    FALLIBLE (*visit_result)(void *context, struct digest key, struct digest id, bool is_tagged);
    FALLIBLE (*visit_object)(void *context, struct digest object);
    void *context;
    bool is_tagged; /* the run at hand is, or goes on */
};

static FALLIBLE keep_state(struct keeper *keeper, struct digest digest)
{
    struct str name = {(const char *)digest.at, sizeof digest.at};
    if (digest_is_zero(digest) || map_has(&keeper->states, name))
        return NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct state state = {0};
    bool found = false;
    map_put(keeper->arena, &keeper->states, str_copy(keeper->arena, name), keeper);
    TRY(ledger_load_state(keeper->ledger, &scratch, digest, &state, &found));
    for (size_t i = 0; i < state.count; i++)
        if (!digest_is_zero(state.entries[i].result))
            TRY(keeper->visit_result(keeper->context, state.entries[i].key, state.entries[i].result,
                                     keeper->is_tagged));
    return NULL;
}

/* Also what is in no state: results that wait to be accepted, stages of a run that crashed. */
static FALLIBLE keep_stages(struct keeper *keeper, int64_t sequence)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(keeper->ledger->sql, &row,
                   "SELECT recipe.key, result.digest FROM stage_run"
                   " JOIN result ON result.id = stage_run.result"
                   " JOIN recipe ON recipe.id = result.recipe WHERE run = ?",
                   "i", sequence));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        TRY(keeper->visit_result(keeper->context, sql_digest(row, 0), sql_digest(row, 1),
                                 keeper->is_tagged));
    }
}

static FALLIBLE keep_run(struct keeper *keeper, struct sql_row *row)
{
    struct digest patch = sql_digest(row, 1);
    keeper->is_tagged = sql_int(row, 3) != 0;
    if (!digest_is_zero(patch))
        TRY(keeper->visit_object(keeper->context, patch));
    TRY(keep_state(keeper, sql_digest(row, 2)));
    return keep_stages(keeper, sql_int(row, 0));
}

/* The last runs are counted by their states: doing nothing twenty times drops no history. Trials
 * are not among them: a sweep of a thousand would leave no other; of each of the last sweeps the
 * best one counts instead. ?1 is the moment since which all runs are kept, ?2 the number of states,
 * and of sweeps. */
#define IS_KEPT                                                                                    \
    " status = 'running' OR started_ns >= ?1 OR sequence IN (SELECT run FROM tag)"                 \
    " OR sequence IN (SELECT max(sequence) FROM run WHERE status = 'succeeded' AND" IS_NO_TRIAL    \
    "   GROUP BY branch, pipeline)"                                                                \
    " OR (sequence >= (SELECT coalesce(min(newest), 9223372036854775807) FROM"                     \
    "   (SELECT max(sequence) AS newest FROM run WHERE" IS_NO_TRIAL                                \
    "    GROUP BY coalesce(state, -sequence) ORDER BY newest DESC LIMIT ?2)) AND" IS_NO_TRIAL ")"  \
    " OR id IN (SELECT run FROM (SELECT trial.run, row_number() OVER"                              \
    "    (PARTITION BY sweep ORDER BY score IS NULL,"                                              \
    "     CASE direction WHEN 'lower' THEN score ELSE -score END, number) AS place"                \
    "   FROM trial JOIN (SELECT id, direction FROM sweep ORDER BY id DESC LIMIT ?2) AS last"       \
    "    ON last.id = trial.sweep WHERE trial.status = 'succeeded' AND trial.run IS NOT NULL)"     \
    "  WHERE place = 1)"

FALLIBLE ledger_kept_runs(struct ledger *ledger, struct arena *arena, int64_t keep_runs,
                          int64_t since_ns, struct map *ret_ids)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row, "SELECT id FROM run WHERE" IS_KEPT, "ii", since_ns,
                   keep_runs));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        map_put(arena, ret_ids, str_copy(arena, sql_text(row, 0)), ledger);
    }
}

FALLIBLE ledger_keep(struct ledger *ledger, int64_t keep_runs, int64_t since_ns,
                     FALLIBLE (*visit_result)(void *context, struct digest key, struct digest id,
                                              bool is_tagged),
                     FALLIBLE (*visit_object)(void *context, struct digest object), void *context)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct keeper keeper = {ledger, {0}, &arena, visit_result, visit_object, context, false};
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT sequence, patch, (SELECT digest FROM state WHERE state.id = run.state),"
                   " (status = 'running' OR sequence IN (SELECT run FROM tag)) AS is_tagged"
                   " FROM run WHERE" IS_KEPT " ORDER BY is_tagged DESC, sequence DESC",
                   "ii", since_ns, keep_runs));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        TRY(keep_run(&keeper, row));
    }
}

FALLIBLE ledger_keep_sweeps(struct ledger *ledger, int64_t keep_runs, int64_t since_ns,
                            FALLIBLE (*visit)(void *context, struct digest snapshot,
                                              struct digest patch),
                            void *context)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT snapshot, patch FROM sweep WHERE status = 'open' OR created_ns >= ?1"
                   " OR id IN (SELECT id FROM sweep ORDER BY id DESC LIMIT ?2) OR id IN"
                   " (SELECT sweep FROM trial_run WHERE trial_run.run IN"
                   "  (SELECT sequence FROM run WHERE" IS_KEPT ")) ORDER BY id DESC",
                   "ii", since_ns, keep_runs));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        TRY(visit(context, sql_digest(row, 0), sql_digest(row, 1)));
    }
}

FALLIBLE ledger_uses(struct ledger *ledger,
                     FALLIBLE (*visit)(void *context, struct digest id, int64_t moment_ns),
                     void *context)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT result.digest, max(stage_run.started_ns) FROM stage_run"
                   " JOIN result ON result.id = stage_run.result GROUP BY result.id",
                   ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        TRY(visit(context, sql_digest(row, 0), sql_int(row, 1)));
    }
}

FALLIBLE ledger_outputs(struct ledger *ledger,
                        FALLIBLE (*visit)(void *context, const struct ledger_output *output),
                        void *context)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT output.path, output.digest, output.kind = 'tree', stage, made_by"
                   " FROM output JOIN result ON result.id = output.result"
                   " WHERE output.digest IS NOT NULL ORDER BY result.id DESC",
                   ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct ledger_output output = {.path = sql_text(row, 0),
                                       .digest = sql_digest(row, 1),
                                       .is_tree = sql_int(row, 2) != 0,
                                       .stage = sql_text(row, 3),
                                       .run = sql_text(row, 4)};
        TRY(visit(context, &output));
    }
}
