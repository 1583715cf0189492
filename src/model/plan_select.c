/* Which stages a run of some targets visits. */
#include "mlops/base/arena.h"

#include "pipeline_private.h"
#include "plan_private.h"

struct selection {
    struct plan *plan;
    uint32_t *queue;
    size_t len;
};

static void select_stage(struct selection *selection, uint32_t stage)
{
    struct plan_stage *selected = &selection->plan->stages[stage];
    if (selected->is_selected)
        return;
    selected->is_selected = true;
    selection->plan->selected_count++;
    selection->queue[selection->len++] = stage;
}

static struct error *tell_no_target(struct arena *arena, const struct plan *plan, struct str target)
{
    const char *nearest = pipeline_nearest_stage(arena, plan->pipeline, target);
    struct error *error = error_new(ERROR_USAGE, "'%.*s' is no stage and no output of %.*s",
                                    STR_FMT(target), STR_FMT(plan->pipeline->path));
    return nearest ? error_hint(error, "did you mean '%s'?", nearest) : error;
}

static bool select_below(struct selection *selection, struct str dir)
{
    if (!map_has(&selection->plan->pipeline->holders, dir))
        return false;
    map_each (entry, &selection->plan->pipeline->makers) {
        const struct maker *maker = entry->value;
        if (path_is_within(entry->key, dir))
            select_stage(selection, (uint32_t)maker->stage->index);
    }
    return true;
}

static struct error *select_target(struct arena *arena, struct selection *selection,
                                   struct str target)
{
    const struct stage *stage = map_get(&selection->plan->pipeline->by_name, target);
    struct str path = target;
    if (!stage && target.len && path_resolve(arena, STR(""), target, &path))
        stage = plan_producer(selection->plan, path);
    if (stage)
        select_stage(selection, (uint32_t)stage->index);
    else if (!target.len || !select_below(selection, path))
        return tell_no_target(arena, selection->plan, target);
    return NULL;
}

static void select_needs(struct selection *selection)
{
    for (size_t i = 0; i < selection->len; i++) {
        const struct plan_stage *stage = &selection->plan->stages[selection->queue[i]];
        for (size_t j = 0; j < stage->need_count; j++)
            select_stage(selection, stage->needs[j].stage);
    }
}

/* What only comes after a stage does not use it. */
static void select_users(struct selection *selection)
{
    for (size_t i = 0; i < selection->len; i++) {
        const struct plan_stage *stage = &selection->plan->stages[selection->queue[i]];
        for (size_t j = 0; j < stage->user_count; j++) {
            if (stage->users[j].edge != PLAN_AFTER)
                select_stage(selection, stage->users[j].stage);
        }
    }
}

struct error *plan_select(struct arena *arena, const struct plan_options *options,
                          struct plan *plan)
{
    size_t count = plan->pipeline->stages.len;
    struct selection selection = {.plan = plan, .queue = arena_new_array(arena, uint32_t, count)};
    for (size_t i = 0; i < options->target_count; i++)
        TRY(select_target(arena, &selection, options->targets[i]));
    for (uint32_t i = 0; options->target_count == 0 && i < count; i++)
        select_stage(&selection, i);
    if (options->downstream)
        select_users(&selection);
    else if (!options->only_targets)
        select_needs(&selection);
    return NULL;
}
