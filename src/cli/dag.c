#include "mlops/cli/dag.h"

#include "mlops/base/arena.h"
#include "mlops/model/dvc.h"

VEC(member_vec, uint32_t);
VEC(need_vec, struct dag_need);

struct building {
    struct arena *arena;
    const struct plan *plan;
    bool has_instances;
    struct pointer_link_vec links;
    struct dag_node_vec nodes;
    uint32_t *node_of;                /* per stage: 1 + its node */
    uint32_t *node_of_pointer;        /* per .dvc file: the same */
    struct member_vec *members;       /* per node: its stages */
    uint32_t *linked[PLAN_GUARD + 1]; /* per node: 1 + the node it was last linked with */
};

static uint32_t add_node(struct building *building, struct str name)
{
    struct dag_node *node = vec_push(building->arena, &building->nodes);
    node->name = name;
    return (uint32_t)building->nodes.len;
}

static void add_pointers(struct building *building)
{
    const struct plan *plan = building->plan;
    vec_each (const struct plan_pointer_link, link, &building->links) {
        uint32_t *node = &building->node_of_pointer[link->pointer];
        if (!plan->stages[link->stage].is_selected || *node)
            continue;
        *node = add_node(building, plan->pipeline->pointers.at[link->pointer]->path);
        building->nodes.at[*node - 1].is_pointer = true;
    }
}

/* The name of the foreach or matrix stage, as that of a stage would be. */
static struct str group_name(struct arena *arena, const struct stage *stage)
{
    if (stage->file->index == 0)
        return stage->group;
    return str_print(arena, "%.*s:%.*s", STR_FMT(stage->file->path), STR_FMT(stage->group));
}

static void add_stage(struct building *building, const struct stage *stage)
{
    const struct stage_group *group = NULL;
    struct str name = stage->name;
    if (stage->group.len && !building->has_instances) {
        name = group_name(building->arena, stage);
        group = map_get(&building->plan->pipeline->groups, name);
    }
    uint32_t *first = &building->node_of[group ? group->first : stage->index];
    uint32_t node = *first ? *first : add_node(building, name);
    building->nodes.at[node - 1].instances += group != NULL;
    *first = building->node_of[stage->index] = node;
    *vec_push(building->arena, &building->members[node - 1]) = (uint32_t)stage->index;
}

static void link(struct building *building, uint32_t from, uint32_t to, enum plan_edge edge,
                 struct need_vec *needs)
{
    if (from == to || building->linked[edge][to] == from + 1)
        return;
    building->linked[edge][to] = from + 1;
    *vec_push(building->arena, needs) = (struct dag_need){to, edge};
}

static void link_stage(struct building *building, uint32_t node, uint32_t index,
                       struct need_vec *needs)
{
    const struct plan_stage *stage = &building->plan->stages[index];
    for (size_t i = 0; i < stage->need_count; i++) {
        const struct plan_link *need = &stage->needs[i];
        if (building->plan->stages[need->stage].is_selected)
            link(building, node, building->node_of[need->stage] - 1, need->edge, needs);
    }
}

/* Where the links of each stage begin; they are sorted by stage. */
static size_t *link_starts(const struct building *building)
{
    size_t count = building->plan->pipeline->stages.len;
    size_t *starts = arena_new_array(building->arena, size_t, count + 1);
    size_t at = 0;
    for (size_t i = 0; i <= count; i++) {
        while (at < building->links.len && building->links.at[at].stage < i)
            at++;
        starts[i] = at;
    }
    return starts;
}

static void link_node(struct building *building, uint32_t node, const size_t *starts)
{
    struct need_vec needs = {0};
    vec_each (const uint32_t, index, &building->members[node]) {
        for (size_t i = starts[*index]; i < starts[*index + 1]; i++)
            link(building, node, building->node_of_pointer[building->links.at[i].pointer] - 1,
                 PLAN_DATA, &needs);
        link_stage(building, node, *index, &needs);
    }
    building->nodes.at[node].needs = needs.at;
    building->nodes.at[node].need_count = needs.len;
}

void dag_of(struct arena *arena, const struct plan *plan, bool has_instances,
            struct dag_node_vec *ret)
{
    size_t count = plan->pipeline->stages.len, pointer_count = plan->pipeline->pointers.len;
    struct building building = {
        .arena = arena,
        .plan = plan,
        .has_instances = has_instances,
        .links = plan_pointer_links(arena, plan->pipeline),
        .node_of = arena_new_array(arena, uint32_t, count),
        .node_of_pointer = arena_new_array(arena, uint32_t, pointer_count),
        .members = arena_new_array(arena, struct member_vec, count + pointer_count),
    };
    for (size_t i = 0; i < COUNT_OF(building.linked); i++)
        building.linked[i] = arena_new_array(arena, uint32_t, count + pointer_count);
    add_pointers(&building);
    for (size_t i = 0; i < count; i++) {
        if (plan->stages[plan->order[i]].is_selected)
            add_stage(&building, &plan->pipeline->stages.at[plan->order[i]]);
    }
    const size_t *starts = link_starts(&building);
    for (uint32_t i = 0; i < building.nodes.len; i++)
        link_node(&building, i, starts);
    *ret = building.nodes;
}

struct str dag_label(struct arena *arena, const struct dag_node *node)
{
    if (!node->instances)
        return node->name;
    return str_print(arena, "%.*s (%zu)", STR_FMT(node->name), node->instances);
}
