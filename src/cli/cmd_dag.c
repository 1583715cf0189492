#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/dag.h"
#include "mlops/cli/report.h"
#include "mlops/model/dvc.h"
#include "mlops/model/plan.h"
#include "mlops/store/workspace.h"

struct dag_options {
    bool dot, mermaid, downstream, instances, is_pattern, whole;
};

static const struct option_row rows[] = {
    {"dot", 0, OPTION_FLAG_AT(struct dag_options, dot), .help = "Print a graph for Graphviz"},
    {"mermaid", 0, OPTION_FLAG_AT(struct dag_options, mermaid),
     .help = "Print a Mermaid flowchart, as Markdown viewers show it"},
    {"downstream", 'd', OPTION_FLAG_AT(struct dag_options, downstream),
     .help = "The targets and what uses them, not what they need"},
    {"pipeline", 'p', OPTION_FLAG_AT(struct dag_options, whole),
     .help = "The targets and all that is connected with them"},
    {"glob", 0, OPTION_FLAG_AT(struct dag_options, is_pattern),
     .help = "Targets are patterns of stage names, as in 'train*'"},
    {"instances", 0, OPTION_FLAG_AT(struct dag_options, instances),
     .help = "Every instance of a foreach or matrix stage by itself"},
};

static const char *const edge_names[] = {
    [PLAN_DATA] = "data", [PLAN_AFTER] = "after", [PLAN_GUARD] = "guard"};

/* "name" with what the format can't take replaced. */
static void add_quoted(struct buf *out, struct str name, bool is_mermaid)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (is_mermaid && c == '"')
            buf_add_text(out, "#quot;");
        else if (c == '"' || (c == '\\' && !is_mermaid))
            buf_print(out, "\\%c", c);
        else if ((unsigned char)c < 0x20)
            buf_add_char(out, ' ');
        else
            buf_add_char(out, c);
    }
    buf_add_char(out, '"');
}

static const char *dot_style(const struct dag_need *need)
{
    if (need->edge == PLAN_DATA)
        return "";
    return need->edge == PLAN_AFTER ? " [style=dotted]" : " [style=dashed]";
}

static void print_dot(struct context *context, const struct dag_node_vec *nodes)
{
    struct buf *out = &context->out;
    buf_add_text(out, "digraph pipeline {\n");
    vec_each (const struct dag_node, node, nodes) {
        struct str label = dag_label(context->arena, node);
        buf_add_text(out, "  ");
        add_quoted(out, label, false);
        buf_add_text(out, node->is_pointer      ? " [shape=box];\n"
                          : node->instances > 1 ? " [peripheries=2];\n"
                                                : ";\n");
        for (size_t n = 0; n < node->need_count; n++) {
            const struct dag_node *need = &nodes->at[node->needs[n].node];
            buf_add_text(out, "  ");
            add_quoted(out, dag_label(context->arena, need), false);
            buf_add_text(out, " -> ");
            add_quoted(out, label, false);
            buf_print(out, "%s;\n", dot_style(&node->needs[n]));
        }
    }
    buf_add_text(out, "}\n");
}

static void print_mermaid(struct context *context, const struct dag_node_vec *nodes)
{
    struct buf *out = &context->out;
    buf_add_text(out, "flowchart TD\n");
    for (size_t i = 0; i < nodes->len; i++) {
        const struct dag_node *node = &nodes->at[i];
        buf_print(out, "  s%zu%s", i, node->is_pointer ? "[(" : "[");
        add_quoted(out, dag_label(context->arena, node), true);
        buf_add_text(out, node->is_pointer ? ")]\n" : "]\n");
        for (size_t n = 0; n < node->need_count; n++)
            buf_print(out, "  s%u %s s%zu\n", node->needs[n].node,
                      node->needs[n].edge == PLAN_DATA ? "-->" : "-.->", i);
    }
}

static const struct stage *stage_at(const struct plan *plan, uint32_t index)
{
    return &plan->pipeline->stages.at[index];
}

static void add_names(struct json_writer *json, const char *name, struct str file,
                      struct str local_name, struct str group)
{
    json_name(json, name);
    json_open_object(json);
    json_name(json, "file");
    json_str(json, file);
    json_name(json, "name");
    json_str(json, local_name);
    if (group.len) {
        json_name(json, "group");
        json_str(json, group);
    }
    json_close_object(json);
}

