#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/model/plan.h"

struct dag_options {
    bool dot, mermaid, downstream;
};

static const struct option_row rows[] = {
    {"dot", 0, OPTION_FLAG_AT(struct dag_options, dot), .help = "Print a graph for Graphviz"},
    {"mermaid", 0, OPTION_FLAG_AT(struct dag_options, mermaid),
     .help = "Print a Mermaid flowchart, as Markdown viewers show it"},
    {"downstream", 'd', OPTION_FLAG_AT(struct dag_options, downstream),
     .help = "The targets and what uses them, not what they need"},
};

static const char *const edge_names[] = {
    [PLAN_DATA] = "data", [PLAN_AFTER] = "after", [PLAN_GUARD] = "guard"};

static const struct stage *stage_at(const struct plan *plan, uint32_t index)
{
    return &plan->pipeline->stages.at[index];
}

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

static void print_dot(struct buf *out, const struct plan *plan)
{
    buf_add_text(out, "digraph pipeline {\n");
    for (size_t i = 0; i < plan->pipeline->stages.len; i++) {
        uint32_t at = plan->order[i];
        if (!plan->stages[at].is_selected)
            continue;
        buf_add_text(out, "  ");
        add_quoted(out, stage_at(plan, at)->name, false);
        buf_add_text(out, ";\n");
        for (size_t n = 0; n < plan->stages[at].need_count; n++) {
            const struct plan_link *need = &plan->stages[at].needs[n];
            if (!plan->stages[need->stage].is_selected)
                continue;
            buf_add_text(out, "  ");
            add_quoted(out, stage_at(plan, need->stage)->name, false);
            buf_add_text(out, " -> ");
            add_quoted(out, stage_at(plan, at)->name, false);
            buf_add_text(out, need->edge == PLAN_DATA    ? ";\n"
                              : need->edge == PLAN_AFTER ? " [style=dotted];\n"
                                                         : " [style=dashed];\n");
        }
    }
    buf_add_text(out, "}\n");
}

static void print_mermaid(struct buf *out, const struct plan *plan)
{
    buf_add_text(out, "flowchart TD\n");
    for (size_t i = 0; i < plan->pipeline->stages.len; i++) {
        uint32_t at = plan->order[i];
        if (!plan->stages[at].is_selected)
            continue;
        buf_print(out, "  s%u[", at);
        add_quoted(out, stage_at(plan, at)->name, true);
        buf_add_text(out, "]\n");
        for (size_t n = 0; n < plan->stages[at].need_count; n++) {
            const struct plan_link *need = &plan->stages[at].needs[n];
            if (plan->stages[need->stage].is_selected)
                buf_print(out, "  s%u %s s%u\n", need->stage,
                          need->edge == PLAN_DATA ? "-->" : "-.->", at);
        }
    }
}

static void add_json_stage(struct json_writer *json, const struct plan *plan, uint32_t at)
{
    static const char *const kinds[] = {[STAGE_COMMAND] = "command",
                                        [STAGE_TRAIN] = "train",
                                        [STAGE_VALIDATE] = "validate",
                                        [STAGE_EVALUATE] = "evaluate"};
    const struct stage *stage = stage_at(plan, at);
    json_open_object(json);
    json_name(json, "name");
    json_str(json, stage->name);
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
    json_close_object(json);
}

static void print_json(struct context *context, const struct plan *plan)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "pipeline");
    json_str(&json, plan->pipeline->path);
    json_name(&json, "stages");
    json_open_list(&json);
    for (size_t i = 0; i < plan->pipeline->stages.len; i++) {
        if (plan->stages[plan->order[i]].is_selected)
            add_json_stage(&json, plan, plan->order[i]);
    }
    json_close_list(&json);
    report_json_close(&json);
}

/* Deeper than this a tree would not fit on any terminal; the rest is printed as plain lines. */
enum { TREE_LEVELS_MOST = 24 };

/* A stage stands once, below the last of the stages it needs (in the order of the plan); the others
 * are named behind it. */
struct tree_node {
    uint32_t parent;            /* index + 1; 0: a root */
    uint32_t first, last, next; /* children, index + 1 */
    int level;
};

struct dag_tree {
    struct context *context;
    const struct plan *plan;
    struct tree_node *nodes;
    uint32_t *positions;  /* of each stage in the order */
    uint32_t first, last; /* roots */
};

