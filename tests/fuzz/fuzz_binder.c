/* The language: bytes -> document -> pipeline -> plan, in both dialects. What is taken keeps the
 * promises that a run relies on; what is refused has a place. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/codec/doc.h"
#include "mlops/model/gate.h"
#include "mlops/model/name.h"
#include "mlops/model/plan.h"

#include "replay.h"

static void check_errors(struct error *errors)
{
    for (const struct error *error = errors; error; error = error->next)
        check(error->text[0] && (error->mark.line >= 1 || !error->mark.file));
    error_drop(errors);
}

static void check_outputs(const struct plan *plan, const struct stage *stage)
{
    vec_each (struct output, output, &stage->outs) {
        check(plan_producer(plan, output->path) == stage);
        check(plan_touches_output(plan, output->path));
        check(!output->is_cached || !path_fault(output->path));
        check(!path_is_within(plan->pipeline->path, output->path));
    }
}

/* Every stage stands once in the order, behind all that it needs. */
static void check_order(struct arena *arena, const struct plan *plan)
{
    size_t count = plan->pipeline->stages.len;
    bool *is_done = arena_new_array(arena, bool, count);
    for (size_t i = 0; i < count; i++) {
        const struct plan_stage *stage = &plan->stages[plan->order[i]];
        for (size_t j = 0; j < stage->need_count; j++)
            check(is_done[stage->needs[j].stage]);
        check(!is_done[plan->order[i]]);
        is_done[plan->order[i]] = true;
    }
}

/* What a built-in evaluation is told is read back from its command. */
static void check_evaluation(const struct stage *stage)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct evaluating read;
    check(evaluating_parse(&arena, stage->cmd.items[0], &read));
    check(str_equal(evaluating_print(&arena, &read), stage->cmd.items[0]));
    check(str_equal(read.predictions, stage->evaluating->predictions));
}

static void check_stage(const struct plan *plan, const struct stage *stage)
{
    bool is_dvc = plan->pipeline->dialect == DOC_DVC;
    check(!name_fault(stage->name, is_dvc || stage->group.len));
    check((is_dvc || stage->cmd.count > 0) && stage->timeout_ns >= 0);
    if (stage->evaluating)
        check_evaluation(stage);
    vec_each (struct dependency, dep, &stage->deps)
        check(dep->is_url || !path_text_fault(dep->path));
    check_outputs(plan, stage);
}

/* One file of values, the same for all. */
static struct error *load(void *context, struct str path, const struct doc **ret)
{
    static const char values[] = "{k: 1, item: 2, l: [a, b], m: {x: {y: 1}}, key: ~}";
    struct doc *doc = NULL;
    *ret = NULL;
    if (!str_equal(path_name(path), STR("values.yaml")))
        return NULL;
    const struct doc_options options = {.dialect = DOC_DVC};
    TRY(doc_parse(context, path, str_of(values), &options, &doc));
    *ret = doc;
    return NULL;
}

static struct error *bind(struct arena *arena, const struct doc *doc, struct str path,
                          struct pipeline **ret)
{
    static const char *const environment[] = {"HOME=/srv/u", NULL};
    const struct pipeline_part part = {path, doc};
    const struct pipeline_sources sources = {
        .parts = &part,
        .count = 1,
        .load = load,
        .context = arena,
        .environment = environment,
    };
    return pipeline_bind_sources(arena, &sources, ret);
}

static struct error *plan_doc(struct arena *arena, const struct doc *doc, struct str path)
{
    struct pipeline *pipeline = NULL;
    struct plan plan;
    TRY(bind(arena, doc, path, &pipeline));
    TRY(plan_make(arena, pipeline, &(struct plan_options){0}, &plan));
    vec_each (struct stage, stage, &pipeline->stages)
        check_stage(&plan, stage);
    check_order(arena, &plan);
    check(plan.selected_count == pipeline->stages.len);
    if (pipeline->stages.len) {
        struct str last = pipeline->stages.at[pipeline->stages.len - 1].name;
        struct plan_options options = {.targets = &last, .target_count = 1, .downstream = true};
        return plan_make(arena, pipeline, &options, &plan);
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str paths[] = {STR_ROW("sub/pipeline.yaml"), STR_ROW("dvc.yaml")};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct doc *doc = NULL;
        struct doc_options options = {.dialect = pipeline_dialect(paths[i]), .nodes_most = 20000};
        struct str bytes = {(const char *)data, size};
        struct error *errors = doc_parse(&arena, paths[i], bytes, &options, &doc);
        if (!errors)
            errors = plan_doc(&arena, doc, paths[i]);
        check_errors(errors);
    }
    return 0;
}
