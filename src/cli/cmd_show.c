#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/checks.h"
#include "mlops/cli/command.h"
#include "mlops/cli/diff_guides.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/runs.h"
#include "mlops/cli/stages.h"
#include "mlops/cli/view.h"
#include "mlops/model/gate.h"
#include "mlops/model/name.h"

/* A run's stages by name: those it visited beyond "unchanged" have a row of their own. */
static struct map recorded_stages(struct arena *arena, struct run *run)
{
    struct map found = {0};
    vec_each (struct run_stage, stage, &run->stages)
        map_put(arena, &found, stage->stage, stage);
    return found;
}

static void add_line(struct context *context, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    report_add_toned(context, TONE_DIM, str_print(context->arena, "%-10s", name));
    struct buf safe = buf_in(context->arena);
    buf_add_escaped(&safe, value, false);
    report_line(context, buf_str(&safe), 10, 10);
}

static struct str show_code(struct arena *arena, const struct code_state *code)
{
    if (code->commit.len == 0)
        return (struct str){0};
    return str_print(arena, "%.*s%s%.*s%s", STR_FMT(code->commit), code->branch.len ? " on " : "",
                     STR_FMT(code->branch),
                     code->is_dirty == 1 ? ", with uncommitted changes" : "");
}

static void print_head(struct context *context, const struct run *run)
{
    struct arena *arena = context->arena;
    struct buf *out = &context->out;
    buf_add_text(out, "run ");
    report_add_toned(context, TONE_STRONG, run->id);
    buf_add_text(out, "  ");
    report_add_toned(context, run_status_tone(run->status), str_of(run_status_name(run->status)));
    buf_add_char(out, '\n');
    add_line(context, "tags", run_labels(arena, run));
    add_line(context, "pipeline", run->pipeline);
    add_line(context, "started", report_when(arena, run->started_ns));
    if (run->status != RUN_RUNNING)
        add_line(context, "took",
                 str_print(arena, "%.*s%s%.*s%s", STR_FMT(duration_print(arena, run->duration_ns)),
                           run->saved_ns ? " (saved " : "",
                           STR_FMT(run->saved_ns ? duration_print(arena, run->saved_ns)
                                                 : (struct str){0}),
                           run->saved_ns ? ")" : ""));
    add_line(context, "stages", counts_print(arena, &run->counts, false));
    add_line(context, "code", show_code(arena, &run->code));
    add_line(context, "by",
             str_print(arena, "%.*s@%.*s, mlops %.*s", STR_FMT(run->user), STR_FMT(run->host),
                       STR_FMT(run->version)));
    add_line(context, "arguments", run->argv);
    add_line(context, "parent", run->parent);
}

static struct str machine_print(struct arena *arena, const struct environment *environment)
{
    if (!environment->cpus)
        return str_print(arena, "%.*s, %.*s", STR_FMT(environment->os),
                         STR_FMT(environment->platform));
    return str_print(arena, "%.*s, %.*s, %lld cpu%s, %.*s of memory", STR_FMT(environment->os),
                     STR_FMT(environment->platform), (long long)environment->cpus,
                     environment->cpus == 1 ? "" : "s",
                     STR_FMT(bytes_print(arena, environment->memory_bytes)));
}

/* What stages ran with, each kind of it once, and who did. */
static void print_environments(struct context *context, const struct run_view *view)
{
    struct arena *arena = context->arena;
    struct map stages = {0}, machines = {0}; /* line -> struct buf *: names */
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct environment *environment = view->stages[i].environment;
        if (!environment)
            continue;
        void **place = map_place(arena, &stages, environment_print(arena, environment));
        struct buf *names = *place;
        if (!names) {
            names = *place = arena_new(arena, struct buf);
            *names = buf_in(arena);
        }
        buf_print(names, "%s%.*s", names->len ? ", " : "", STR_FMT(view->stages[i].stage));
        map_put(arena, &machines, machine_print(arena, environment), names);
    }
    map_each (entry, &machines)
        add_line(context, "machine", entry->key);
    map_each (entry, &stages)
        add_line(
            context, "with",
            str_print(arena, "%.*s: %.*s", STR_FMT(entry->key), STR_FMT(buf_str(entry->value))));
}

