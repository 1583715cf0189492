/* Edges that the stages' own words make. Look-ups by path and by directory: the time is linear in
 * paths and edges. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"

#include <stdlib.h>

#include "plan_private.h"

struct error *plan_link(struct planner *planner, uint32_t from, uint32_t to, enum plan_edge kind)
{
    uint32_t near = kind == PLAN_GUARD ? to : from;
    uint32_t far = kind == PLAN_GUARD ? from : to;
    if (planner->linked[kind][far] == near + 1)
        return NULL;
    planner->linked[kind][far] = near + 1;
    if (planner->edges.len == (size_t)LIMIT_PLAN_LINKS)
        return error_new(ERROR_PROJECT, "%.*s: more than %lld links between stages",
                         STR_FMT(planner->pipeline->path), (long long)LIMIT_PLAN_LINKS);
    *vec_push(planner->arena, &planner->edges) = (struct edge){from, to, kind};
    return NULL;
}

bool plan_may_be_directory(const struct output *output)
{
    return str_ends(output->written, STR("/")) || str_find_char(path_name(output->path), '.') < 0;
}

static int compare_placed(const void *a, const void *b)
{
    return str_compare(((const struct placed_output *)a)->path,
                       ((const struct placed_output *)b)->path);
}

/* Most pipelines never need it. */
void plan_place_outputs(struct planner *planner)
{
    const struct map *makers = &planner->pipeline->makers;
    if (planner->outputs)
        return;
    planner->outputs = arena_new_array(planner->arena, struct placed_output, makers->len);
    map_each (entry, makers) {
        const struct maker *maker = entry->value;
        planner->outputs[planner->output_count++] =
            (struct placed_output){entry->key, (uint32_t)maker->stage->index,
                                   plan_may_be_directory(&maker->stage->outs.at[maker->index])};
    }
    if (planner->output_count)
        qsort(planner->outputs, planner->output_count, sizeof *planner->outputs, compare_placed);
}

