/* Which stages a run of some targets visits. */
#include "mlops/base/arena.h"

#include "plan_private.h"

static void select_needs(struct selection *selection)
{
    for (size_t i = 0; i < selection->len; i++) {
        const struct plan_stage *stage = &selection->plan->stages[selection->queue[i]];
        for (size_t j = 0; j < stage->need_count; j++)
            plan_select_stage(selection, stage->needs[j].stage);
    }
}

/* What only comes after a stage does not use it. */
static void select_users(struct selection *selection)
{
    for (size_t i = 0; i < selection->len; i++) {
        const struct plan_stage *stage = &selection->plan->stages[selection->queue[i]];
        for (size_t j = 0; j < stage->user_count; j++) {
            if (stage->users[j].edge != PLAN_AFTER)
                plan_select_stage(selection, stage->users[j].stage);
        }
    }
}

/* A stage that is selected and read what `.dvc` files track brings all that read the same. */
static bool select_by_pointers(struct selection *selection, const struct pointer_link_vec *links,
                               bool *reached)
{
    size_t before = selection->len;
    vec_each (const struct plan_pointer_link, link, links)
        reached[link->pointer] |= selection->plan->stages[link->stage].is_selected;
    vec_each (const struct plan_pointer_link, link, links) {
        if (reached[link->pointer])
            plan_select_stage(selection, link->stage);
    }
    return selection->len > before;
}

static void select_connected(struct selection *selection)
{
    const struct pipeline *pipeline = selection->plan->pipeline;
    struct pointer_link_vec links = plan_pointer_links(selection->arena, pipeline);
    bool *reached = arena_new_array(selection->arena, bool, pipeline->pointers.len);
    size_t at = 0;
    do {
        for (; at < selection->len; at++) {
            const struct plan_stage *stage = &selection->plan->stages[selection->queue[at]];
            for (size_t i = 0; i < stage->need_count; i++)
                plan_select_stage(selection, stage->needs[i].stage);
            for (size_t i = 0; i < stage->user_count; i++)
                plan_select_stage(selection, stage->users[i].stage);
        }
    } while (select_by_pointers(selection, &links, reached));
}

static void select_default(struct selection *selection)
{
    const struct pipeline *pipeline = selection->plan->pipeline;
    for (uint32_t i = 0; selection->options->all_files && i < pipeline->stages.len; i++)
        plan_select_stage(selection, i);
    plan_select_file(selection, &pipeline->files.at[0]);
}

static FALLIBLE select_targets(struct selection *selection)
{
    const struct plan_options *options = selection->options;
    struct plan *plan = selection->plan;
    struct str here = STR(".");
    bool is_here = options->recursive && !options->target_count;
    const struct str *targets = is_here ? &here : options->targets;
    size_t count = is_here ? 1 : options->target_count;
    if (options->all_files && count)
        return error_hint(error_new(ERROR_USAGE,
                                    "'%.*s': with all pipelines no targets can be named",
                                    STR_FMT(targets[0])),
                          "-P is all pipelines; with a value behind it, it changes a parameter: "
                          "-P %.*s=VALUE",
                          STR_FMT(targets[0]));
    for (size_t i = 0; i < count; i++)
        TRY(plan_select_target(selection, targets[i]));
    if (!count) {
        select_default(selection);
        return NULL;
    }
    plan->target_count = selection->len;
    plan->targets = arena_new_array(selection->arena, uint32_t, selection->len);
    for (size_t i = 0; i < selection->len; i++)
        plan->targets[i] = selection->queue[i];
    return NULL;
}

struct error *plan_select(struct arena *arena, const struct plan_options *options,
                          struct plan *plan)
{
    size_t count = plan->pipeline->stages.len;
    struct selection selection = {.arena = arena,
                                  .options = options,
                                  .plan = plan,
                                  .queue = arena_new_array(arena, uint32_t, count)};
    TRY(select_targets(&selection));
    if (options->whole)
        select_connected(&selection);
    if (options->downstream)
        select_users(&selection);
    else if (!options->only_targets)
        select_needs(&selection);
    return NULL;
}
