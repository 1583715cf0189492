#include "mlops/model/plan.h"

#include "mlops/base/arena.h"

#include "plan_private.h"

const struct maker *plan_maker(const struct pipeline *pipeline, struct str path)
{
    while (path.len) {
        const struct maker *maker = map_get(&pipeline->makers, path);
        if (maker)
            return maker;
        struct str dir = path_directory(path);
        if (dir.len == path.len)
            break;
        path = dir;
    }
    return NULL;
}

const struct stage *plan_producer(const struct plan *plan, struct str path)
{
    const struct maker *maker = plan_maker(plan->pipeline, path);
    return maker ? maker->stage : NULL;
}

bool plan_touches_output(const struct plan *plan, struct str path)
{
    return plan_maker(plan->pipeline, path) || map_has(&plan->pipeline->holders, path);
}

static void count_links(const struct planner *planner)
{
    vec_each (struct edge, edge, &planner->edges) {
        planner->plan->stages[edge->from].need_count++;
        planner->plan->stages[edge->to].user_count++;
    }
}

/* Counted first, so that each stage's links are one array. */
void plan_fill_links(struct planner *planner)
{
    struct plan *plan = planner->plan;
    size_t count = planner->pipeline->stages.len;
    struct plan_link *needs = arena_new_array(planner->arena, struct plan_link, planner->edges.len);
    struct plan_link *users = arena_new_array(planner->arena, struct plan_link, planner->edges.len);
    for (size_t i = 0; i < count; i++)
        plan->stages[i].need_count = plan->stages[i].user_count = 0;
    count_links(planner);
    for (size_t i = 0; i < count; i++) {
        struct plan_stage *stage = &plan->stages[i];
        stage->needs = needs;
        stage->users = users;
        needs += stage->need_count;
        users += stage->user_count;
        stage->need_count = stage->user_count = 0;
    }
    vec_each (struct edge, edge, &planner->edges) {
        struct plan_stage *from = &plan->stages[edge->from];
        struct plan_stage *to = &plan->stages[edge->to];
        from->needs[from->need_count++] = (struct plan_link){edge->to, edge->kind};
        to->users[to->user_count++] = (struct plan_link){edge->from, edge->kind};
    }
}

static void open_planner(struct planner *planner)
{
    struct arena *arena = planner->arena;
    size_t count = planner->pipeline->stages.len;
    *planner->plan = (struct plan){
        .pipeline = planner->pipeline,
        .stages = arena_new_array(arena, struct plan_stage, count),
        .order = arena_new_array(arena, uint32_t, count),
    };
    for (size_t kind = 0; kind < COUNT_OF(planner->linked); kind++)
        planner->linked[kind] = arena_new_array(arena, uint32_t, count);
    planner->reached_index = arena_new_array(arena, uint32_t, count);
}

/* Guards are found in the graph without them, and may change the order. */
static struct error *link_and_sort(struct planner *planner)
{
    TRY(plan_link_stages(planner));
    plan_fill_links(planner);
    TRY(plan_sort(planner));
    size_t without_guards = planner->edges.len;
    TRY(plan_link_guards(planner));
    if (planner->edges.len == without_guards)
        return NULL;
    plan_fill_links(planner);
    return plan_sort(planner);
}

struct error *plan_make(struct arena *arena, const struct pipeline *pipeline,
                        const struct plan_options *options, struct plan *ret)
{
    struct plan plan;
    struct planner planner = {.arena = arena, .pipeline = pipeline, .plan = &plan};
    open_planner(&planner);
    TRY(link_and_sort(&planner));
    TRY(plan_select(arena, options, &plan));
    *ret = plan;
    return NULL;
}
