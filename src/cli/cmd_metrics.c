#include "mlops/cli/command.h"
#include "mlops/cli/values.h"

#include <math.h>

struct metrics_options {
    bool changed;
    struct str pipeline, name;
};

static const struct option_row rows[] = {
    {"name", 'k', OPTION_STR_AT(struct metrics_options, name), .value = "TEXT",
     .help = "Only those whose name (FILE:KEY) holds TEXT"},
    {"changed", 'c', OPTION_FLAG_AT(struct metrics_options, changed),
     .help = "Leave out what is the same in all runs"},
    {"pipeline", 'p', OPTION_STR_AT(struct metrics_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "The pipeline that 'workspace' and git revisions mean"},
};

static void collect(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret)
{
    vec_each (const struct metric, metric, &stage->metrics)
        *vec_push(arena, ret) =
            (struct value_row){metric->file, metric->key, metric->text, metric->value};
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    static const struct str newest[] = {STR_ROW("@")};
    const struct metrics_options *options = opaque;
    struct values_wish wish = {
        .noun = "metrics",
        .pipeline = options->pipeline,
        .contains = options->name,
        .only_changed = options->changed,
        .words = argc ? argv : newest,
        .word_count = argc ? (size_t)argc : COUNT_OF(newest),
        .collect = collect,
    };
    return values_report(context, &wish);
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
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct metrics_options),
    .words_most = -1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "diff, runs, show",
    .run = run_command,
};
