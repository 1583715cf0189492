#include "mlops/cli/lineage_graph.h"

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/model/diff.h"

#include <stdlib.h>

/* More is no picture any more. */
enum { NODES_MOST = 60, INPUTS_MOST = 12 };

/* Who makes a path. */
struct made {
    struct str path;
    const struct artifact *artifact;
    uint32_t stage;
};

VEC(made_vec, struct made);

static int compare_made(const void *a, const void *b)
{
    return str_compare(((const struct made *)a)->path, ((const struct made *)b)->path);
}

static struct made_vec all_made(struct arena *arena, const struct run_view *view)
{
    struct made_vec made = {0};
    for (size_t i = 0; i < view->stage_count; i++)
        for (size_t k = 0; k < view->stages[i].out_count; k++)
            *vec_push(arena, &made) =
                (struct made){view->stages[i].outs[k].path, &view->stages[i].outs[k], (uint32_t)i};
    vec_sort(&made, compare_made);
    return made;
}

/* The first that is not before `path`. */
static size_t find_made(const struct made_vec *made, struct str path)
{
    size_t low = 0, high = made->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(made->at[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_inside(struct str path, struct str directory)
{
    return path.len > directory.len && str_starts(path, directory) && path.at[directory.len] == '/';
}

/* Calls for each stage that makes `path`, a directory around it or something in it. */
static void each_maker(const struct made_vec *made, struct str path,
                       void (*visit)(void *context, uint32_t stage), void *context)
{
    size_t at = find_made(made, path);
    for (; at < made->len &&
           (str_equal(made->at[at].path, path) || str_starts(made->at[at].path, path));
         at++)
        if (str_equal(made->at[at].path, path) || is_inside(made->at[at].path, path))
            visit(context, made->at[at].stage);
    for (size_t len = path.len; len > 0; len--) {
        struct str around = str_slice(path, 0, len - 1);
        if (path.at[len - 1] != '/')
            continue;
        at = find_made(made, around);
        if (at < made->len && str_equal(made->at[at].path, around))
            visit(context, made->at[at].stage);
    }
}

/* --- what was read and made ----------------------------------------------------------------- */

struct data_building {
    struct arena *arena;
    const struct run_view *view;
    bool is_made; /* the path that is asked about */
};

static void note_made(void *context, uint32_t stage)
{
    struct data_building *building = context;
    (void)stage;
    building->is_made = true;
}

static int compare_data(const void *a, const void *b)
{
    return str_compare(((const struct graph_datum *)a)->path,
                       ((const struct graph_datum *)b)->path);
}

static struct graph_datum *datum_of(struct arena *arena, struct map *by_path, struct str path)
{
    void **place = map_place(arena, by_path, path);
    if (!*place) {
        struct graph_datum *datum = *place = arena_new(arena, struct graph_datum);
        datum->path = path;
    }
    return *place;
}

static void take_map(struct arena *arena, const struct map *by_path, struct graph_data *ret)
{
    map_each (entry, by_path)
        *vec_push(arena, ret) = *(const struct graph_datum *)entry->value;
    vec_sort(ret, compare_data);
}

void lineage_data(struct arena *arena, const struct run_view *view, struct graph_data *ret_inputs,
                  struct graph_data *ret_outputs)
{
    struct made_vec made = all_made(arena, view);
    struct map inputs = {0}, outputs = {0};
    vec_each (const struct made, one, &made) {
        struct graph_datum *datum = datum_of(arena, &outputs, one->path);
        datum->artifact = one->artifact;
        datum->size_bytes = one->artifact->size_bytes;
        *vec_push(arena, &datum->makers) = view->stages[one->stage].stage;
    }
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct run_view_stage *stage = &view->stages[i];
        for (size_t k = 0; stage->recipe && k < stage->recipe->dep_count; k++) {
            const struct recipe_dep *dep = &stage->recipe->deps[k];
            struct data_building building = {.arena = arena, .view = view};
            each_maker(&made, dep->path, note_made, &building);
            struct graph_datum *datum = map_has(&outputs, dep->path) ? map_get(&outputs, dep->path)
                                        : building.is_made           ? NULL
                                                           : datum_of(arena, &inputs, dep->path);
            if (!datum)
                continue;
            datum->dep = datum->dep ? datum->dep : dep;
            datum->size_bytes = datum->size_bytes ? datum->size_bytes : dep->size_bytes;
            *vec_push(arena, &datum->users) = stage->stage;
        }
    }
    take_map(arena, &inputs, ret_inputs);
    take_map(arena, &outputs, ret_outputs);
}

/* --- the graph ------------------------------------------------------------------------------ */

struct building {
    struct arena *arena;
    struct lineage_graph *graph;
    uint32_t *group_of; /* number of the node of each stage */
    size_t node;        /* whose needs are being found */
};

static struct str group_name(struct str stage)
{
    ptrdiff_t at = str_find_char(stage, '@');
    return at > 0 ? str_slice(stage, 0, (size_t)at) : stage;
}

static int badness(enum stage_status status)
{
    switch (status) {
    case STATUS_FAILED:
        return 6;
    case STATUS_REJECTED:
        return 5;
    case STATUS_INTERRUPTED:
    case STATUS_UNCONFIRMED:
        return 4;
    case STATUS_SKIPPED:
        return 3;
    case STATUS_EXECUTED:
        return 2;
    case STATUS_RESTORED:
        return 1;
    case STATUS_WAITING:
    case STATUS_UNCHANGED:
    case STATUS_UNKNOWN:
    case STATUS_WOULD_RUN:
    case STATUS_WOULD_RESTORE:
        break;
    }
    return 0;
}

static void add_need(struct building *building, size_t need)
{
    struct graph_node *node = &building->graph->nodes[building->node];
    if (need == building->node || need >= building->graph->count)
        return;
    for (size_t i = 0; i < node->need_count; i++)
        if (node->needs[i] == need)
            return;
    if (node->need_count < NODES_MOST + INPUTS_MOST)
        node->needs[node->need_count++] = need;
}

static void note_maker(void *context, uint32_t stage)
{
    struct building *building = context;
    add_need(building, building->group_of[stage]);
}

static struct graph_node *new_node(struct building *building, struct str name)
{
    struct graph_node *node = &building->graph->nodes[building->graph->count++];
    node->name = name;
    node->needs = arena_new_array(building->arena, size_t, NODES_MOST + INPUTS_MOST);
    return node;
}

/* A node for each stage, or for all instances of a foreach or matrix stage. */
static void add_groups(struct building *building, const struct run_view *view)
{
    struct map numbers = {0};
    struct lineage_graph *graph = building->graph;
    for (size_t i = 0; i < view->stage_count; i++) {
        struct str name = group_name(view->stages[i].stage);
        struct graph_node *node = map_get(&numbers, name);
        building->group_of[i] = UINT32_MAX;
        if (!node && graph->count == NODES_MOST) {
            graph->left_out++;
            continue;
        }
        if (!node) {
            node = new_node(building, name);
            node->status = view->stages[i].status;
            map_put(building->arena, &numbers, name, node);
        }
        building->group_of[i] = (uint32_t)(node - graph->nodes);
        node->count++;
        if (badness(view->stages[i].status) > badness(node->status))
            node->status = view->stages[i].status;
    }
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].count > 1)
            graph->nodes[i].name = str_print(building->arena, "%.*s (%zu)",
                                             STR_FMT(graph->nodes[i].name), graph->nodes[i].count);
}

