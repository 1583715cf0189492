/* The stages of a view and what made what each of them read, by what was recorded, not by what the
 * pipeline says now. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/model/run.h"

struct graph_node {
    struct str name;          /* "train"; "train (12)" for a foreach or matrix stage */
    size_t count;             /* of stages */
    enum stage_status status; /* the worst of them */
    bool is_input;            /* data that no stage made */
    size_t level;             /* 0: needs nothing */
    size_t *needs;            /* numbers of nodes */
    size_t need_count;
};

struct lineage_graph {
    struct graph_node *nodes; /* what is needed first */
    size_t count, level_count;
    size_t left_out; /* stages beyond what can be looked at */
};

/* An input or output of the view, with the stages that made and used it. */
struct graph_datum {
    const struct artifact *artifact; /* of an input: NULL */
    const struct recipe_dep *dep;    /* as the first user read it; NULL: nobody did */
    struct str path;
    int64_t size_bytes; /* 0: not known */
    struct str_vec makers, users;
};

VEC(graph_data, struct graph_datum);

/* By path; what no stage made and what stages made. */
void lineage_data(struct arena *arena, const struct run_view *view, struct graph_data *ret_inputs,
                  struct graph_data *ret_outputs);

void lineage_graph_of(struct arena *arena, const struct run_view *view, struct lineage_graph *ret);

/* As Mermaid's flowchart, and as an SVG element to stand in a page. */
void lineage_graph_mermaid(struct buf *out, const struct lineage_graph *graph);
void lineage_graph_svg(struct buf *out, const struct lineage_graph *graph);
