#include "mlops/cli/command.h"
#include "mlops/cli/values.h"

#include <math.h>

struct params_options {
    bool changed;
    struct str pipeline, name;
};

static const struct option_row rows[] = {
    {"name", 'k', OPTION_STR_AT(struct params_options, name), .value = "TEXT",
     .help = "Only those whose name (FILE:KEY) holds TEXT"},
    {"changed", 'c', OPTION_FLAG_AT(struct params_options, changed),
     .help = "Leave out what is the same in all runs"},
    {"pipeline", 'p', OPTION_STR_AT(struct params_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "The pipeline that 'workspace' and git revisions mean"},
};

static void collect(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret)
{
    const struct recipe *recipe = stage->recipe;
    for (size_t i = 0; recipe && i < recipe->param_count; i++)
        *vec_push(arena, ret) = (struct value_row){recipe->params[i].file, recipe->params[i].key,
                                                   recipe->params[i].shown, (double)NAN};
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    static const struct str newest[] = {STR_ROW("@")};
    const struct params_options *options = opaque;
    struct values_wish wish = {
        .noun = "params",
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
    {"mlops params", "of the newest run"},
    {"mlops params baseline workspace --changed", "what you changed since the tag 'baseline'"},
};

const struct cli_command cmd_params = {
    .name = "params",
    .group = GROUP_LOOK,
    .arguments = "[RUN...]",
    .summary = "Show the parameters of runs side by side",
    .description = "A column for each run, revision or 'workspace'; without RUN the newest run. "
                   "Shown are the parameters that stages depend on.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct params_options),
    .words_most = -1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "diff, runs, show",
    .run = run_command,
};