static void add_node(struct dag_tree *tree, uint32_t at)
{
    const struct plan_stage *stage = &tree->plan->stages[at];
    struct tree_node *node = &tree->nodes[at];
    uint32_t position = 0;
    for (size_t n = 0; n < stage->need_count; n++) {
        uint32_t need = stage->needs[n].stage;
        if (tree->plan->stages[need].is_selected && tree->positions[need] + 1 > position) {
            position = tree->positions[need] + 1;
            node->parent = need + 1;
        }
    }
    struct tree_node *parent = node->parent ? &tree->nodes[node->parent - 1] : NULL;
    uint32_t *first = parent ? &parent->first : &tree->first;
    uint32_t *last = parent ? &parent->last : &tree->last;
    node->level = parent ? parent->level + 1 : 0;
    if (*last)
        tree->nodes[*last - 1].next = at + 1;
    else
        *first = at + 1;
    *last = at + 1;
}

static void add_indent(struct dag_tree *tree, uint32_t at)
{
    const char *parts[TREE_LEVELS_MOST];
    const struct tree_node *node = &tree->nodes[at];
    int count = 0;
    if (node->level >= TREE_LEVELS_MOST) {
        buf_add_repeated(&tree->context->out, ' ', 3 * TREE_LEVELS_MOST);
        return;
    }
    for (; node->parent; node = &tree->nodes[node->parent - 1]) {
        if (count == 0)
            parts[count++] = node->next ? "├─ " : "└─ ";
        else
            parts[count++] = node->next ? "│  " : "   ";
    }
    while (count > 0)
        buf_add_text(&tree->context->out, parts[--count]);
}

/* "(+ prepare, after check)": what else it needs. */
static void add_others(struct dag_tree *tree, uint32_t at)
{
    struct buf *out = &tree->context->out;
    const struct plan_stage *stage = &tree->plan->stages[at];
    bool is_deep = tree->nodes[at].level >= TREE_LEVELS_MOST;
    bool has_any = false;
    for (size_t n = 0; n < stage->need_count; n++) {
        const struct plan_link *need = &stage->needs[n];
        bool is_parent = need->stage + 1 == tree->nodes[at].parent;
        bool is_told = is_parent && need->edge == PLAN_DATA && !is_deep;
        if (is_told || !tree->plan->stages[need->stage].is_selected)
            continue;
        buf_add_text(out, has_any ? ", " : is_deep ? "  (needs " : "  (+ ");
        if (need->edge != PLAN_DATA)
            buf_print(out, "%s ", edge_names[need->edge]);
        buf_add_escaped(out, stage_at(tree->plan, need->stage)->name, false);
        has_any = true;
    }
    if (has_any)
        buf_add_char(out, ')');
}

static void print_node(struct dag_tree *tree, uint32_t at)
{
    add_indent(tree, at);
    report_add_toned(tree->context, TONE_STRONG, stage_at(tree->plan, at)->name);
    add_others(tree, at);
    buf_add_char(&tree->context->out, '\n');
}

/* Depth first by the links alone: no stack, however deep. */
static void print_tree(struct context *context, const struct plan *plan)
{
    size_t count = plan->pipeline->stages.len;
    struct dag_tree tree = {.context = context,
                            .plan = plan,
                            .nodes = arena_new_array(context->arena, struct tree_node, count),
                            .positions = arena_new_array(context->arena, uint32_t, count)};
    for (size_t i = 0; i < count; i++)
        tree.positions[plan->order[i]] = (uint32_t)i;
    for (size_t i = 0; i < count; i++) {
        if (plan->stages[plan->order[i]].is_selected)
            add_node(&tree, plan->order[i]);
    }
    uint32_t at = tree.first;
    while (at) {
        print_node(&tree, at - 1);
        uint32_t next = tree.nodes[at - 1].first;
        while (!next && at) {
            next = tree.nodes[at - 1].next;
            at = tree.nodes[at - 1].parent;
        }
        at = next;
    }
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct dag_options *options = opaque;
    bool names_pipeline = argc && is_pipeline_word(argv[0]);
    struct pipeline *pipeline = NULL;
    struct plan plan;
    TRY(context_pipeline(context, names_pipeline ? argv[0] : (struct str){0}, &pipeline));
    struct plan_options wanted = {
        .targets = argv + names_pipeline,
        .target_count = (size_t)(argc - names_pipeline),
        .downstream = options->downstream,
    };
    TRY(plan_make(context->arena, pipeline, &wanted, &plan));
    if (options->dot)
        print_dot(&context->out, &plan);
    else if (options->mermaid)
        print_mermaid(&context->out, &plan);
    else if (context->format == FORMAT_JSON)
        print_json(context, &plan);
    else
        print_tree(context, &plan);
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
                   "for a verdict.",
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
