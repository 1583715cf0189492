#include "mlops/base/arena.h"

#include "ledger_private.h"

static FALLIBLE put_inputs(struct ledger *ledger, int64_t id, const struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->dep_count; i++) {
        const struct recipe_dep *dep = &recipe->deps[i];
        TRY(sql_run(ledger->sql,
                    "INSERT INTO input (recipe, path, kind, executable, digest, size_bytes)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    "issidi", id, dep->path, str_of(artifact_kind_name(dep->kind)),
                    (int64_t)dep->is_executable, dep->digest, dep->size_bytes));
    }
    return NULL;
}

static FALLIBLE put_params(struct ledger *ledger, int64_t id, const struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->param_count; i++) {
        const struct recipe_param *param = &recipe->params[i];
        struct str text = param->encoded.len ? ledger_required(param->shown) : (struct str){0};
        TRY(sql_run(ledger->sql, "INSERT INTO param (recipe, file, key, text) VALUES (?, ?, ?, ?)",
                    "isss", id, param->file, ledger_required(param->key), text));
    }
    return NULL;
}

FALLIBLE ledger_put_recipe(struct ledger *ledger, struct digest key, struct str body,
                           const struct recipe *recipe, int64_t *ret_id)
{
    TRY(sql_run(ledger->sql,
                "INSERT INTO recipe (key, body) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", "db",
                key, body));
    if (sql_changes(ledger->sql) == 0)
        return ledger_find_id(ledger, "SELECT id FROM recipe WHERE key = ?", key, ret_id);
    int64_t id = sql_last_id(ledger->sql);
    TRY(put_inputs(ledger, id, recipe));
    TRY(put_params(ledger, id, recipe));
    *ret_id = id;
    return NULL;
}

static FALLIBLE put_outputs(struct ledger *ledger, int64_t id, const struct result *result)
{
    for (size_t i = 0; i < result->out_count; i++) {
        const struct artifact *out = &result->outs[i];
        TRY(sql_run(ledger->sql,
                    "INSERT INTO output (result, path, kind, executable, stored, digest,"
                    " size_bytes, file_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT DO NOTHING",
                    "issiidii", id, out->path, str_of(artifact_kind_name(out->kind)),
                    (int64_t)out->is_executable, (int64_t)out->is_stored, out->digest,
                    out->size_bytes, out->file_count));
    }
    return NULL;
}

/* A file may hold both "a.b" and "b" inside "a": the first counts. */
static FALLIBLE put_metrics(struct ledger *ledger, int64_t id, const struct result *result)
{
    vec_each (const struct metric, metric, &result->metrics) {
        TRY(sql_run(ledger->sql,
                    "INSERT INTO metric (result, file, key, text, value) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT DO NOTHING",
                    "isssr", id, metric->file, ledger_required(metric->key),
                    ledger_required(metric->text), metric->value));
    }
    return NULL;
}

static FALLIBLE insert_result(struct ledger *ledger, struct digest digest,
                              const struct result *result, int64_t recipe_id, int64_t *ret_id)
{
    AUTO(buf_drop) struct buf body = {0};
    result_encode(result, &body);
    TRY(sql_run(ledger->sql,
                "INSERT INTO result (digest, recipe, stage, made_by, created_ns, duration_ns,"
                " rejected, model, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                "dissiiisb", digest, recipe_id, result->stage, ledger_required(result->run),
                result->created_ns, result->duration_ns, (int64_t)result->is_rejected,
                ledger_optional(result->model), buf_str(&body)));
    *ret_id = sql_last_id(ledger->sql);
    TRY(put_outputs(ledger, *ret_id, result));
    return put_metrics(ledger, *ret_id, result);
}

FALLIBLE ledger_put_result(struct ledger *ledger, struct digest digest, const struct result *result,
                           const struct recipe *recipe, int64_t *ret_id)
{
    int64_t id = 0, recipe_id = 0;
    TRY(ledger_find_id(ledger, "SELECT id FROM result WHERE digest = ?", digest, &id));
    if (id == 0) {
        TRY(ledger_put_recipe(ledger, result->key, result->recipe, recipe, &recipe_id));
        TRY(insert_result(ledger, digest, result, recipe_id, &id));
    }
    *ret_id = id;
    return NULL;
}

static FALLIBLE put_environment(struct ledger *ledger, struct str body, int64_t *ret_id)
{
    *ret_id = 0;
    if (body.len == 0)
        return NULL;
    struct digest digest = digest_of(body.at, body.len);
    TRY(sql_run(ledger->sql,
                "INSERT INTO environment (digest, body) VALUES (?, ?) ON CONFLICT DO NOTHING", "db",
                digest, body));
    return ledger_find_id(ledger, "SELECT id FROM environment WHERE digest = ?", digest, ret_id);
}

/* Values of templates are parameters to whoever looks for runs; they are not in the recipe's body.
 */
static FALLIBLE put_templates(struct ledger *ledger, int64_t id, const struct stage *stage)
{
    AUTO(arena_drop) struct arena scratch = {0};
    if (!id || !stage->tracked.len)
        return NULL;
    const struct recipe_param_vec values = recipe_tracked(&scratch, stage);
    vec_each (const struct recipe_param, value, &values)
        TRY(sql_run(ledger->sql,
                    "INSERT INTO param (recipe, file, key, text) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT DO NOTHING",
                    "isss", id, value->file, ledger_required(value->key),
                    ledger_required(value->shown)));
    return NULL;
}

