/* Inside model/sweep: its field tables and who binds what they do not. */
#pragma once

#include "sweep_private.h"

struct sweep_key {
    struct str file, key;
};

/* A sweep file as it is being bound. */
struct sweep_draft {
    struct sweep sweep;
    int method; /* -1: not given */
    struct str_parts targets;
    struct sweep_key metric, repeat_seed, budget;
};

void sweep_bind_key(struct binder *binder, const struct doc_node *node, void *target);
void sweep_bind_targets(struct binder *binder, const struct doc_node *node, void *target);
void sweep_bind_space(struct binder *binder, const struct doc_node *node, void *target);
void sweep_bind_fixed(struct binder *binder, const struct doc_node *node, void *target);
void sweep_bind_list(struct binder *binder, const struct doc_node *node, void *target);
void sweep_bind_seed(struct binder *binder, const struct doc_node *node, void *target);
void sweep_bind_steps(struct binder *binder, const struct doc_node *node, void *target);
void sweep_bind_budget(struct binder *binder, const struct doc_node *node, void *target);
