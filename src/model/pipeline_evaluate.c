/* The kind `evaluate`: gates, and what is measured of predictions instead of by a command. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"

#include <math.h>

#include "checks_private.h"
#include "gate_private.h"
#include "pipeline_private.h"

/* --- gates --- */

static const struct output *metrics_of(const struct stage *stage)
{
    vec_each (const struct output, output, &stage->outs) {
        if (output->category == OUT_METRICS)
            return output;
    }
    return NULL;
}

/* `slices` of a built-in evaluation are columns that it slices by. */
static bool has_slices(struct binding *binding, const struct stage *stage, const struct gate *gate)
{
    vec_each (const struct str, column, &gate->slices) {
        bool is_there = !stage->evaluating;
        vec_each (const struct str, known,
                  stage->evaluating ? &stage->evaluating->slices : &gate->slices)
            is_there |= str_equal(*known, *column);
        if (is_there)
            continue;
        binding_error(binding, gate->node, "gate '%.*s': the stage has no '%.*s' in its 'slices'",
                      STR_FMT(gate->metric), STR_FMT(*column));
        return false;
    }
    return true;
}

static void bind_gate_list(struct binding *binding, struct stage *stage,
                           const struct doc_node *list)
{
    struct gate_vec *gates = arena_new(binding->binder.arena, struct gate_vec);
    *gates = (struct gate_vec){0};
    for (const struct doc_node *item = list->first; item; item = item->next) {
        struct gate gate;
        if (gate_bind(&binding->binder, item, stage->evaluating, &gate) &&
            has_slices(binding, stage, &gate))
            *vec_push(binding->binder.arena, gates) = gate;
    }
    stage->gates = gates->len ? gates : NULL;
}

void pipeline_bind_gates(struct binding *binding, const struct draft *draft)
{
    struct stage *stage = draft->stage;
    if (draft->kind != STAGE_EVALUATE)
        binding_error(binding, draft->gates->key, "'gates' is for stages of kind 'evaluate'");
    else if (!binding_list(binding, draft->gates, "gates", "gates"))
        return;
    else if (draft->gates->count > (size_t)LIMIT_GATES)
        binding_error(binding, draft->gates, "'gates' has more than %lld items",
                      (long long)LIMIT_GATES);
    else if (!metrics_of(stage))
        binding_error(binding, draft->gates->key,
                      "stage '%.*s' has 'gates' and no 'metrics' that they could judge",
                      STR_FMT(stage->name));
    else
        bind_gate_list(binding, stage, draft->gates);
}

/* --- built in --- */

static void refuse_commands(struct binding *binding, const struct draft *draft)
{
    const struct doc_node *const nodes[] = {draft->cmd, draft->outs, draft->model,
                                            draft->common.env, draft->common.retries};
    for (size_t i = 0; i < COUNT_OF(nodes); i++) {
        if (nodes[i])
            binding_error(binding, nodes[i]->key,
                          "'%.*s' is for commands; a stage with 'predictions' runs none",
                          STR_FMT(nodes[i]->key->text));
    }
}

void pipeline_refuse_evaluation(struct binding *binding, const struct draft *draft)
{
    const struct doc_node *const nodes[] = {draft->slices,  draft->threshold, draft->positive,
                                            draft->columns, draft->task,      draft->predictions};
    for (size_t i = 0; i < COUNT_OF(nodes); i++) {
        if (nodes[i])
            binding_error(binding, nodes[i]->key,
                          "'%.*s' is for stages of kind 'evaluate' with 'predictions'",
                          STR_FMT(nodes[i]->key->text));
    }
}

static void bind_predictions(struct binding *binding, struct stage *stage,
                             const struct doc_node *node, struct evaluating *evaluating)
{
    struct arena *arena = binding->binder.arena;
    struct str written;
    if (!binding_text(binding, node, "predictions", &written))
        return;
    if (text_is_url(written) || glob_is_pattern(written)) {
        binding_error(binding, node, "'%.*s' is a %s: predictions are one file of the project",
                      STR_FMT(written), text_is_url(written) ? "URL" : "pattern");
        return;
    }
    if (!binding_path(binding, node, stage->wdir, text_unescape(arena, written),
                      &evaluating->predictions))
        return;
    vec_each (struct dependency, known, &stage->deps) {
        if (str_equal(known->path, evaluating->predictions))
            return;
    }
    *vec_push(arena, &stage->deps) =
        (struct dependency){.path = evaluating->predictions, .written = written, .node = node};
}

