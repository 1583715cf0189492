#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/cli/command.h"
#include "mlops/cli/content.h"
#include "mlops/cli/values.h"
#include "mlops/codec/load.h"

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

static void add(struct arena *arena, const struct recipe_param *given, size_t given_count,
                struct value_vec *ret)
{
    struct recipe_param *params = NULL;
    size_t count = 0;
    recipe_flatten(arena, given, given_count, &params, &count);
    for (size_t i = 0; i < count; i++)
        *vec_push(arena, ret) = (struct value_row){params[i].file, params[i].key, params[i].shown,
                                                   number_of(arena, params[i].shown), METRIC_USUAL};
}

static void collect(struct arena *arena, const struct run_view_stage *stage, struct value_vec *ret)
{
    add(arena, stage->templates.at, stage->templates.len, ret);
    if (stage->recipe)
        add(arena, stage->recipe->params, stage->recipe->param_count, ret);
}

/* --- revisions without a lock file (before mlops came): what git has of the files --- */

static FALLIBLE load_file(struct context *context, const struct run_view *view, struct str path,
                          enum doc_dialect dialect, const struct doc_node **ret)
{
    struct str bytes = {0};
    struct doc *doc = NULL;
    bool is_found = false;
    *ret = NULL;
    TRY(content_read(context, view, path, LIMIT_JSON_BYTES, &bytes, &is_found));
    struct error *error = is_found ? doc_load(context->arena, path, bytes, dialect, &doc) : NULL;
    TRY(values_leave_out(context, view, path, error));
    *ret = doc ? doc->root : NULL;
    return NULL;
}

static void add_value(struct arena *arena, const struct param_ref *reference,
                      const struct doc_node *root, struct value_vec *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct doc_node *value =
        root && reference->key.len ? doc_find_path(root, reference->key) : root;
    struct buf encoded = buf_in(arena);
    if (!value)
        return;
    doc_encode(value, &scratch, &encoded);
    struct recipe_param param = {
        .file = reference->file,
        .key = reference->key,
        .encoded = buf_str(&encoded),
        .shown = str_copy(arena, recipe_clip(&scratch, doc_show(&scratch, value))),
    };
    add(arena, &param, 1, ret);
}

static FALLIBLE collect_files(struct context *context, const struct values_options *options,
                              const struct run_view *view, struct value_vec *ret)
{
    struct pipeline *pipeline = NULL;
    struct map roots = {0};
    if (view->stage_count || view->is_workspace || view->run)
        return NULL;
    TRY(values_pipeline(context, options->pipeline, &pipeline));
    for (size_t i = 0; pipeline && i < pipeline->stages.len; i++) {
        vec_each (const struct param_ref, reference, &pipeline->stages.at[i].params) {
            const struct doc_node *root = map_get(&roots, reference->file);
            if (!map_has(&roots, reference->file)) {
                TRY(load_file(context, view, reference->file, pipeline->dialect, &root));
                map_put(context->arena, &roots, reference->file, (void *)(uintptr_t)root);
            }
            add_value(context->arena, reference, root, ret);
        }
    }
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    static const struct values_kind kind = {"params", "Param", false, collect, collect_files};
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