static const struct column stage_columns[] = {
    {.name = "stage", .title = "STAGE", .may_shrink = true},
    {.name = "status", .title = "STATUS"},
    {.name = "duration_s", .title = "TIME", .is_right = true, .drop = 1},
    {.name = "why", .title = "WHY", .may_shrink = true},
};

static struct str first_reason(struct arena *arena, const struct run_stage *stage)
{
    if (stage->note.len)
        return stage->note;
    if (stage->reasons.len == 0)
        return (struct str){0};
    struct str text = reason_print(arena, &stage->reasons.at[0]);
    if (stage->reasons.len == 1)
        return text;
    return str_print(arena, "%.*s (and %zu more)", STR_FMT(text), stage->reasons.len - 1);
}

static struct table stage_table(struct context *context, const struct run_view *view)
{
    struct arena *arena = context->arena;
    struct table table = table_make(arena, stage_columns, COUNT_OF(stage_columns));
    struct map recorded = recorded_stages(arena, view->run);
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct run_view_stage *stage = &view->stages[i];
        const struct run_stage *found = map_get(&recorded, stage->stage);
        struct cell *row = table_add(&table);
        row[0] = cell_text(stage->stage);
        row[1] = cell_toned(cell_text(str_of(stage_status_name(stage->status))),
                            stage_status_tone(stage->status));
        if (found && found->usage.attempts)
            row[2] = cell_real_shown(duration_print(arena, found->usage.duration_ns),
                                     report_seconds(found->usage.duration_ns));
        if (found)
            row[3] = cell_text(first_reason(arena, found));
    }
    return table;
}

static const struct column value_columns[] = {
    {.name = "name", .title = "METRIC", .may_shrink = true},
    {.name = "value", .title = "VALUE", .may_shrink = true},
};

static void add_metric_rows(struct arena *arena, const struct run_view_stage *stage,
                            enum metric_rank rank, struct table *ret)
{
    struct evaluating evaluating;
    bool is_built_in = diff_evaluating(arena, stage, &evaluating);
    vec_each (const struct metric, metric, &stage->metrics) {
        if (metric_rank_of(is_built_in ? &evaluating : NULL, metric->key) != rank)
            continue;
        struct cell *row = table_add(ret);
        row[0] =
            cell_text(str_print(arena, "%.*s:%.*s", STR_FMT(metric->file), STR_FMT(metric->key)));
        row[1] = cell_text(metric->text);
    }
}

/* Of each rank those of all stages. */
static struct table metric_table(struct context *context, const struct run_view *view, int ranks)
{
    struct table table = table_make(context->arena, value_columns, COUNT_OF(value_columns));
    for (int rank = METRIC_MAIN; rank < ranks; rank++)
        for (size_t i = 0; i < view->stage_count; i++)
            add_metric_rows(context->arena, &view->stages[i], (enum metric_rank)rank, &table);
    return table;
}

