/* The account as JSON. */
#include "mlops/base/arena.h"
#include "mlops/cli/account.h"
#include "mlops/cli/report_run.h"

#include <math.h>

static void add_text(struct json_writer *json, const char *name, struct str text)
{
    json_name(json, name);
    if (text.len)
        json_str(json, text);
    else
        json_null(json);
}

static void add_texts(struct json_writer *json, const char *name, const struct str_vec *texts)
{
    json_name(json, name);
    json_open_list(json);
    vec_each (const struct str, text, texts)
        json_str(json, *text);
    json_close_list(json);
}

static void add_number(struct json_writer *json, const char *name, double value)
{
    json_name(json, name);
    json_real(json, value);
}

static void add_value(struct json_writer *json, const char *name, struct str text, double value)
{
    if (isnan(value))
        add_text(json, name, text);
    else
        add_number(json, name, value);
}

static void add_difference(struct json_writer *json, const struct diff_metric *metric)
{
    json_open_object(json);
    add_text(json, "stage", metric->stage);
    add_text(json, "file", metric->file);
    add_text(json, "key", metric->key);
    add_value(json, "value", metric->after, metric->after_value);
    add_value(json, "before", metric->before, metric->before_value);
    add_number(json, "delta", metric->delta);
    add_text(json, "judgement", str_of(diff_judgement_name(metric->judgement)));
    add_text(json, "test", str_of(metric->test));
    add_number(json, "low", metric->test ? metric->low : nan(""));
    add_number(json, "high", metric->test ? metric->high : nan(""));
    add_number(json, "p", metric->test ? metric->p_holm : nan(""));
    json_close_object(json);
}

static void add_metric(struct json_writer *json, struct str stage, const struct metric *metric)
{
    json_open_object(json);
    add_text(json, "stage", stage);
    add_text(json, "file", metric->file);
    add_text(json, "key", metric->key);
    add_value(json, "value", metric->text, metric->is_text ? nan("") : metric->value);
    json_close_object(json);
}

static void add_metrics(struct json_writer *json, const struct account *account)
{
    json_name(json, "metrics");
    json_open_list(json);
    if (account->has_before)
        vec_each (const struct diff_metric, metric, &account->diff.metrics)
            add_difference(json, metric);
    for (size_t i = 0; !account->has_before && i < account->view.stage_count; i++)
        vec_each (const struct metric, metric, &account->view.stages[i].metrics)
            add_metric(json, account->view.stages[i].stage, metric);
    json_close_list(json);
}

static void add_checks(struct json_writer *json, const struct account *account)
{
    json_name(json, "checks");
    json_open_list(json);
    if (account->view.run)
        vec_each (const struct check_results, checks, &account->view.run->checks) {
            json_open_object(json);
            add_text(json, "stage", checks->stage);
            check_results_write(checks, json);
            json_close_object(json);
        }
    json_close_list(json);
}

static void add_datum(struct json_writer *json, const struct graph_datum *datum)
{
    json_open_object(json);
    add_text(json, "path", datum->path);
    digest_json(json, "digest", datum->artifact ? datum->artifact->digest : datum->dep->digest);
    json_name(json, "size_bytes");
    json_int(json, datum->size_bytes);
    add_texts(json, "made_by", &datum->makers);
    add_texts(json, "read_by", &datum->users);
    json_close_object(json);
}

static void add_data(struct json_writer *json, const char *name, const struct graph_data *data)
{
    json_name(json, name);
    json_open_list(json);
    vec_each (const struct graph_datum, datum, data)
        add_datum(json, datum);
    json_close_list(json);
}

static void add_graph(struct json_writer *json, const struct lineage_graph *graph)
{
    json_name(json, "graph");
    json_open_list(json);
    for (size_t i = 0; i < graph->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        json_open_object(json);
        add_text(json, "name", node->name);
        add_text(json, "status",
                 node->is_input ? STR("input") : str_of(stage_status_name(node->status)));
        json_name(json, "needs");
        json_open_list(json);
        for (size_t k = 0; k < node->need_count; k++)
            json_str(json, graph->nodes[node->needs[k]].name);
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_stages(struct json_writer *json, const struct account *account)
{
    json_name(json, "stages");
    json_open_list(json);
    for (size_t i = 0; i < account->view.stage_count; i++) {
        const struct run_view_stage *stage = &account->view.stages[i];
        json_open_object(json);
        add_text(json, "name", stage->stage);
        add_text(json, "status", str_of(stage_status_name(stage->status)));
        add_number(json, "duration_s",
                   stage->duration_ns < 0 ? nan("") : report_seconds(stage->duration_ns));
        json_name(json, "peak_bytes");
        json_int(json, stage->usage.peak_bytes);
        json_name(json, "environment");
        if (stage->environment)
            environment_write(stage->environment, json);
        else
            json_null(json);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_pictures(struct json_writer *json, const struct account *account)
{
    json_name(json, "pictures");
    json_open_list(json);
    vec_each (const struct picture, picture, &account->pictures) {
        json_open_object(json);
        add_text(json, "stage", picture->stage);
        add_text(json, "name", picture->name);
        add_text(json, "title", picture->title);
        json_close_object(json);
    }
    json_close_list(json);
}

void account_json(const struct account *account)
{
    struct json_writer json = report_json_open(account->context);
    const struct run *run = account->view.run;
    add_text(&json, "title", account->view.title);
    add_text(&json, "verdict_text", account->verdict_text);
    add_text(&json, "verdict",
             account->has_before ? str_of(diff_verdict_name(account->diff.verdict))
                                 : (struct str){0});
    add_text(&json, "against", account->has_before ? account->before.title : (struct str){0});
    json_name(&json, "run");
    if (run) {
        json_open_object(&json);
        run_json(&json, account->context->arena, run);
        json_close_object(&json);
    } else {
        json_null(&json);
    }
    add_checks(&json, account);
    add_metrics(&json, account);
    add_graph(&json, &account->graph);
    add_data(&json, "inputs", &account->inputs);
    add_data(&json, "outputs", &account->outputs);
    add_stages(&json, account);
    add_pictures(&json, account);
    add_texts(&json, "reproduce", &account->commands);
    report_json_close(&json);
}
