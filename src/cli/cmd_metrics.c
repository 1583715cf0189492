#include "mlops/cli/command.h"
#include "mlops/cli/values.h"

static void collect(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret)
{
    vec_each (const struct metric, metric, &stage->metrics)
        *vec_push(arena, ret) =
            (struct value_row){metric->file, metric->key, metric->text, metric->value};
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    static const struct values_kind kind = {"metrics", collect};
    return values_report(context, &kind, options, argc, argv);
}

static const struct command_example examples[] = {
    {"mlops metrics", "of the newest run"},
    {"mlops metrics main @~1 workspace", "three columns: a branch, an earlier run, the files now"},
    {"mlops metrics @ @~1 --changed --format csv", "what differs, for a spreadsheet"},
};

const struct cli_command cmd_metrics = {
    .name = "metrics",
    .group = GROUP_LOOK,
    .arguments = "[RUN...]",
    .summary = "Show the metrics of runs side by side",
    .description = "A column for each run, revision or 'workspace'; without RUN the newest run. "
                   "Metrics are the numbers and words in the metrics files of the pipeline.",
    .options = values_option_rows,
    .option_count = VALUES_OPTIONS,
    .options_size = sizeof(struct values_options),
    .words_most = -1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "diff, runs, show",
    .has_rows = true,
    .run = run_command,
};
