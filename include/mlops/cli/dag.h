/* The graph of a plan as people look at it: one node for a foreach or matrix stage, `.dvc` files in
 * front of what reads them. */
#pragma once

#include "mlops/model/plan.h"

struct dag_need {
    uint32_t node;
    enum plan_edge edge;
};

struct dag_node {
    struct str name;
    bool is_pointer;  /* a .dvc file */
    size_t instances; /* of a foreach or matrix stage; 0: a single stage */
    struct dag_need *needs;
    size_t need_count;
};

VEC(dag_node_vec, struct dag_node);

/* What is selected, in the order of the plan, .dvc files first. Instances stay single if
 * `has_instances`. What waits for what is told once per kind of edge; a node never needs itself,
 * but nodes of several stages may need each other. */
void dag_of(struct arena *arena, const struct plan *plan, bool has_instances,
            struct dag_node_vec *ret);

/* "train" or "train (12)". */
struct str dag_label(struct arena *arena, const struct dag_node *node);