static void bind_task(struct binding *binding, const struct draft *draft,
                      struct evaluating *evaluating)
{
    const struct doc_node *node = draft->task;
    if (!node) {
        binding_error(binding, draft->predictions->key,
                      "stage '%.*s' has 'predictions' and no 'task': binary, multiclass or "
                      "regression",
                      STR_FMT(draft->stage->name));
        return;
    }
    for (int i = 0; node->kind == DOC_STR && gate_tasks[i]; i++) {
        if (!str_is(node->text, gate_tasks[i]))
            continue;
        evaluating->task = i;
        return;
    }
    if (node->kind == DOC_STR)
        binding_error(binding, node,
                      "'task' in stage '%.*s' must be binary, multiclass or regression, found "
                      "'%.*s'",
                      STR_FMT(draft->stage->name), STR_FMT(str_slice(node->text, 0, 64)));
    else
        binding_expected(binding, node, "task", "binary, multiclass or regression");
}

/* Only two classes have a threshold between them. */
static void bind_binary(struct binding *binding, const struct draft *draft,
                        struct evaluating *evaluating)
{
    const struct doc_node *const nodes[] = {draft->threshold, draft->positive};
    for (size_t i = 0; i < COUNT_OF(nodes); i++) {
        if (nodes[i] && evaluating->task != 0)
            binding_error(binding, nodes[i]->key, "'%.*s' is for 'task: binary'",
                          STR_FMT(nodes[i]->key->text));
    }
    if (draft->threshold)
        evaluating->has_threshold =
            gate_bind_number(&binding->binder, draft->threshold, -HUGE_VAL, __DBL_MAX__,
                             "a number such as 0.5", &evaluating->threshold);
    if (draft->positive)
        (void)binding_text(binding, draft->positive, "positive", &evaluating->positive);
}

static void bind_columns(struct binding *binding, const struct doc_node *node,
                         struct evaluating *evaluating)
{
    struct draft_columns columns = {0};
    if (!node)
        return;
    schema_bind(&binding->binder, &gate_schema_columns, STR("of 'columns'"), node, &columns);
    evaluating->label = columns.label;
    evaluating->score = columns.score;
    evaluating->prediction = columns.prediction;
    evaluating->id = columns.id;
    evaluating->weight = columns.weight;
}

static struct output *only_output(struct binding *binding, struct stage *stage,
                                  enum out_category category, const struct doc_node *node)
{
    struct output *found = NULL;
    vec_each (struct output, output, &stage->outs) {
        if (output->category != category)
            continue;
        if (found)
            binding_error(binding, output->node,
                          "a stage with 'predictions' makes one '%.*s', not several",
                          STR_FMT(node->key->text));
        found = output;
    }
    return found;
}

/* The evaluation, and the metrics where no place is named for them, lie below mlops' own folder. */
static void bind_outputs(struct binding *binding, const struct draft *draft,
                         struct evaluating *evaluating)
{
    struct stage *stage = draft->stage;
    const struct output *charts = NULL, *metrics = NULL;
    if (draft->plots)
        charts = only_output(binding, stage, OUT_PLOT, draft->plots);
    if (draft->metrics)
        metrics = only_output(binding, stage, OUT_METRICS, draft->metrics);
    evaluating->measured = pipeline_measured_path(binding, stage, "");
    evaluating->charts = charts ? charts->path : STR("");
    evaluating->metrics =
        metrics ? metrics->path : pipeline_measured_path(binding, stage, "-metrics");
    if (metrics && !str_ends(metrics->path, STR(".json")))
        binding_error(binding, metrics->node,
                      "the metrics of a stage with 'predictions' are JSON: name a file that ends "
                      "in .json");
    if (!metrics)
        pipeline_add_measured(binding, stage, evaluating->metrics, OUT_METRICS, draft->predictions);
    pipeline_add_measured(binding, stage, evaluating->measured, OUT_PLAIN, draft->predictions);
}

void pipeline_bind_evaluate(struct binding *binding, const struct draft *draft)
{
    struct arena *arena = binding->binder.arena;
    struct stage *stage = draft->stage;
    struct evaluating *evaluating = arena_new(arena, struct evaluating);
    *evaluating = (struct evaluating){0};
    refuse_commands(binding, draft);
    bind_predictions(binding, stage, draft->predictions, evaluating);
    bind_task(binding, draft, evaluating);
    bind_binary(binding, draft, evaluating);
    bind_columns(binding, draft->columns, evaluating);
    if (draft->slices)
        check_bind_texts(&binding->binder, draft->slices, &evaluating->slices);
    bind_outputs(binding, draft, evaluating);
    stage->cmd.items = arena_new(arena, struct str);
    stage->cmd.items[0] = evaluating_print(arena, evaluating);
    stage->cmd.count = 1;
    stage->evaluating = evaluating;
    if (stage->cmd.items[0].len > (size_t)LIMIT_COMMAND_BYTES)
        binding_error(binding, draft->predictions->key,
                      "stage '%.*s': names of its paths and columns are longer than %lld bytes",
                      STR_FMT(stage->name), (long long)LIMIT_COMMAND_BYTES);
}
