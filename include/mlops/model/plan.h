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
    uint32_t *targets; /* stages that the words name; none if there are no words */
    size_t target_count;
};

/* Which part of a graph, beside the targets: see plan_options. */
struct plan_choice {
    bool only_targets, downstream, all_files, recursive, is_pattern, whole;
};

/* What a run visits. A target is, in this order: the name of a stage; of a foreach or matrix stage
 * (all its instances); FILE:NAME, and :NAME for dvc.yaml; FILE (all its stages); a path that a
 * stage makes, lies in or is above one. Paths are relative to `cwd`, or else to the project. */
struct plan_options {
    const struct str *targets; /* none: all stages of the file that was named */
    size_t target_count;
    struct str cwd;    /* of the caller, relative to the project ("" = its root, "../x" outside) */
    bool only_targets; /* -s: without what they need */
    bool downstream;   /* the targets and all that uses them, not what they need */
    bool all_files;    /* every stage of every file; no targets then */
    bool recursive;    /* targets are directories: the stages of all files in and below them */
    bool is_pattern;   /* targets are patterns of names, or FILE:PATTERN; '*' matches '/' too */
    bool whole;        /* and all that is connected with the targets by any links */
};

/* Errors (ERROR_PROJECT): a cycle, told as a path 'a -> b -> a' with the place and the reason of
 * each edge; more links than LIMIT_PLAN_LINKS. ERROR_USAGE: a target that names nothing (nearest
 * suggestion). */
FALLIBLE plan_make(struct arena *arena, const struct pipeline *pipeline,
                   const struct plan_options *options, struct plan *ret);

/* The stage that makes `path` or something it lies under, or NULL. */
const struct stage *plan_producer(const struct plan *plan, struct str path);

/* Whether `path` is an output, lies under one, or is a directory above one. */
bool plan_touches_output(const struct plan *plan, struct str path);

/* Which `.dvc` file stands for something that a stage reads: a dependency or params file that
 * equals, lies in or contains what the file tracks. Frozen stages read nothing. By stage, each pair
 * once. */
struct plan_pointer_link {
    uint32_t stage;
    uint32_t pointer; /* in pipeline->pointers */
};
VEC(pointer_link_vec, struct plan_pointer_link);
struct pointer_link_vec plan_pointer_links(struct arena *arena, const struct pipeline *pipeline);

/* Paths a validate stage guards: `guards`, or by default those of its deps that another stage makes
 * (of a glob the outputs that it matches). */
struct str_vec plan_guards(const struct plan *plan, const struct stage *stage);
