#include "mlops/cli/command.h"
#include "mlops/cli/values.h"

#include <math.h>
#include <stdlib.h>

/* A plain number, so that 0.10 and 0.1 are the same. */
static double number_of(struct arena *arena, struct str text)
{
    char *end = NULL;
    const char *copy = str_copy(arena, text).at;
    double number = strtod(copy, &end);
    bool is_number = text.len && strchr("0123456789-.", text.at[0]) && end == copy + text.len;
    return is_number ? number : nan("");
}

static void collect(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret)
{
    const struct recipe *recipe = stage->recipe;
    struct recipe_param *params = NULL;
    size_t count = 0;
    vec_each (const struct recipe_param, value, &stage->templates)
        *vec_push(arena, ret) = (struct value_row){value->file, value->key, value->shown,
                                                   number_of(arena, value->shown), METRIC_USUAL};
    if (recipe)
        recipe_flatten(arena, recipe->params, recipe->param_count, &params, &count);
    for (size_t i = 0; i < count; i++)
        *vec_push(arena, ret) = (struct value_row){params[i].file, params[i].key, params[i].shown,
                                                   number_of(arena, params[i].shown), METRIC_USUAL};
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    static const struct values_kind kind = {"params", "Param", false, collect, NULL};
    return values_run(context, &kind, options, argc, argv);
}

static const struct command_action actions[VALUES_ACTIONS] = {
    {"show", "[RUN... | FILE...]", "Side by side, a column for each RUN (the default)"},
    {"diff", "[A [B]]", "What differs between A (HEAD) and B (the workspace)"},
};

static const struct command_example examples[] = {
    {"mlops params", "of the newest run"},
    {"mlops params baseline workspace --changed", "what you changed since the tag 'baseline'"},
    {"mlops params diff", "what differs between HEAD and the files now"},
};

const struct cli_command cmd_params = {
    .name = "params",
    .group = GROUP_LOOK,
    .arguments = "[ACTION] [RUN...]",
    .summary = "Show the parameters of runs side by side, and what differs",
    .description = "A column for each run, revision or 'workspace'; without RUN the newest run. "
                   "Shown are the parameters that stages depend on, and the "
                   "values that templates took from files of parameters.",
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
    .see_also = "diff, runs, show",
    .has_rows = true,
    .run = run_command,
};
