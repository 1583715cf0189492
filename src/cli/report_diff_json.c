#include "mlops/cli/report_run.h"
#include "mlops/cli/stages.h"

#include "report_diff_private.h"

static void add_str(struct json_writer *json, const char *name, struct str value)
{
    json_name(json, name);
    if (value.at)
        json_str(json, value);
    else
        json_null(json);
}

static void add_side(struct json_writer *json, const char *name, struct str title,
                     const struct code_state *code)
{
    json_name(json, name);
    json_open_object(json);
    add_str(json, "title", title);
    json_name(json, "code");
    code_json(json, code);
    json_close_object(json);
}

static void add_metrics(struct json_writer *json, const struct run_diff *diff)
{
    json_name(json, "metrics");
    json_open_list(json);
    vec_each (const struct diff_metric, metric, &diff->metrics) {
        json_open_object(json);
        json_name(json, "change");
        json_text(json, diff_change_name(metric->change));
        add_str(json, "file", metric->file);
        add_str(json, "key", metric->key);
        add_str(json, "before", metric->before);
        add_str(json, "after", metric->after);
        json_name(json, "before_value");
        json_real(json, metric->before_value);
        json_name(json, "after_value");
        json_real(json, metric->after_value);
        json_name(json, "delta");
        json_real(json, metric->delta);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_params(struct json_writer *json, const struct run_diff *diff)
{
    json_name(json, "params");
    json_open_list(json);
    vec_each (const struct diff_param, param, &diff->params) {
        json_open_object(json);
        json_name(json, "change");
        json_text(json, diff_change_name(param->change));
        add_str(json, "file", param->file);
        add_str(json, "key", param->key);
        add_str(json, "before", param->before);
        add_str(json, "after", param->after);
        json_close_object(json);
    }
    json_close_list(json);
}

/* null: not a directory, or not known on both sides. */
static void add_files(struct json_writer *json, const struct diff_files *files)
{
    json_name(json, "files");
    if (!files->is_known) {
        json_null(json);
        return;
    }
    json_open_object(json);
    json_name(json, "added");
    json_int(json, files->added);
    json_name(json, "removed");
    json_int(json, files->removed);
    json_name(json, "changed");
    json_int(json, files->changed);
    json_name(json, "listed");
    json_open_list(json);
    vec_each (const struct diff_file, file, &files->listed) {
        json_open_object(json);
        json_name(json, "change");
        json_text(json, diff_change_name(file->change));
        add_str(json, "path", file->path);
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
}

static void add_data(struct json_writer *json, const struct run_diff *diff)
{
    json_name(json, "data");
    json_open_list(json);
    vec_each (const struct diff_data, data, &diff->data) {
        json_open_object(json);
        json_name(json, "change");
        json_text(json, diff_change_name(data->change));
        json_name(json, "role");
        json_text(json, data->role == DIFF_OUTPUT ? "output" : "input");
        add_str(json, "path", data->path);
        json_name(json, "before");
        artifact_json(json, &data->before);
        json_name(json, "after");
        artifact_json(json, &data->after);
        add_files(json, &data->files);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_duration(struct json_writer *json, const char *name, int64_t duration_ns)
{
    json_name(json, name);
    if (duration_ns < 0)
        json_null(json);
    else
        json_real(json, report_seconds(duration_ns));
}

static void add_stages(struct context *context, struct json_writer *json,
                       const struct run_diff *diff)
{
    json_name(json, "stages");
    json_open_list(json);
    vec_each (const struct diff_stage, stage, &diff->stages) {
        json_open_object(json);
        json_name(json, "change");
        json_text(json, diff_change_name(stage->change));
        add_str(json, "stage", stage->stage);
        reasons_json(json, context->arena, &stage->reasons);
        add_duration(json, "before_s", stage->before_ns);
        add_duration(json, "after_s", stage->after_ns);
        json_close_object(json);
    }
    json_close_list(json);
}

void report_diff_json(struct context *context, const struct run_diff *diff)
{
    struct json_writer json = report_json_open(context);
    add_side(&json, "before", diff->before_title, &diff->code.before);
    add_side(&json, "after", diff->after_title, &diff->code.after);
    json_name(&json, "is_empty");
    json_bool(&json, diff_is_empty(diff));
    add_metrics(&json, diff);
    add_params(&json, diff);
    add_data(&json, diff);
    json_name(&json, "code");
    json_open_object(&json);
    json_name(&json, "differs");
    json_bool(&json, diff->code.differs);
    json_name(&json, "files");
    json_open_list(&json);
    vec_each (const struct str, file, &diff->code.files)
        json_str(&json, *file);
    json_close_list(&json);
    json_close_object(&json);
    add_stages(context, &json, diff);
    report_json_close(&json);
}
