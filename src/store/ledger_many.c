/* What many digests name, in one pass: a query for each would take most of the time. */
#include "mlops/base/arena.h"

#include "ledger_private.h"

/* Numbers from 0 below ?2, and the digest of each out of the blob ?1. */
#define WITH_NUMBERS                                                                               \
    "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2) "
#define DIGEST_OF_NUMBER "substr(?1, n.i * 32 + 1, 32)"

static FALLIBLE select_many(struct ledger *ledger, const char *text, const struct digest *digests,
                            size_t count, struct sql_row **ret)
{
    struct str all = {(const char *)digests, count * sizeof *digests};
    return sql_select(ledger->sql, ret, text, "bi", all, (int64_t)count);
}

FALLIBLE ledger_load_recipes(struct ledger *ledger, struct arena *arena, const struct digest *keys,
                             size_t count, struct recipe **ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = count > 0;
    if (found)
        TRY(select_many(ledger,
                        WITH_NUMBERS "SELECT n.i, recipe.body FROM n CROSS JOIN recipe"
                                     " ON recipe.key = " DIGEST_OF_NUMBER,
                        keys, count, &row));
    while (found) {
        TRY(sql_next(row, &found));
        if (!found)
            break;
        struct recipe *recipe = arena_new(arena, struct recipe);
        TRY(recipe_decode(arena, str_copy(arena, sql_blob(row, 1)), recipe));
        ret[sql_int(row, 0)] = recipe;
    }
    return NULL;
}

static bool names_param(const struct recipe *recipe, struct str file, struct str key)
{
    for (size_t i = 0; recipe && i < recipe->param_count; i++)
        if (str_equal(recipe->params[i].file, file) && str_equal(recipe->params[i].key, key))
            return true;
    return false;
}

FALLIBLE ledger_load_templates(struct ledger *ledger, struct arena *arena,
                               const struct digest *keys, const struct recipe *const *recipes,
                               size_t count, struct recipe_param_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = count > 0;
    if (found)
        TRY(select_many(ledger,
                        WITH_NUMBERS "SELECT n.i, param.file, param.key, param.text FROM n"
                                     " CROSS JOIN recipe ON recipe.key = " DIGEST_OF_NUMBER
                                     " CROSS JOIN param ON param.recipe = recipe.id"
                                     " AND param.text IS NOT NULL ORDER BY 1, 2, 3",
                        keys, count, &row));
    while (found) {
        TRY(sql_next(row, &found));
        if (!found)
            break;
        int64_t at = sql_int(row, 0);
        struct str file = sql_text(row, 1), key = sql_text(row, 2);
        if (!names_param(recipes[at], file, key))
            *vec_push(arena, &ret[at]) =
                recipe_param_of_text(arena, str_copy(arena, file), str_copy(arena, key),
                                     str_copy(arena, sql_text(row, 3)));
    }
    return NULL;
}

FALLIBLE ledger_load_results(struct ledger *ledger, struct arena *arena, const struct digest *ids,
                             size_t count, struct result **ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = count > 0;
    if (found)
        TRY(select_many(ledger,
                        WITH_NUMBERS "SELECT n.i, result.body FROM n CROSS JOIN result"
                                     " ON result.digest = " DIGEST_OF_NUMBER,
                        ids, count, &row));
    while (found) {
        TRY(sql_next(row, &found));
        if (!found)
            break;
        struct result *result = arena_new(arena, struct result);
        TRY(result_decode(arena, str_copy(arena, sql_blob(row, 1)), result));
        ret[sql_int(row, 0)] = result;
    }
    return NULL;
}

FALLIBLE ledger_makings(struct ledger *ledger, const struct digest *ids, size_t count,
                        struct ledger_made *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = count > 0;
    if (found)
        TRY(select_many(
            ledger,
            WITH_NUMBERS
            "SELECT n.i, made.attempts, made.exit_code, made.exit_signal, made.timed_out,"
            " made.started_ns, made.duration_ns, made.cpu_user_ns, made.cpu_system_ns,"
            " made.peak_bytes, made.environment FROM n"
            " CROSS JOIN result ON result.digest = " DIGEST_OF_NUMBER
            " CROSS JOIN stage_run AS made ON made.id = (SELECT max(id) FROM stage_run"
            " WHERE stage_run.result = result.id"
            " AND stage_run.status IN ('executed', 'rejected', 'unconfirmed'))",
            ids, count, &row));
    while (found) {
        TRY(sql_next(row, &found));
        if (!found)
            break;
        struct ledger_made *made = &ret[sql_int(row, 0)];
        ledger_read_usage(row, 1, &made->usage);
        if (!sql_is_null(row, 10))
            TRY(ledger_load_environment(ledger, sql_int(row, 10), &made->environment));
    }
    return NULL;
}