/* The first output whose path is not before `dir` with a '/' behind it; of the root the first. */
size_t plan_first_below(const struct planner *planner, struct str dir)
{
    struct str start = dir.len ? str_print(planner->arena, "%.*s/", STR_FMT(dir)) : dir;
    size_t low = 0;
    size_t high = planner->output_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(planner->outputs[middle].path, start) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Adds the stage, once. */
static void reach(struct planner *planner, struct reached_vec *reached, uint32_t stage,
                  bool is_certain)
{
    uint32_t index = planner->reached_index[stage];
    if (index < reached->len && reached->at[index].stage == stage) {
        reached->at[index].is_certain |= is_certain;
        return;
    }
    planner->reached_index[stage] = (uint32_t)reached->len;
    *vec_push(planner->arena, reached) = (struct reached){stage, is_certain};
}

const struct reached_vec *plan_reach_below(struct planner *planner, struct str dir)
{
    if (!map_has(&planner->pipeline->holders, dir))
        return NULL;
    struct reached_vec *reached = map_get(&planner->below, dir);
    if (reached)
        return reached;
    reached = arena_new(planner->arena, struct reached_vec);
    map_put(planner->arena, &planner->below, dir, reached);
    plan_place_outputs(planner);
    for (size_t i = plan_first_below(planner, dir); i < planner->output_count; i++) {
        const struct placed_output *output = &planner->outputs[i];
        bool is_below = path_is_within(output->path, dir);
        if (is_below)
            reach(planner, reached, output->stage, true);
        else if (dir.len)
            break;
    }
    return reached;
}

struct error *plan_count_match(struct planner *planner)
{
    if (++planner->match_count <= LIMIT_PLAN_MATCHES)
        return NULL;
    return error_new(ERROR_PROJECT, "%.*s: patterns and guards take more than %lld comparisons",
                     STR_FMT(planner->pipeline->path), (long long)LIMIT_PLAN_MATCHES);
}

static struct error *match_below(struct planner *planner, struct str pattern, struct str prefix,
                                 struct reached_vec *reached)
{
    plan_place_outputs(planner);
    for (size_t i = plan_first_below(planner, prefix); i < planner->output_count; i++) {
        const struct placed_output *output = &planner->outputs[i];
        if (!path_is_within(output->path, prefix)) {
            if (prefix.len)
                break;
            continue;
        }
        TRY(plan_count_match(planner));
        if (glob_match(pattern, output->path))
            reach(planner, reached, output->stage, true);
        else if (output->may_be_directory && glob_may_match_below(pattern, output->path))
            reach(planner, reached, output->stage, false);
    }
    return NULL;
}

struct error *plan_reach_matching(struct planner *planner, struct str pattern,
                                  const struct reached_vec **ret)
{
    struct reached_vec *reached = map_get(&planner->matching, pattern);
    if (!reached) {
        reached = arena_new(planner->arena, struct reached_vec);
        map_put(planner->arena, &planner->matching, pattern, reached);
        struct str prefix = glob_prefix(pattern);
        const struct maker *around = plan_maker(planner->pipeline, prefix);
        if (around)
            reach(planner, reached, (uint32_t)around->stage->index, true);
        TRY(match_below(planner, pattern, prefix, reached));
    }
    *ret = reached;
    return NULL;
}

static struct error *link_pattern(struct planner *planner, uint32_t from, struct str pattern)
{
    const struct reached_vec *reached;
    TRY(plan_reach_matching(planner, pattern, &reached));
    vec_each (struct reached, each, reached) {
        if (each->stage != from || each->is_certain)
            TRY(plan_link(planner, from, each->stage, PLAN_DATA));
    }
    return NULL;
}

static struct error *link_path(struct planner *planner, uint32_t from, struct str path)
{
    const struct maker *maker = plan_maker(planner->pipeline, path);
    if (maker)
        TRY(plan_link(planner, from, (uint32_t)maker->stage->index, PLAN_DATA));
    const struct reached_vec *below = plan_reach_below(planner, path);
    for (size_t i = 0; below && i < below->len; i++)
        TRY(plan_link(planner, from, below->at[i].stage, PLAN_DATA));
    return NULL;
}

static struct error *link_params(struct planner *planner, const struct stage *stage)
{
    struct str file = {0};
    vec_each (struct param_ref, param, &stage->params) {
        const struct maker *maker =
            str_equal(param->file, file) ? NULL : plan_maker(planner->pipeline, param->file);
        if (maker)
            TRY(plan_link(planner, (uint32_t)stage->index, (uint32_t)maker->stage->index,
                          PLAN_DATA));
        file = param->file;
    }
    return NULL;
}

static struct error *link_stage(struct planner *planner, const struct stage *stage)
{
    uint32_t from = (uint32_t)stage->index;
    vec_each (struct dependency, dep, &stage->deps) {
        if (dep->is_glob)
            TRY(link_pattern(planner, from, dep->path));
        else if (!dep->is_url)
            TRY(link_path(planner, from, dep->path));
    }
    TRY(link_params(planner, stage));
    vec_each (struct str, name, &stage->after) {
        const struct stage *other = map_get(&planner->pipeline->by_name, *name);
        check(other); /* pipeline_bind saw to it */
        TRY(plan_link(planner, from, (uint32_t)other->index, PLAN_AFTER));
    }
    return NULL;
}

struct error *plan_link_stages(struct planner *planner)
{
    vec_each (struct stage, stage, &planner->pipeline->stages) {
        if (!stage->is_frozen)
            TRY(link_stage(planner, stage));
    }
    return NULL;
}

bool plan_dep_uses(const struct dependency *dep, struct str path, bool may_be_directory)
{
    if (dep->is_url)
        return false;
    if (!dep->is_glob)
        return path_is_within(dep->path, path) || path_is_within(path, dep->path);
    return glob_match(dep->path, path) || path_is_within(glob_prefix(dep->path), path) ||
           (may_be_directory && glob_may_match_below(dep->path, path));
}
