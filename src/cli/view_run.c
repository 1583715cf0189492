/* A recorded run as one side of a comparison. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/model/name.h"
#include "mlops/store/ledger.h"
#include "mlops/store/workspace.h"

#include "view_private.h"

/* The decoded form of each environment, by where the ledger keeps its bytes. */
FALLIBLE view_environment(struct arena *arena, struct map *known, struct str bytes,
                          const struct environment **ret)
{
    if (!bytes.len)
        return NULL;
    struct str name = {arena_copy(arena, &bytes.at, sizeof bytes.at), sizeof bytes.at};
    struct environment *environment = map_get(known, name);
    if (!environment) {
        environment = arena_new(arena, struct environment);
        TRY(environment_decode(arena, bytes, environment));
        map_put(arena, known, name, environment);
    }
    *ret = environment;
    return NULL;
}

FALLIBLE view_load_templates(struct context *context, struct ledger *ledger, struct run_view *view)
{
    struct arena *arena = context->arena;
    size_t count = view->stage_count;
    struct digest *keys = arena_new_array(arena, struct digest, count);
    const struct recipe **recipes = arena_new_array(arena, const struct recipe *, count);
    struct recipe_param_vec *values = arena_new_array(arena, struct recipe_param_vec, count);
    for (size_t i = 0; i < count; i++) {
        keys[i] = view->stages[i].key;
        recipes[i] = view->stages[i].recipe;
    }
    TRY(ledger_load_templates(ledger, arena, keys, recipes, count, values));
    for (size_t i = 0; i < count; i++)
        view->stages[i].templates = values[i];
    return NULL;
}

FALLIBLE view_load_makings(struct context *context, struct ledger *ledger,
                           const struct digest *results, struct run_view *view)
{
    struct arena *arena = context->arena;
    struct map known = {0};
    struct ledger_made *made = arena_new_array(arena, struct ledger_made, view->stage_count);
    TRY(ledger_makings(ledger, results, view->stage_count, made));
    for (size_t i = 0; i < view->stage_count; i++) {
        view->stages[i].usage = made[i].usage;
        TRY(view_environment(arena, &known, made[i].environment, &view->stages[i].environment));
    }
    return NULL;
}

static bool is_made(const struct run_view_stage *stage, const struct result *result)
{
    if (!result || !digest_equal(result->key, stage->key) || result->out_count != stage->out_count)
        return false;
    for (size_t i = 0; i < result->out_count; i++)
        for (size_t j = 0; j < stage->out_count; j++)
            if (str_equal(result->outs[i].path, stage->outs[j].path) &&
                !artifact_equal(&result->outs[i], &stage->outs[j]))
                return false;
    return true;
}

/* Results of a state by the stages of a view; both are sorted by name. */
static void match_results(const struct run_view *view, const struct state *state,
                          struct digest *ret)
{
    size_t at = 0;
    for (size_t i = 0; i < view->stage_count; i++) {
        struct str stage = view->stages[i].stage;
        while (at < state->count && str_compare(state->entries[at].stage, stage) < 0)
            at++;
        bool is_it = at < state->count && str_equal(state->entries[at].stage, stage) &&
                     digest_equal(state->entries[at].key, view->stages[i].key);
        ret[i] = is_it ? state->entries[at].result : (struct digest){{0}};
    }
}

FALLIBLE view_add_makings(struct context *context, struct str pipeline, struct run_view *view)
{
    struct arena *arena = context->arena;
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct run *runs = NULL;
    size_t count = 0;
    struct state state = {0};
    const struct ledger_filter newest = {.limit = 1, .pipeline = pipeline};
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) < 0)
        return NULL;
    TRY(context_ledger(context, &ledger));
    TRY(ledger_list_runs(ledger, arena, &newest, &runs, &count));
    if (!count)
        return NULL;
    TRY(view_load_state(context, ledger, runs, &state));
    struct digest *ids = arena_new_array(arena, struct digest, view->stage_count);
    struct result **results = arena_new_array(arena, struct result *, view->stage_count);
    match_results(view, &state, ids);
    TRY(ledger_load_results(ledger, arena, ids, view->stage_count, results));
    for (size_t i = 0; i < view->stage_count; i++)
        if (!is_made(&view->stages[i], results[i]))
            ids[i] = (struct digest){{0}};
    return view_load_makings(context, ledger, ids, view);
}