/* Rows that a stage run refers to; 0: none. */
struct content {
    int64_t recipe, result, environment;
};

static FALLIBLE put_outcome_recipe(struct ledger *ledger, const struct outcome *outcome,
                                   const struct recipe *recipe, int64_t *ret_id)
{
    AUTO(buf_drop) struct buf body = {0};
    TRY(ledger_find_id(ledger, "SELECT id FROM recipe WHERE key = ?", outcome->key, ret_id));
    if (*ret_id || !recipe)
        return NULL;
    recipe_encode(recipe, &body);
    return ledger_put_recipe(ledger, digest_of(body.at, body.len), buf_str(&body), recipe, ret_id);
}

static FALLIBLE put_content(struct ledger *ledger, const struct outcome *outcome,
                            struct content *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    /* A result that is only known from a lock file has no recipe in it: it is no result of ours. */
    const struct result *value =
        outcome->value && outcome->value->recipe.len ? outcome->value : NULL;
    const struct recipe *recipe = outcome->recipe;
    struct recipe decoded = {0};
    *ret = (struct content){0};
    if (!recipe && value) {
        TRY(recipe_decode(&scratch, value->recipe, &decoded));
        recipe = &decoded;
    }
    if (!digest_is_zero(outcome->key))
        TRY(put_outcome_recipe(ledger, outcome, recipe, &ret->recipe));
    if (value && !digest_is_zero(outcome->result))
        TRY(ledger_put_result(ledger, outcome->result, value, recipe, &ret->result));
    else if (!digest_is_zero(outcome->result))
        TRY(ledger_find_id(ledger, "SELECT id FROM result WHERE digest = ?", outcome->result,
                           &ret->result));
    TRY(put_templates(ledger, ret->recipe, outcome->stage));
    return put_environment(ledger, outcome->environment, &ret->environment);
}

static FALLIBLE insert_stage_run(struct ledger *ledger, int64_t sequence,
                                 const struct outcome *outcome, const struct content *content)
{
    const struct usage *usage = &outcome->usage;
    return sql_run(ledger->sql,
                   "INSERT INTO stage_run (run, stage, status, recipe, result, attempt, attempts,"
                   " exit_code, exit_signal, timed_out, started_ns, duration_ns, cpu_user_ns,"
                   " cpu_system_ns, peak_bytes, saved_ns, note, log_path, log_bytes, environment)"
                   " VALUES (?, ?, ?, nullif(?, 0), nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                   " ?, ?, ?, nullif(?, 0))",
                   "issiisiiiiiiiiiissii", sequence, outcome->stage->name,
                   str_of(stage_status_name(outcome->status)), content->recipe, content->result,
                   ledger_optional(outcome->attempt), (int64_t)usage->attempts,
                   (int64_t)usage->exit_code, (int64_t)usage->exit_signal,
                   (int64_t)usage->timed_out, usage->started_ns, usage->duration_ns,
                   usage->cpu_user_ns, usage->cpu_system_ns, usage->peak_bytes, outcome->saved_ns,
                   ledger_optional(outcome->blocker), ledger_optional(outcome->log_path),
                   outcome->log_bytes, content->environment);
}

static FALLIBLE put_reasons(struct ledger *ledger, int64_t id, const struct reason_vec *reasons)
{
    for (size_t i = 0; i < reasons->len; i++) {
        const struct reason *reason = &reasons->at[i];
        TRY(sql_run(ledger->sql,
                    "INSERT INTO reason (stage_run, number, part, what, before, after)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    "iissss", id, (int64_t)i, str_of(reason_part_name(reason->part)),
                    ledger_required(reason->what), ledger_required(reason->before),
                    ledger_required(reason->after)));
    }
    return NULL;
}

/* Stages that a run left as they were have no row of their own: the state names their results. */
static bool has_row(enum stage_status status)
{
    switch (status) {
    case STATUS_RESTORED:
    case STATUS_EXECUTED:
    case STATUS_FAILED:
    case STATUS_REJECTED:
    case STATUS_UNCONFIRMED:
    case STATUS_SKIPPED:
    case STATUS_INTERRUPTED:
        return true;
    case STATUS_WAITING:
    case STATUS_UNCHANGED:
    case STATUS_UNKNOWN:
    case STATUS_WOULD_RUN:
    case STATUS_WOULD_RESTORE:
        return false;
    }
    return false;
}

FALLIBLE ledger_put_outcome(struct ledger *ledger, int64_t sequence, const struct outcome *outcome)
{
    struct content content;
    TRY(put_content(ledger, outcome, &content));
    if (outcome->checks)
        TRY(ledger_put_checks(ledger, sequence, content.result, outcome->checks));
    if (!has_row(outcome->status))
        return NULL;
    TRY(insert_stage_run(ledger, sequence, outcome, &content));
    int64_t id = sql_last_id(ledger->sql);
    TRY(put_reasons(ledger, id, &outcome->reasons));
    if (outcome->log_text.len == 0)
        return NULL;
    return sql_run(ledger->sql, "INSERT INTO log (stage_run, text) VALUES (?, ?)", "ib", id,
                   outcome->log_text);
}