/* The .dvc files that a stage reads from; `links` are sorted by stage. */
static void add_tracked(struct json_writer *json, const struct plan *plan,
                        const struct pointer_link_vec *links, uint32_t at)
{
    size_t low = 0, high = links->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (links->at[middle].stage < at)
            low = middle + 1;
        else
            high = middle;
    }
    json_name(json, "tracked");
    json_open_list(json);
    for (; low < links->len && links->at[low].stage == at; low++)
        json_str(json, plan->pipeline->pointers.at[links->at[low].pointer]->path);
    json_close_list(json);
}

static void add_json_stage(struct json_writer *json, const struct plan *plan,
                           const struct pointer_link_vec *links, uint32_t at)
{
    static const char *const kinds[] = {[STAGE_COMMAND] = "command",
                                        [STAGE_TRAIN] = "train",
                                        [STAGE_VALIDATE] = "validate",
                                        [STAGE_EVALUATE] = "evaluate"};
    const struct stage *stage = stage_at(plan, at);
    json_open_object(json);
    json_name(json, "name");
    json_str(json, stage->name);
    add_names(json, "written", stage->file->path, stage->local_name, stage->group);
    json_name(json, "kind");
    json_text(json, kinds[stage->kind]);
    json_name(json, "outs");
    json_open_list(json);
    vec_each (const struct output, out, &stage->outs)
        json_str(json, out->path);
    json_close_list(json);
    json_name(json, "needs");
    json_open_list(json);
    for (size_t n = 0; n < plan->stages[at].need_count; n++) {
        const struct plan_link *need = &plan->stages[at].needs[n];
        if (!plan->stages[need->stage].is_selected)
            continue;
        json_open_object(json);
        json_name(json, "stage");
        json_str(json, stage_at(plan, need->stage)->name);
        json_name(json, "edge");
        json_text(json, edge_names[need->edge]);
        json_close_object(json);
    }
    json_close_list(json);
    add_tracked(json, plan, links, at);
    json_close_object(json);
}

static void print_json(struct context *context, const struct plan *plan)
{
    struct pointer_link_vec links = plan_pointer_links(context->arena, plan->pipeline);
    struct json_writer json = report_json_open(context);
    json_name(&json, "pipeline");
    json_str(&json, plan->pipeline->path);
    json_name(&json, "stages");
    json_open_list(&json);
    for (size_t i = 0; i < plan->pipeline->stages.len; i++) {
        if (plan->stages[plan->order[i]].is_selected)
            add_json_stage(&json, plan, &links, plan->order[i]);
    }
    json_close_list(&json);
    report_json_close(&json);
}

/* Deeper than this a tree would not fit on any terminal; the rest is printed as plain lines. */
enum { TREE_LEVELS_MOST = 24, NEEDS_NAMED_MOST = 8 };

/* A stage stands once, below the last of the stages it needs (in the order of the plan); the others
 * are named behind it. */
struct tree_node {
    uint32_t parent;            /* index + 1; 0: a root */
    uint32_t first, last, next; /* children, index + 1 */
    int level;
};

struct dag_tree {
    struct context *context;
    const struct dag_node_vec *nodes;
    struct tree_node *places;
    uint32_t first, last; /* roots */
};

static void add_node(struct dag_tree *tree, uint32_t at)
{
    const struct dag_node *node = &tree->nodes->at[at];
    struct tree_node *place = &tree->places[at];
    for (size_t n = 0; n < node->need_count; n++) {
        uint32_t need = node->needs[n].node;
        if (need < at && need + 1 > place->parent)
            place->parent = need + 1;
    }
    struct tree_node *parent = place->parent ? &tree->places[place->parent - 1] : NULL;
    uint32_t *first = parent ? &parent->first : &tree->first;
    uint32_t *last = parent ? &parent->last : &tree->last;
    place->level = parent ? parent->level + 1 : 0;
    if (*last)
        tree->places[*last - 1].next = at + 1;
    else
        *first = at + 1;
    *last = at + 1;
}

static void add_indent(struct dag_tree *tree, uint32_t at)
{
    const char *parts[TREE_LEVELS_MOST];
    const struct tree_node *place = &tree->places[at];
    int count = 0;
    if (place->level >= TREE_LEVELS_MOST) {
        buf_add_repeated(&tree->context->out, ' ', 3 * TREE_LEVELS_MOST);
        return;
    }
    for (; place->parent; place = &tree->places[place->parent - 1]) {
        if (count == 0)
            parts[count++] = place->next ? "├─ " : "└─ ";
        else
            parts[count++] = place->next ? "│  " : "   ";
    }
    while (count > 0)
        buf_add_text(&tree->context->out, parts[--count]);
}

