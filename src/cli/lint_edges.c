#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/model/dvc.h"
#include "mlops/model/name.h"

#include "lint_private.h"

struct edge {
    struct str from, to;
};

VEC(edge_vec, struct edge);

static int compare_edges(const void *a, const void *b)
{
    const struct edge *left = a;
    const struct edge *right = b;
    int by_from = str_compare(left->from, right->from);
    return by_from ? by_from : str_compare(left->to, right->to);
}

/* As DVC names it from the top of the project. */
static struct str address(struct arena *arena, const struct pipeline *pipeline,
                          const struct stage *stage)
{
    if (pipeline->dialect != DOC_DVC || !stage->file || str_is(stage->file->path, "dvc.yaml"))
        return lint_local_name(stage);
    return str_print(arena, "%.*s:%.*s", STR_FMT(stage->file->path), STR_FMT(stage->local_name));
}

/* Files of tracked data by the path they track, and by every directory above it. */
struct tracked_data {
    struct map by_path;  /* -> struct pointer_link: this path */
    struct map by_above; /* -> struct pointer_link: paths below */
};

struct pointer_link {
    const struct dvc_pointer *pointer;
    struct pointer_link *next;
};

static void add_link(struct arena *arena, struct map *map, struct str path,
                     const struct dvc_pointer *pointer)
{
    void **place = map_place(arena, map, path);
    struct pointer_link *link = arena_new(arena, struct pointer_link);
    *link = (struct pointer_link){pointer, *place};
    *place = link;
}

static struct tracked_data tracked_data(struct arena *arena, const struct pipeline *pipeline)
{
    struct tracked_data data = {0};
    for (size_t i = 0; i < pipeline->pointers.len; i++) {
        const struct dvc_pointer *pointer = pipeline->pointers.at[i];
        vec_each (const struct dvc_entry, entry, &pointer->outs) {
            add_link(arena, &data.by_path, entry->path, pointer);
            for (struct str above = path_directory(entry->path); above.len;
                 above = path_directory(above))
                add_link(arena, &data.by_above, above, pointer);
        }
    }
    return data;
}

static void add_pointer_edges(struct arena *arena, const struct pointer_link *link, struct str to,
                              struct edge_vec *edges)
{
    for (; link; link = link->next)
        *vec_push(arena, edges) = (struct edge){link->pointer->path, to};
}

/* What equals, lies under or contains tracked data. */
static void add_data_edges(struct arena *arena, const struct tracked_data *data, struct str path,
                           struct str to, struct edge_vec *edges)
{
    add_pointer_edges(arena, map_get(&data->by_above, path), to, edges);
    for (struct str at = path; at.len; at = path_directory(at)) {
        add_pointer_edges(arena, map_get(&data->by_path, at), to, edges);
        if (str_is(at, "/") || str_is(at, ".."))
            return;
    }
}

static void add_import_edges(struct arena *arena, const struct plan *plan,
                             const struct tracked_data *data, struct edge_vec *edges)
{
    for (size_t i = 0; i < plan->pipeline->pointers.len; i++) {
        const struct dvc_pointer *pointer = plan->pipeline->pointers.at[i];
        vec_each (const struct dvc_entry, dep, &pointer->deps) {
            if (dep->is_url)
                continue;
            const struct stage *maker = plan_producer(plan, dep->path);
            if (maker)
                *vec_push(arena, edges) =
                    (struct edge){address(arena, plan->pipeline, maker), pointer->path};
            add_data_edges(arena, data, dep->path, pointer->path, edges);
        }
    }
}

static struct edge_vec all_edges(struct arena *arena, const struct plan *plan)
{
    struct edge_vec edges = {0};
    const struct pipeline *pipeline = plan->pipeline;
    struct tracked_data data = tracked_data(arena, pipeline);
    struct str *names = arena_new_array(arena, struct str, pipeline->stages.len);
    vec_each (const struct stage, stage, &pipeline->stages)
        names[stage->index] = address(arena, pipeline, stage);
    vec_each (const struct stage, stage, &pipeline->stages) {
        const struct plan_stage *planned = &plan->stages[stage->index];
        for (size_t i = 0; i < planned->need_count; i++)
            *vec_push(arena, &edges) =
                (struct edge){names[planned->needs[i].stage], names[stage->index]};
        if (!pipeline->pointers.len)
            continue;
        vec_each (const struct dependency, dep, &stage->deps) {
            if (!dep->is_url && !dep->is_glob)
                add_data_edges(arena, &data, dep->path, names[stage->index], &edges);
        }
        vec_each (const struct param_ref, param, &stage->params)
            add_data_edges(arena, &data, param->file, names[stage->index], &edges);
    }
    add_import_edges(arena, plan, &data, &edges);
    vec_sort(&edges, compare_edges);
    return edges;
}

void lint_print_edges(struct arena *arena, struct json_writer *json, const struct plan *plan)
{
    struct edge_vec edges = all_edges(arena, plan);
    const struct edge *before = NULL;
    if (!edges.len)
        return;
    json_name(json, "edges");
    json_open_list(json);
    vec_each (const struct edge, edge, &edges) {
        if (before && compare_edges(before, edge) == 0)
            continue;
        json_open_list(json);
        json_str(json, edge->from);
        json_str(json, edge->to);
        json_close_list(json);
        before = edge;
    }
    json_close_list(json);
}
