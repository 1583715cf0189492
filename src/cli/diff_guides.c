#include "mlops/cli/diff_guides.h"

#include "mlops/base/arena.h"
#include "mlops/data/score.h"
#include "mlops/model/gate.h"

static const char EVALUATE_COMMAND[] = "mlops evaluate ";

bool diff_evaluating(struct arena *arena, const struct run_view_stage *stage,
                     struct evaluating *ret)
{
    const struct recipe *recipe = stage->recipe;
    return recipe && recipe->cmd.count == 1 &&
           str_starts(recipe->cmd.items[0], str_of(EVALUATE_COMMAND)) &&
           evaluating_parse(arena, recipe->cmd.items[0], ret);
}

enum metric_rank metric_rank_of(const struct evaluating *evaluating, struct str key)
{
    size_t row = 0, count = 0;
    if (!evaluating)
        return METRIC_USUAL;
    if (score_find((enum task)evaluating->task, key, &row))
        return score_rows(&count)[row].is_main ? METRIC_MAIN : METRIC_USUAL;
    return str_find_char(key, '.') < 0 ? METRIC_USUAL : METRIC_DETAIL;
}

/* --- gates --- */

/* "metrics.json:f1" names its file; of a built-in evaluation "f1" may be short. */
static struct diff_guide guide_of_gate(const struct stage *stage, const struct gate *gate)
{
    size_t row = 0, count = 0;
    struct diff_guide guide = {.key = gate->metric, .direction = gate->direction};
    ptrdiff_t colon = str_find_char(gate->metric, ':');
    if (colon >= 0) {
        guide.file = str_slice(gate->metric, 0, (size_t)colon);
        guide.key = str_slice(gate->metric, (size_t)colon + 1, gate->metric.len);
    }
    if (!stage->evaluating)
        return guide;
    guide.file = guide.file.len ? guide.file : stage->evaluating->metrics;
    if (score_find((enum task)stage->evaluating->task, guide.key, &row))
        guide.key = str_of(score_rows(&count)[row].name);
    return guide;
}

static void add_gates(struct arena *arena, const struct pipeline *pipeline,
                      struct diff_guide_vec *ret)
{
    vec_each (const struct stage, stage, &pipeline->stages) {
        for (size_t i = 0; stage->gates && i < stage->gates->len; i++) {
            bool is_first = ret->len == 0;
            struct diff_guide *guide = vec_push(arena, ret);
            *guide = guide_of_gate(stage, &stage->gates->at[i]);
            guide->is_main = is_first;
        }
    }
}

/* --- built-in evaluations --- */

static void add_evaluation(struct arena *arena, const struct evaluating *evaluating, bool has_main,
                           struct diff_guide_vec *ret)
{
    size_t count = 0;
    const struct score_row *rows = score_rows(&count);
    *vec_push(arena, ret) = (struct diff_guide){.file = evaluating->metrics};
    for (size_t i = 0; i < count; i++) {
        if (rows[i].tasks & 1u << evaluating->task)
            *vec_push(arena, ret) = (struct diff_guide){
                .file = evaluating->metrics,
                .key = str_of(rows[i].name),
                .direction = rows[i].direction,
                .is_main = rows[i].is_main && !has_main,
            };
    }
}

/* Of a file that an evaluation makes on both sides once. */
static bool is_known(const struct diff_guide_vec *guides, size_t from, struct str file)
{
    for (size_t i = from; i < guides->len; i++)
        if (str_equal(guides->at[i].file, file))
            return true;
    return false;
}

static void add_evaluations(struct arena *arena, const struct run_view *view, size_t gate_count,
                            struct diff_guide_vec *ret)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        struct evaluating evaluating;
        if (diff_evaluating(arena, &view->stages[i], &evaluating) &&
            !is_known(ret, gate_count, evaluating.metrics))
            add_evaluation(arena, &evaluating, gate_count > 0, ret);
    }
}

static bool has_metrics(const struct run_view *view)
{
    for (size_t i = 0; i < view->stage_count; i++)
        if (view->stages[i].metrics.len)
            return true;
    return false;
}

FALLIBLE diff_guides_find(struct context *context, struct str pipeline,
                          const struct run_view *before, const struct run_view *after,
                          struct diff_guide_vec *ret)
{
    struct pipeline *found = NULL;
    if (!has_metrics(before) || !has_metrics(after))
        return NULL;
    struct error *error = context_pipeline(context, pipeline, &found);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    if (!error)
        add_gates(context->arena, found, ret);
    error_drop(error);
    size_t gate_count = ret->len;
    add_evaluations(context->arena, after, gate_count, ret);
    add_evaluations(context->arena, before, gate_count, ret);
    return NULL;
}
