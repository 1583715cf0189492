#include "mlops/cli/report_run.h"
#include "mlops/cli/stages.h"

#include <math.h>

#include "report_diff_private.h"

static void add_str(struct json_writer *json, const char *name, struct str value)
{
    json_name(json, name);
    if (value.at)
        json_str(json, value);
    else
        json_null(json);
}

static void add_text(struct json_writer *json, const char *name, const char *value)
{
    json_name(json, name);
    json_text(json, value);
}

static void add_int(struct json_writer *json, const char *name, int64_t value)
{
    json_name(json, name);
    json_int(json, value);
}

/* null: unknown. */
static void add_known(struct json_writer *json, const char *name, bool is_known, int64_t value)
{
    json_name(json, name);
    if (is_known)
        json_int(json, value);
    else
        json_null(json);
}

static void add_real(struct json_writer *json, const char *name, double value)
{
    json_name(json, name);
    json_real(json, value);
}

static void add_bool(struct json_writer *json, const char *name, bool value)
{
    json_name(json, name);
    json_bool(json, value);
}

static void open_list(struct json_writer *json, const char *name)
{
    json_name(json, name);
    json_open_list(json);
}

static void add_words(struct json_writer *json, const char *name, const struct str_vec *words)
{
    open_list(json, name);
    vec_each (const struct str, word, words)
        json_str(json, *word);
    json_close_list(json);
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

/* null: not tested. */
static void add_test(struct json_writer *json, const struct diff_metric *metric)
{
    json_name(json, "test");
    if (!metric->test) {
        json_null(json);
        return;
    }
    json_open_object(json);
    add_text(json, "name", metric->test);
    add_real(json, "p", metric->p);
    add_real(json, "p_holm", metric->p_holm);
    add_real(json, "low", metric->low);
    add_real(json, "high", metric->high);
    add_real(json, "level", metric->level);
    json_close_object(json);
}

static void add_metrics(struct json_writer *json, const struct run_diff *diff)
{
    open_list(json, "metrics");
    vec_each (const struct diff_metric, metric, &diff->metrics) {
        json_open_object(json);
        add_text(json, "change", diff_change_name(metric->change));
        add_str(json, "stage", metric->stage);
        add_str(json, "file", metric->file);
        add_str(json, "key", metric->key);
        add_str(json, "before", metric->before);
        add_str(json, "after", metric->after);
        add_real(json, "before_value", metric->before_value);
        add_real(json, "after_value", metric->after_value);
        add_real(json, "delta", metric->delta);
        add_text(json, "direction", metric_direction_name(metric->direction));
        add_text(json, "judgement", diff_judgement_name(metric->judgement));
        add_bool(json, "is_main", metric->is_main);
        add_bool(json, "is_detail", metric->is_detail);
        add_test(json, metric);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_params(struct json_writer *json, const struct run_diff *diff)
{
    open_list(json, "params");
    vec_each (const struct diff_param, param, &diff->params) {
        json_open_object(json);
        add_text(json, "change", diff_change_name(param->change));
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
    add_int(json, "added", files->added);
    add_int(json, "removed", files->removed);
    add_int(json, "changed", files->changed);
    add_int(json, "renamed", files->renamed);
    add_int(json, "added_bytes", files->added_bytes);
    add_int(json, "removed_bytes", files->removed_bytes);
    add_int(json, "changed_bytes", files->changed_bytes);
    open_list(json, "listed");
    vec_each (const struct diff_file, file, &files->listed) {
        json_open_object(json);
        add_text(json, "change", diff_change_name(file->change));
        add_str(json, "path", file->path);
        json_name(json, "renamed_from");
        if (file->from.len)
            json_str(json, file->from);
        else
            json_null(json);
        add_known(json, "before_bytes", file->change != DIFF_ADDED, file->before_bytes);
        add_known(json, "after_bytes", file->change != DIFF_REMOVED, file->after_bytes);
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
}

/* null: not measured on both sides. */
static void add_table(struct json_writer *json, const struct diff_table *table)
{
    json_name(json, "table");
    if (!table->is_known) {
        json_null(json);
        return;
    }
    json_open_object(json);
    add_int(json, "before_rows", table->before_rows);
    add_int(json, "after_rows", table->after_rows);
    open_list(json, "columns");
    vec_each (const struct diff_column, column, &table->columns) {
        json_open_object(json);
        add_text(json, "change", diff_change_name(column->change));
        add_str(json, "name", column->name);
        add_text(json, "before_type", column->before_type);
        add_text(json, "after_type", column->after_type);
        add_text(json, "method", column->method);
        add_real(json, "distance", column->method ? column->distance : nan(""));
        add_real(json, "threshold", column->method ? column->threshold : nan(""));
        add_bool(json, "has_drifted", column->has_drifted);
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
}

static void add_data_row(struct json_writer *json, const struct diff_data *data)
{
    json_open_object(json);
    add_text(json, "change", diff_change_name(data->change));
    add_text(json, "role",
             data->role == DIFF_OUTPUT ? "output"
             : data->role == DIFF_CODE ? "code"
                                       : "input");
    add_str(json, "path", data->path);
    json_name(json, "before");
    artifact_json(json, &data->before);
    json_name(json, "after");
    artifact_json(json, &data->after);
    add_files(json, &data->files);
    add_table(json, &data->table);
    json_close_object(json);
}

static void add_data(struct json_writer *json, const char *name, const struct run_diff *diff,
                     bool is_code)
{
    open_list(json, name);
    vec_each (const struct diff_data, data, &diff->data)
        if ((data->role == DIFF_CODE) == is_code)
            add_data_row(json, data);
    json_close_list(json);
}

static void add_commits(struct json_writer *json, const char *name,
                        const struct diff_commit_vec *commits)
{
    open_list(json, name);
    vec_each (const struct diff_commit, commit, commits) {
        json_open_object(json);
        add_str(json, "id", commit->id);
        add_str(json, "subject", commit->subject);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_code(struct json_writer *json, const struct run_diff *diff)
{
    const struct diff_code *code = &diff->code;
    json_name(json, "code");
    json_open_object(json);
    add_bool(json, "differs", code->differs);
    add_data(json, "of_stages", diff, true);
    add_words(json, "files", &code->files);
    add_int(json, "other_count", code->other_count);
    add_int(json, "commit_count", code->commit_count);
    add_commits(json, "commits", &code->commits);
    add_int(json, "lost_count", code->lost_count);
    add_commits(json, "lost", &code->lost);
    add_str(json, "patch", code->patch.len ? code->patch : (struct str){0});
    json_close_object(json);
}

static void add_environments(struct json_writer *json, const struct run_diff *diff)
{
    open_list(json, "environment");
    vec_each (const struct diff_environment, environment, &diff->environments) {
        json_open_object(json);
        add_words(json, "stages", &environment->stages);
        open_list(json, "changes");
        vec_each (const struct environment_change, change, &environment->changes) {
            json_open_object(json);
            add_str(json, "section", change->section);
            add_str(json, "name", change->name);
            add_str(json, "before", change->before.len ? change->before : (struct str){0});
            add_str(json, "after", change->after.len ? change->after : (struct str){0});
            json_close_object(json);
        }
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_duration(struct json_writer *json, const char *name, int64_t duration_ns)
{
    add_real(json, name, duration_ns < 0 ? nan("") : report_seconds(duration_ns));
}

static void add_stages(struct context *context, struct json_writer *json,
                       const struct run_diff *diff)
{
    open_list(json, "stages");
    vec_each (const struct diff_stage, stage, &diff->stages) {
        json_open_object(json);
        add_text(json, "change", diff_change_name(stage->change));
        add_str(json, "stage", stage->stage);
        reasons_json(json, context->arena, &stage->reasons);
        add_bool(json, "is_redefined", diff_is_redefined(stage));
        add_duration(json, "before_s", stage->before_ns);
        add_duration(json, "after_s", stage->after_ns);
        add_known(json, "before_peak_bytes", stage->before_peak > 0, stage->before_peak);
        add_known(json, "after_peak_bytes", stage->after_peak > 0, stage->after_peak);
        add_bool(json, "is_noticeable", stage->is_noticeable);
        json_close_object(json);
    }
    json_close_list(json);
}

void report_diff_json(struct context *context, const struct run_diff *diff)
{
    struct json_writer json = report_json_open(context);
    add_side(&json, "before", diff->before_title, &diff->code.before);
    add_side(&json, "after", diff->after_title, &diff->code.after);
    add_bool(&json, "is_empty", diff_is_empty(diff));
    add_bool(&json, "is_stale", diff->is_stale);
    json_name(&json, "verdict");
    json_open_object(&json);
    add_text(&json, "kind", diff_verdict_name(diff->verdict));
    add_str(&json, "text", diff->verdict_text);
    json_close_object(&json);
    add_metrics(&json, diff);
    add_words(&json, "judgements", &diff->judgements);
    add_words(&json, "notes", &diff->notes);
    add_params(&json, diff);
    add_data(&json, "data", diff, false);
    add_code(&json, diff);
    add_environments(&json, diff);
    add_stages(context, &json, diff);
    report_json_close(&json);
}