static void add_metrics(struct json_writer *json, const struct metric_vec *metrics)
{
    json_name(json, "metrics");
    json_open_list(json);
    vec_each (const struct metric, metric, metrics) {
        json_open_object(json);
        json_name(json, "file");
        json_str(json, metric->file);
        json_name(json, "key");
        json_str(json, metric->key);
        json_name(json, "value");
        if (metric->is_text)
            json_str(json, metric->text);
        else
            json_real(json, metric->value);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_params(struct json_writer *json, const struct recipe *recipe)
{
    json_name(json, "params");
    json_open_list(json);
    for (size_t i = 0; recipe && i < recipe->param_count; i++) {
        json_open_object(json);
        json_name(json, "file");
        json_str(json, recipe->params[i].file);
        json_name(json, "key");
        json_str(json, recipe->params[i].key);
        json_name(json, "value");
        json_str(json, recipe->params[i].shown);
        json_close_object(json);
    }
    json_close_list(json);
}

static const struct check_results *checks_of(const struct run *run, struct str stage)
{
    vec_each (const struct check_results, checks, &run->checks) {
        if (str_equal(checks->stage, stage))
            return checks;
    }
    return NULL;
}

static void add_stage(struct context *context, struct json_writer *json, const struct run *run,
                      const struct run_view_stage *stage, const struct run_stage *found)
{
    const struct check_results *checks = checks_of(run, stage->stage);
    json_open_object(json);
    json_name(json, "name");
    json_str(json, stage->stage);
    json_name(json, "status");
    json_text(json, stage_status_name(stage->status));
    digest_json(json, "key", stage->key);
    if (found) {
        usage_json(json, &found->usage);
        json_name(json, "log_bytes");
        json_int(json, found->log_bytes);
        reasons_json(json, context->arena, &found->reasons);
        json_name(json, "note");
        json_str(json, found->note);
    }
    add_params(json, stage->recipe);
    add_metrics(json, &stage->metrics);
    json_name(json, "environment");
    if (stage->environment)
        environment_write(stage->environment, json);
    else
        json_null(json);
    if (checks) {
        json_name(json, "checks");
        json_open_object(json);
        check_results_write(checks, json);
        json_close_object(json);
    }
    json_name(json, "outs");
    json_open_list(json);
    for (size_t i = 0; i < stage->out_count; i++)
        artifact_json(json, &stage->outs[i]);
    json_close_list(json);
    json_close_object(json);
}

static FALLIBLE print_json(struct context *context, const struct run_view *view)
{
    struct json_writer json = report_json_open(context);
    struct map recorded = recorded_stages(context->arena, view->run);
    run_json(&json, context->arena, view->run);
    TRY(runs_origin_json(context, &json, view->run));
    json_name(&json, "stages");
    json_open_list(&json);
    for (size_t i = 0; i < view->stage_count; i++)
        add_stage(context, &json, view->run, &view->stages[i],
                  map_get(&recorded, view->stages[i].stage));
    json_close_list(&json);
    report_json_close(&json);
    return NULL;
}

static FALLIBLE print_findings(struct context *context, const struct run *run)
{
    const struct check_results **results =
        arena_new_array(context->arena, const struct check_results *, run->checks.len);
    for (size_t i = 0; i < run->checks.len; i++)
        results[i] = &run->checks.at[i];
    return checks_findings(context, run->pipeline, run->duration_ns, results, run->checks.len);
}

struct show_options {
    bool all;
};

static const struct option_row rows[] = {
    {"all", 'a', OPTION_FLAG_AT(struct show_options, all),
     .help = "All metrics, those of classes and slices included (as JSON always)"},
};

static void print_metrics(struct context *context, const struct run_view *view, bool wants_all)
{
    struct table all = metric_table(context, view, METRIC_DETAIL + 1);
    struct table metrics = wants_all ? all : metric_table(context, view, METRIC_DETAIL);
    if (!metrics.row_count)
        return;
    buf_add_char(&context->out, '\n');
    report_text(context, &metrics, false);
    if (metrics.row_count < all.row_count)
        buf_print(&context->out, "%zu more of classes, slices and the trivial baseline (--all)\n",
                  all.row_count - metrics.row_count);
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    struct run *run = NULL;
    struct run_view view;
    TRY(view_find_run(context, argc ? argv[0] : STR("@"), &run));
    TRY(view_of_run(context, run, &view));
    if (context->format == FORMAT_JSON)
        return print_json(context, &view);
    if (context->format == FORMAT_JUNIT || context->format == FORMAT_SARIF)
        return print_findings(context, run);
    struct table stages = stage_table(context, &view);
    if (context->format != FORMAT_TABLE) {
        report_table(context, &stages, "stages");
        return NULL;
    }
    print_head(context, run);
    TRY(runs_print_origin(context, run, add_line));
    print_environments(context, &view);
    if (stages.row_count) {
        buf_add_char(&context->out, '\n');
        report_text(context, &stages, false);
    }
    vec_each (const struct check_results, checks, &run->checks)
        checks_print(context, checks);
    print_metrics(context, &view, ((const struct show_options *)options)->all);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops show", "the newest run"},
    {"mlops show 7Q4XM2VD --json", "everything recorded about a run"},
};

const struct cli_command cmd_show = {
    .name = "show",
    .group = GROUP_LOOK,
    .arguments = "[RUN]",
    .summary = "Show what a run did, stage by stage",
    .description = "Without RUN: the newest one.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct show_options),
    .words_most = 1,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "runs, logs, diff",
    .has_rows = true,
    .has_findings = true,
    .run = run_command,
};