static void add_edges(struct building *building, const struct run_view *view)
{
    struct made_vec made = all_made(building->arena, view);
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct recipe *recipe = view->stages[i].recipe;
        building->node = building->group_of[i];
        for (size_t k = 0; recipe && k < recipe->dep_count; k++)
            if (building->node < building->graph->count)
                each_maker(&made, recipe->deps[k].path, note_maker, building);
    }
}

/* Data that came from outside; programs are left out, they are in every stage. */
static void add_inputs(struct building *building, const struct run_view *view)
{
    struct graph_data inputs = {0}, outputs = {0};
    size_t count = 0;
    lineage_data(building->arena, view, &inputs, &outputs);
    vec_each (const struct graph_datum, input, &inputs)
        count += !diff_is_source(input->path);
    if (count > INPUTS_MOST)
        return;
    vec_each (const struct graph_datum, input, &inputs) {
        if (diff_is_source(input->path))
            continue;
        size_t number = building->graph->count;
        new_node(building, input->path)->is_input = true;
        for (size_t i = 0; i < view->stage_count; i++) {
            building->node = building->group_of[i];
            vec_each (const struct str, user, &input->users)
                if (building->node < number && str_equal(*user, view->stages[i].stage))
                    add_need(building, number);
        }
    }
}

/* Groups of stages may need each other, so this stops after as many rounds as there are nodes. */
static void set_levels(struct lineage_graph *graph)
{
    bool changes = true;
    for (size_t round = 0; changes && round < graph->count; round++) {
        changes = false;
        for (size_t i = 0; i < graph->count; i++) {
            struct graph_node *node = &graph->nodes[i];
            for (size_t k = 0; k < node->need_count; k++) {
                size_t least = graph->nodes[node->needs[k]].level + 1;
                changes = changes || node->level < least;
                node->level = MAX_OF(node->level, least);
            }
        }
    }
    for (size_t i = 0; i < graph->count; i++) {
        graph->nodes[i].level = MIN_OF(graph->nodes[i].level, graph->count);
        graph->level_count = MAX_OF(graph->level_count, graph->nodes[i].level + 1);
    }
}

void lineage_graph_of(struct arena *arena, const struct run_view *view, struct lineage_graph *ret)
{
    struct building building = {.arena = arena, .graph = ret};
    *ret = (struct lineage_graph){
        .nodes = arena_new_array(arena, struct graph_node, NODES_MOST + INPUTS_MOST)};
    building.group_of = arena_new_array(arena, uint32_t, view->stage_count);
    add_groups(&building, view);
    add_edges(&building, view);
    add_inputs(&building, view);
    set_levels(ret);
}