/* The stages of a run that ended have a state; one that crashed only has what it recorded. */
FALLIBLE view_load_state(struct context *context, struct ledger *ledger, const struct run *run,
                         struct state *ret)
{
    bool is_found = false;
    if (!digest_is_zero(run->state))
        TRY(ledger_load_state(ledger, context->arena, run->state, ret, &is_found));
    if (is_found)
        return NULL;
    ret->entries = arena_new_array(context->arena, struct state_entry, run->stages.len);
    ret->count = run->stages.len;
    for (size_t i = 0; i < run->stages.len; i++) {
        const struct run_stage *stage = &run->stages.at[i];
        ret->entries[i] = (struct state_entry){stage->stage, stage->key, stage->result};
    }
    return NULL;
}

/* What the ledger knows by key and result. */
static FALLIBLE load_stages(struct context *context, struct ledger *ledger,
                            const struct state *state, struct run_view *view)
{
    struct arena *arena = context->arena;
    size_t count = state->count;
    struct digest *keys = arena_new_array(arena, struct digest, count);
    struct digest *ids = arena_new_array(arena, struct digest, count);
    struct recipe **recipes = arena_new_array(arena, struct recipe *, count);
    struct result **results = arena_new_array(arena, struct result *, count);
    for (size_t i = 0; i < count; i++) {
        keys[i] = view->stages[i].key;
        ids[i] = state->entries[i].result;
    }
    TRY(ledger_load_recipes(ledger, arena, keys, count, recipes));
    TRY(ledger_load_results(ledger, arena, ids, count, results));
    for (size_t i = 0; i < count; i++) {
        struct run_view_stage *stage = &view->stages[i];
        stage->recipe = recipes[i];
        stage->duration_ns = results[i] ? results[i]->duration_ns : -1;
        stage->outs = results[i] ? results[i]->outs : NULL;
        stage->out_count = results[i] ? results[i]->out_count : 0;
        stage->metrics = results[i] ? results[i]->metrics : stage->metrics;
    }
    TRY(view_load_templates(context, ledger, view));
    return view_load_makings(context, ledger, ids, view);
}

/* A stage that made nothing is what the run tried; what lies there is of before. */
static bool is_tried(const struct run_stage *recorded)
{
    return recorded && !digest_is_zero(recorded->key) && stage_made_nothing(recorded->status);
}

FALLIBLE view_of_run(struct context *context, struct run *run, struct run_view *ret)
{
    struct ledger *ledger = NULL;
    struct state state = {0};
    struct map status = {0};
    TRY(context_ledger(context, &ledger));
    TRY(view_load_state(context, ledger, run, &state));
    for (size_t i = 0; i < run->stages.len; i++)
        map_put(context->arena, &status, run->stages.at[i].stage, &run->stages.at[i]);
    struct run_view view = {
        .title = str_print(context->arena, "run %.*s", STR_FMT(ulid_short(run->id))),
        .run = run,
        .code = run->code,
        .stages = arena_new_array(context->arena, struct run_view_stage, state.count),
        .stage_count = state.count,
    };
    for (size_t i = 0; i < state.count; i++) {
        const struct run_stage *recorded = map_get(&status, state.entries[i].stage);
        struct run_view_stage *stage = &view.stages[i];
        stage->stage = state.entries[i].stage;
        stage->key = is_tried(recorded) ? recorded->key : state.entries[i].key;
        stage->status = recorded ? recorded->status : STATUS_UNCHANGED;
    }
    TRY(load_stages(context, ledger, &state, &view));
    view_sort_stages(&view);
    *ret = view;
    return NULL;
}
