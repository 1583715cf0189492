/* What a report tells of one run: what came of it, whether that is better than before, what it was
 * made from, and how to make it again. Collected once, told as document or JSON. */
#pragma once

#include "mlops/cli/curves.h"
#include "mlops/cli/document.h"
#include "mlops/cli/lineage_graph.h"
#include "mlops/model/diff.h"

struct account_wish {
    struct str word;     /* the run or revision; empty: the newest run */
    struct str against;  /* empty: the gates' baseline, else the last run whose state differs */
    struct str pipeline; /* as typed, of revisions */
    bool wants_no_charts;
};

struct account {
    struct context *context;
    struct run_view view;
    bool has_before;
    struct run_view before;
    struct run_diff diff;
    struct graph_data inputs, outputs;
    struct lineage_graph graph;
    struct picture_vec pictures;
    struct str_vec commands; /* how to make it again, a line each */
    struct str verdict_text; /* "succeeded; 2 of 2 gates passed; better: f1 0.81 -> 0.84" */
    enum tone tone;
};

FALLIBLE account_make(struct context *context, const struct account_wish *wish,
                      struct account *ret);
void account_document(const struct account *account, struct document *ret);
void account_json(const struct account *account);

/* Lines of metrics, inputs and so on, for a model card. */
struct table account_inputs(const struct account *account);
struct table account_metrics(const struct account *account);
void account_environment(const struct account *account, struct document *ret);
void account_commands(const struct account *account, struct document *ret);

/* Inputs that are data, not programs. */
bool account_is_data(const struct graph_datum *datum);
