#include "mlops/base/arena.h"

#include "lint_private.h"

struct str lint_local_name(const struct stage *stage)
{
    return stage->local_name.len ? stage->local_name : stage->name;
}

static void print_tracked(struct json_writer *json, const struct tracked_vec *tracked)
{
    struct str file = {0};
    json_open_object(json);
    vec_each (const struct tracked_value, value, tracked) {
        bool is_first = value == tracked->at;
        if (is_first || !str_equal(file, value->file)) {
            if (!is_first)
                json_close_object(json);
            file = value->file;
            json_name_str(json, file);
            json_open_object(json);
        }
        json_name_str(json, value->key);
        lint_print_value(json, value->value);
    }
    json_close_object(json);
    json_close_object(json);
}

struct stage_range {
    const struct stage *from, *to;
};

static struct stage_range named_stages(const struct pipeline *pipeline)
{
    const struct stage *stages = pipeline->stages.at;
    if (!stages || !pipeline->files.len)
        return (struct stage_range){stages, stages ? stages + pipeline->stages.len : NULL};
    const struct pipeline_file *file = pipeline->files.at;
    return (struct stage_range){stages + file->stage_first,
                                stages + file->stage_first + file->stage_count};
}

static void print_all_tracked(struct json_writer *json, struct stage_range range)
{
    bool has_any = false;
    for (const struct stage *stage = range.from; stage != range.to; stage++)
        has_any = has_any || stage->tracked.len;
    if (!has_any)
        return;
    json_name(json, "tracked");
    json_open_object(json);
    for (const struct stage *stage = range.from; stage != range.to; stage++) {
        if (!stage->tracked.len)
            continue;
        json_name_str(json, lint_local_name(stage));
        print_tracked(json, &stage->tracked);
    }
    json_close_object(json);
}

static void print_sections(struct json_writer *json, const struct pipeline *pipeline)
{
    if (!pipeline->files.len)
        return;
    const struct pipeline_file *file = pipeline->files.at;
    lint_print_named(json, "metrics", file->metrics_node);
    lint_print_named(json, "plots", file->plots);
    lint_print_named(json, "params", file->params_node);
    lint_print_named(json, "artifacts", file->artifacts);
    lint_print_named(json, "datasets", file->datasets);
}

static void print_stage(struct json_writer *json, const struct stage *stage)
{
    json_name_str(json, lint_local_name(stage));
    lint_print_value(json, stage->node);
}

void lint_resolved_json(struct arena *arena, struct json_writer *json, const struct plan *plan)
{
    struct stage_range range = named_stages(plan->pipeline);
    json_name(json, "order");
    json_open_list(json);
    for (const struct stage *stage = range.from; stage != range.to; stage++)
        json_str(json, lint_local_name(stage));
    json_close_list(json);
    json_name(json, "stages");
    json_open_object(json);
    for (const struct stage *stage = range.from; stage != range.to; stage++)
        print_stage(json, stage);
    json_close_object(json);
    json_name(json, "model");
    json_open_object(json);
    for (const struct stage *stage = range.from; stage != range.to; stage++) {
        json_name_str(json, lint_local_name(stage));
        lint_print_model(arena, json, stage);
    }
    json_close_object(json);
    print_all_tracked(json, range);
    print_sections(json, plan->pipeline);
    lint_print_edges(arena, json, plan);
}