/* "(+ prepare, after check)": what else it needs. */
static void add_others(struct dag_tree *tree, uint32_t at)
{
    struct buf *out = &tree->context->out;
    const struct dag_node *node = &tree->nodes->at[at];
    bool is_deep = tree->places[at].level >= TREE_LEVELS_MOST;
    size_t told = 0, left = 0;
    for (size_t n = 0; n < node->need_count; n++) {
        const struct dag_need *need = &node->needs[n];
        bool is_parent = need->node + 1 == tree->places[at].parent;
        if (is_parent && need->edge == PLAN_DATA && !is_deep)
            continue;
        if (told == NEEDS_NAMED_MOST) {
            left++;
            continue;
        }
        buf_add_text(out, told++ ? ", " : is_deep ? "  (needs " : "  (+ ");
        if (need->edge != PLAN_DATA)
            buf_print(out, "%s ", edge_names[need->edge]);
        buf_add_escaped(out, tree->nodes->at[need->node].name, false);
    }
    if (left)
        buf_print(out, " and %zu more", left);
    if (told)
        buf_add_char(out, ')');
}

static void print_node(struct dag_tree *tree, uint32_t at)
{
    const struct dag_node *node = &tree->nodes->at[at];
    add_indent(tree, at);
    report_add_toned(tree->context, node->is_pointer ? TONE_DIM : TONE_STRONG,
                     dag_label(tree->context->arena, node));
    add_others(tree, at);
    buf_add_char(&tree->context->out, '\n');
}

/* Depth first by the links alone: no stack, however deep. */
static void print_tree(struct context *context, const struct dag_node_vec *nodes)
{
    struct dag_tree tree = {.context = context,
                            .nodes = nodes,
                            .places =
                                arena_new_array(context->arena, struct tree_node, nodes->len)};
    for (uint32_t i = 0; i < nodes->len; i++)
        add_node(&tree, i);
    uint32_t at = tree.first;
    while (at) {
        print_node(&tree, at - 1);
        uint32_t next = tree.places[at - 1].first;
        while (!next && at) {
            next = tree.places[at - 1].next;
            at = tree.places[at - 1].parent;
        }
        at = next;
    }
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct dag_options *options = opaque;
    bool names_pipeline = argc && is_pipeline_word(argv[0]);
    struct pipeline *pipeline = NULL;
    struct workspace *workspace = NULL;
    struct dag_node_vec nodes;
    struct plan plan;
    TRY(context_workspace(context, &workspace));
    TRY(context_pipeline(context, names_pipeline ? argv[0] : (struct str){0}, &pipeline));
    struct plan_options wanted = {
        .targets = argv + names_pipeline,
        .target_count = (size_t)(argc - names_pipeline),
        .cwd = workspace->cwd,
        .downstream = options->downstream,
        .is_pattern = options->is_pattern,
        .whole = options->whole,
        .all_files = argc == names_pipeline,
    };
    TRY(plan_make(context->arena, pipeline, &wanted, &plan));
    dag_of(context->arena, &plan, options->instances, &nodes);
    if (options->dot)
        print_dot(context, &nodes);
    else if (options->mermaid)
        print_mermaid(context, &nodes);
    else if (context->format == FORMAT_JSON)
        print_json(context, &plan);
    else
        print_tree(context, &nodes);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops dag", "show the stages as a tree"},
    {"mlops dag evaluate", "only 'evaluate' and what it needs"},
    {"mlops dag --dot | dot -Tsvg > dag.svg", "draw it with Graphviz"},
};

const struct cli_command cmd_dag = {
    .name = "dag",
    .group = GROUP_RUN,
    .arguments = "[PIPELINE] [TARGET...]",
    .summary = "Show the stages and what depends on what",
    .description = "Each stage stands once, below the last of those it needs; others that it "
                   "needs are named behind it. 'after' is an order without data, 'guard' waits "
                   "for a verdict. Of a foreach or matrix stage the number of instances stands "
                   "behind its name. In a project of several dvc.yaml files all of them are shown, "
                   "and .dvc files as what tracks data.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct dag_options),
    .words_most = -1,
    .completes = COMPLETE_STAGES | COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "lint, plan",
    .run = run,
};
