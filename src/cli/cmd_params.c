#include "mlops/cli/command.h"
#include "mlops/cli/values.h"

#include <math.h>

static void collect(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret)
{
    const struct recipe *recipe = stage->recipe;
    for (size_t i = 0; recipe && i < recipe->param_count; i++)
        *vec_push(arena, ret) = (struct value_row){recipe->params[i].file, recipe->params[i].key,
                                                   recipe->params[i].shown, (double)NAN};
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    static const struct values_kind kind = {"params", collect};
    return values_report(context, &kind, options, argc, argv);
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
