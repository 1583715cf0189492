/* What the files of the plan module share: a plan while it is being made. */
#pragma once

#include "mlops/model/name.h"
#include "mlops/model/plan.h"

struct edge {
    uint32_t from; /* needs */
    uint32_t to;
    enum plan_edge kind;
};

VEC(edge_vec, struct edge);

/* A stage that a directory or a pattern leads to. */
struct reached {
    uint32_t stage;
    bool is_certain; /* false: an output that may be a directory might hold a match */
};

VEC(reached_vec, struct reached);

struct placed_output {
    struct str path;
    uint32_t stage;
    bool may_be_directory;
};

struct planner {
    struct arena *arena;
    const struct pipeline *pipeline;
    struct plan *plan;
    struct edge_vec edges;
    uint32_t *linked[PLAN_GUARD + 1]; /* per stage: 1 + the other end it was last linked with */
    uint32_t *reached_index; /* per stage: where it stands in the list being made, if it does */
    struct placed_output *outputs; /* by path; made when first needed */
    size_t output_count;
    struct map below;    /* directory -> struct reached_vec * */
    struct map matching; /* pattern -> struct reached_vec * */
    int64_t match_count; /* of patterns with outputs */
};

/* Edges from the pipeline itself: data and order. */
FALLIBLE plan_link_stages(struct planner *planner);

/* Adds an edge unless it is there; calls for one stage (of guards: one validate stage) together. */
FALLIBLE plan_link(struct planner *planner, uint32_t from, uint32_t to, enum plan_edge kind);

/* Edges to validate stages from what consumes the paths they guard. The order is that of the edges
 * so far. */
FALLIBLE plan_link_guards(struct planner *planner);

/* Puts the edges collected so far into the plan's stages. */
void plan_fill_links(struct planner *planner);

/* The order of the plan's links, or the error of a cycle. */
FALLIBLE plan_sort(struct planner *planner);

FALLIBLE plan_tell_cycle(const struct plan *plan, const uint32_t *stages, size_t count);

/* The stages of a run while they are chosen (plan_select.c). */
struct selection {
    struct arena *arena;
    const struct plan_options *options;
    struct plan *plan;
    uint32_t *queue; /* those that are selected, in order */
    size_t len;
};

void plan_select_stage(struct selection *selection, uint32_t stage);
void plan_select_file(struct selection *selection, const struct pipeline_file *file);

/* What one word names (plan_target.c). */
FALLIBLE plan_select_target(struct selection *selection, struct str word);

FALLIBLE plan_select(struct arena *arena, const struct plan_options *options, struct plan *plan);

/* All outputs by path: those below a directory stand side by side. */
void plan_place_outputs(struct planner *planner);
size_t plan_first_below(const struct planner *planner, struct str dir);

/* Counts towards LIMIT_PLAN_MATCHES. */
FALLIBLE plan_count_match(struct planner *planner);

/* Stages that make something below `dir` / that a pattern in deps leads to; NULL if none. */
const struct reached_vec *plan_reach_below(struct planner *planner, struct str dir);
FALLIBLE plan_reach_matching(struct planner *planner, struct str pattern,
                             const struct reached_vec **ret);

/* What makes a path or something above it, or NULL. */
const struct maker *plan_maker(const struct pipeline *pipeline, struct str path);

/* Whether the dependency or file is, holds or lies inside the path, or may. */
bool plan_dep_uses(const struct dependency *dep, struct str path, bool may_be_directory);
bool plan_may_be_directory(const struct output *output);
