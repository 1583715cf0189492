#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/cli/command.h"
#include "mlops/cli/content.h"
#include "mlops/cli/values.h"
#include "mlops/cli/view.h"
#include "mlops/model/gate.h"
#include "mlops/model/metric.h"

static void add(struct arena *arena, const struct metric_vec *metrics,
                const struct evaluating *evaluating, struct value_vec *ret)
{
    vec_each (const struct metric, metric, metrics)
        *vec_push(arena, ret) =
            (struct value_row){metric->file, metric->key, metric->text, metric->value,
                               metric_rank_of(evaluating, metric->key)};
}

static void collect(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret)
{
    struct evaluating evaluating;
    bool is_built_in = diff_evaluating(arena, stage, &evaluating);
    add(arena, &stage->metrics, is_built_in ? &evaluating : NULL, ret);
}

/* What no stage makes and git does not have is known of the newest run alone: it lies there now. */
static FALLIBLE read_bytes(struct context *context, const struct run_view *view, struct str path,
                           struct str *ret, bool *ret_found)
{
    static const struct run_view now = {.is_workspace = true};
    struct run *newest = NULL;
    TRY(content_read(context, view, path, LIMIT_METRIC_BYTES, ret, ret_found));
    if (*ret_found || !view->run)
        return NULL;
    TRY(view_newest_run(context, &newest));
    if (!newest || newest->sequence != view->run->sequence)
        return NULL;
    return content_read(context, &now, path, LIMIT_METRIC_BYTES, ret, ret_found);
}

static FALLIBLE read_file(struct context *context, const struct run_view *view, struct str path,
                          struct value_vec *ret)
{
    struct metric_vec metrics = {0};
    struct str bytes = {0};
    bool is_found = false;
    TRY(read_bytes(context, view, path, &bytes, &is_found));
    struct error *error = is_found ? metrics_parse(context->arena, path, bytes, &metrics) : NULL;
    TRY(values_leave_out(context, view, path, error));
    add(context->arena, &metrics, NULL, ret);
    return NULL;
}

/* Files of the top level; of a revision that has no lock file those of stages, too. */
static void name_files(struct arena *arena, const struct pipeline *pipeline, bool has_stages,
                       struct str_vec *ret)
{
    vec_each (const struct pipeline_file, file, &pipeline->files) {
        vec_each (const struct str, path, &file->metrics)
            *vec_push(arena, ret) = *path;
    }
    vec_each (const struct stage, stage, &pipeline->stages) {
        vec_each (const struct output, output, &stage->outs) {
            if (!has_stages && output->category == OUT_METRICS)
                *vec_push(arena, ret) = output->path;
        }
    }
}

static FALLIBLE collect_files(struct context *context, const struct values_options *options,
                              const struct run_view *view, struct value_vec *ret)
{
    struct pipeline *pipeline = NULL;
    struct str_vec files = {0};
    struct map seen = {0};
    TRY(values_pipeline(context, options->pipeline, &pipeline));
    if (!pipeline)
        return NULL;
    vec_each (const struct value_row, value, ret)
        map_put(context->arena, &seen, value->file, ret);
    name_files(context->arena, pipeline, view->stage_count > 0, &files);
    vec_each (const struct str, path, &files) {
        if (!map_has(&seen, *path))
            TRY(read_file(context, view, *path, ret));
    }
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    static const struct values_kind kind = {"metrics", "Metric", true, collect, collect_files};
    return values_run(context, &kind, options, argc, argv);
}

static const struct command_action actions[VALUES_ACTIONS] = {
    {"show", "[RUN... | FILE...]", "Side by side, a column for each RUN (the default)"},
    {"diff", "[A [B]]", "What differs between A (HEAD) and B (the workspace)"},
};

static const struct command_example examples[] = {
    {"mlops metrics", "of the newest run"},
    {"mlops metrics main @~1 workspace", "three columns: a branch, an earlier run, the files now"},
    {"mlops metrics diff", "what differs between HEAD and the files now"},
    {"mlops metrics diff main @ --md", "as a Markdown table, for a comment"},
    {"mlops metrics @ @~1 --changed --format csv", "what differs, for a spreadsheet"},
};

const struct cli_command cmd_metrics = {
    .name = "metrics",
    .group = GROUP_LOOK,
    .arguments = "[ACTION] [RUN...]",
    .summary = "Show the metrics of runs side by side, and what differs",
    .description = "A column for each run, revision or 'workspace'; without RUN the newest run. "
                   "Metrics are the numbers and words in the metrics files of the pipeline, those "
                   "of its top level included. Those of classes, slices and the "
                   "trivial baseline of a built-in evaluation are listed with --all, or where "
                   "--name asks for them; JSON and CSV have all.",
    .options = values_option_rows,
    .option_count = VALUES_OPTIONS,
    .options_size = sizeof(struct values_options),
    .words_most = -1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS | COMPLETE_FILES,
    .actions = actions,
    .action_count = COUNT_OF(actions),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "diff, runs, show, plots",
    .has_rows = true,
    .run = run_command,
};
