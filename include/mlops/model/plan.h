/* The graph of a pipeline and what a run of some targets has to visit, in which order. Pure.
 * An edge goes from a stage to the producer of each path it depends on: a dependency that equals an
 * output, lies under one, or contains one; a glob that matches an output, that lies inside one, or
 * that may match below one that is a directory (its path ends in '/' or its name has no dot); a
 * params file that is an output; `after`; and, for what a validate stage guards, the wait for its
 * verdict. Frozen stages need nothing. */
#pragma once

#include "mlops/model/pipeline.h"

enum plan_edge {
    PLAN_DATA,  /* consumes what the other makes */
    PLAN_AFTER, /* order only */
    PLAN_GUARD, /* waits for a validate stage that guards a path it (transitively) consumes */
};

struct plan_link {
    uint32_t stage; /* index in pipeline.stages */
    enum plan_edge edge;
};

struct plan_stage {
    bool is_selected;        /* a target or an ancestor of one */
    struct plan_link *needs; /* what must be done before, each stage once per kind of edge */
    size_t need_count;
    struct plan_link *users;
    size_t user_count;
    struct str_vec guards; /* of a validate stage; see plan_guards */
};

struct plan {
    const struct pipeline *pipeline;
    struct plan_stage *stages; /* parallel to pipeline->stages */
    uint32_t *order;           /* all stages, every one behind what it needs; file order else */
    size_t selected_count;
};

struct plan_options {
    const struct str *targets; /* stage names, or paths of outputs; none = all stages */
    size_t target_count;
    bool only_targets; /* -s: without what they need */
    bool downstream;   /* the targets and all that uses them, not what they need */
};

/* Errors (ERROR_PROJECT): a cycle, told as a path 'a -> b -> a' with the place and the reason of
 * each edge; more links than LIMIT_PLAN_LINKS. ERROR_USAGE: a target that names no stage and no
 * output (nearest suggestion); a directory stands for every stage with an output in it. */
FALLIBLE plan_make(struct arena *arena, const struct pipeline *pipeline,
                   const struct plan_options *options, struct plan *ret);

/* The stage that makes `path` or something it lies under, or NULL. */
const struct stage *plan_producer(const struct plan *plan, struct str path);

/* Whether `path` is an output, lies under one, or is a directory above one. */
bool plan_touches_output(const struct plan *plan, struct str path);

/* Paths a validate stage guards: `guards`, or by default those of its deps that another stage makes
 * (of a glob the outputs that it matches). */
struct str_vec plan_guards(const struct plan *plan, const struct stage *stage);
