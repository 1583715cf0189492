/* The language as field tables. docs/pipeline.md prints them; a new key is a row here and a case in
 * tests/cases/pipeline. The keys that most files use come first: they are looked up in this order.
 */
#include "mlops/base/lang.h"
#include "mlops/base/limits.h"

#include <stddef.h>

#include "checks_private.h"
#include "gate_private.h"
#include "pipeline_private.h"

static const char *const kinds[] = {"command", "train", "validate", "evaluate", NULL};
static const char *const env_modes[] = {"inherit", "strict", NULL};

#define ROW(key, member_kind, target, member)                                                      \
    .name = (key), .kind = (member_kind), .offset = offsetof(struct target, member)
#define GONE(key) .name = (key), .kind = FIELD_NODE, .flags = FIELD_GONE, .type = "anything"
#define LATER_NATIVE(key)                                                                          \
    .name = (key), .kind = FIELD_NODE, .flags = FIELD_LATER | FIELD_NATIVE_ONLY

/* Keys of a stage that `defaults` may give to all stages. */
#define COMMON_ROWS(target, prefix)                                                                \
    {ROW("env", FIELD_NODE, target, prefix env), .flags = FIELD_NATIVE_ONLY,                       \
     .type = "mapping of name to value",                                                           \
     .help = "Environment variables of the command. Plain values are part of the key; "            \
             "`{from_env: X}` takes a secret from the environment of mlops."},                     \
        {ROW("shell", FIELD_STR, target, prefix shell), .flags = FIELD_NATIVE_ONLY | FIELD_PLAIN,  \
         .type = "sh, bash, zsh or a path", .initial = "sh",                                       \
         .help = "Shell that runs the command: `sh -e`, or `bash -eo pipefail`."},                 \
        {ROW("timeout", FIELD_DURATION, target, prefix timeout_ns), .flags = FIELD_NATIVE_ONLY,    \
         .type = "duration", .initial = "none",                                                    \
         .help = "The stage fails when it runs longer: `90s`, `15m`, `2h`, `1d`; `0` is none."},   \
        {ROW("retries", FIELD_NODE, target, prefix retries), .flags = FIELD_NATIVE_ONLY,           \
         .type = "count or mapping", .initial = "0",                                               \
         .help = "Attempts after a failed first one: a count, or `count`, `backoff`, `on_exit`."}, \
    {                                                                                              \
        ROW("resources", FIELD_NODE, target, prefix resources),                                    \
            .flags = FIELD_NATIVE_ONLY, .type = "mapping of resources", .initial = "one cpu",      \
            .help = "What the stage needs while it runs; stages run side by side within what "     \
                    "the machine has."                                                             \
    }

static const struct field stage_fields[] = {
    {ROW("cmd", FIELD_NODE, draft, cmd), .type = "text or list of texts",
     .help = "The command. A text is one script (in `dvc.yaml` each line is a command of its own); "
             "a list runs in order and stops at the first failure. Required."},
    {ROW("deps", FIELD_NODE, draft, deps), .type = "list of paths",
     .help = "Files and directories that the command reads; in native files also globs "
             "(`src/**/*.py`). The stage runs again when one changes."},
    {ROW("outs", FIELD_NODE, draft, outs), .type = "list of outputs",
     .help = "Files and directories that the command makes: paths, or `path: {flags}`."},
    {ROW("params", FIELD_NODE, draft, params), .type = "list of keys or files",
     .help = "Parameters it depends on: `key` of params.yaml, `{file: [keys]}`, or `{file: }` for "
             "a whole file."},
    {ROW("metrics", FIELD_NODE, draft, metrics), .type = "list of outputs",
     .help = "Outputs whose numbers are recorded with each run and compared."},
    {ROW("plots", FIELD_NODE, draft, plots), .type = "list of plotted outputs",
     .help = "Outputs that are tables to draw: paths, or `path: {x: ..., y: ...}`."},
    {ROW("wdir", FIELD_NODE, draft, wdir), .type = "path", .initial = "the pipeline's folder",
     .help = "Folder the command runs in; the stage's paths start there."},
    {ROW("desc", FIELD_STR, draft, desc), .flags = FIELD_PLAIN, .type = "text",
     .help = "What the stage is for, a sentence for people. Runs do not depend on it."},
    {ROW("frozen", FIELD_BOOL, draft, is_frozen), .type = "true or false", .initial = "false",
     .help = "Leave the stage as it is: it never runs, and nothing is run for its sake."},
    {ROW("always_changed", FIELD_BOOL, draft, is_always_changed), .type = "true or false",
     .initial = "false", .help = "Run on every run, whatever the inputs say."},
    {ROW("meta", FIELD_NODE, draft, meta), .type = "anything",
     .help = "Free for your own use; never read."},
    {ROW("kind", FIELD_CHOICE, draft, kind), .flags = FIELD_NATIVE_ONLY, .choices = kinds,
     .type = "command, train, validate or evaluate", .initial = "command",
     .help = "What the stage means: `train` makes a model, `validate` passes or rejects what it "
             "guards, `evaluate` measures."},
    {ROW("model", FIELD_NODE, draft, model), .flags = FIELD_NATIVE_ONLY, .type = "path",
     .help = "Of a `train` stage: which of its outputs is the model."},
    COMMON_ROWS(draft, common.),
    {ROW("after", FIELD_NODE, draft, after), .flags = FIELD_NATIVE_ONLY, .type = "list of stages",
     .help = "Stages to wait for although no file passes between them."},
    {ROW("guards", FIELD_NODE, draft, guards), .flags = FIELD_NATIVE_ONLY, .type = "list of paths",
     .initial = "its deps that another stage makes",
     .help = "Of a `validate` stage: every stage that uses one of these waits for it, and does not "
             "run when it rejects."},
    {ROW("env_mode", FIELD_CHOICE, draft, env_mode), .flags = FIELD_NATIVE_ONLY,
     .choices = env_modes, .type = "inherit or strict", .initial = "inherit",
     .help = "`strict` passes only PATH HOME USER LANG LC_* TZ TMPDIR SHELL TERM and `env`."},
    {ROW("environment", FIELD_BOOL, draft, keys_environment), .flags = FIELD_NATIVE_ONLY,
     .type = "true or false", .initial = "false",
     .help = "Run again when the platform or the installed packages change, too."},
    {ROW("vars", FIELD_NODE, draft, vars), .type = "list of files or mappings",
     .help = "Values for the `${...}` of this stage alone; files are named from its `wdir`."},
    {ROW("foreach", FIELD_NODE, draft, foreach), .type = "list, mapping or expression",
     .help = "One stage for each item; beside it stands `do` alone."},
    {ROW("do", FIELD_NODE, draft, body), .type = "stage",
     .help = "Of `foreach`: the stage, with `${item}` and, for a mapping, `${key}`."},
    {ROW("matrix", FIELD_NODE, draft, matrix), .type = "mapping of names to lists",
     .help = "One stage for each combination, with `${item.NAME}` and `${key}`. In native files "
             "`exclude` and `include` leave out and add combinations."},
    {GONE("live"), .help = "name what dvclive writes in 'metrics' and 'plots'"},
    {ROW("data", FIELD_NODE, draft, data), .flags = FIELD_NATIVE_ONLY, .type = "tables",
     .help =
         "Of a `validate` stage without `cmd`: the tables it checks. A path, a list of paths, or "
         "`name: path`; a path may be a mapping of `path`, `schema`, `dialect`."},
    {ROW("schema", FIELD_NODE, draft, schema), .flags = FIELD_NATIVE_ONLY,
     .type = "path or table schema",
     .help = "The Table Schema of the tables in `data`: a file, or the schema itself."},
    {ROW("dialect", FIELD_NODE, draft, dialect), .flags = FIELD_NATIVE_ONLY,
     .type = "path or table dialect", .initial = "comma-separated UTF-8 with one header row",
     .help = "How the tables in `data` are written: a Table Dialect, in a file or here."},
    {ROW("checks", FIELD_NODE, draft, checks), .flags = FIELD_NATIVE_ONLY, .type = "list of checks",
     .help = "What is checked beside the schema: `name: {keys}`, see below."},
    {ROW("report", FIELD_NODE, draft, report), .flags = FIELD_NATIVE_ONLY, .type = "path",
     .help = "Where the report of `checks` is written, as .json and beside it .md and .html."},
    {ROW("predictions", FIELD_NODE, draft, predictions), .flags = FIELD_NATIVE_ONLY, .type = "path",
     .help = "Of an `evaluate` stage without `cmd`: the table it measures, with columns `label`, "
             "`prediction` or `score` or `p_<class>`, perhaps `id` and `weight`."},
    {ROW("task", FIELD_NODE, draft, task), .flags = FIELD_NATIVE_ONLY,
     .type = "binary, multiclass or regression", .help = "What the `predictions` are of."},
    {ROW("threshold", FIELD_NODE, draft, threshold), .flags = FIELD_NATIVE_ONLY, .type = "number",
     .initial = "0.5, unless `predictions` has predicted classes",
     .help = "Of a binary `task`: the least score that counts as the positive class."},
    {ROW("positive", FIELD_NODE, draft, positive), .flags = FIELD_NATIVE_ONLY, .type = "text",
     .initial = "1, true, yes, or the last of two",
     .help = "Of a binary `task`: the label of the positive class."},
    {ROW("columns", FIELD_NODE, draft, columns), .flags = FIELD_NATIVE_ONLY,
     .type = "names of columns",
     .help = "Columns of `predictions` that have other names: `label`, `score`, `prediction`, "
             "`id`, `weight`."},
    {ROW("slices", FIELD_NODE, draft, slices), .flags = FIELD_NATIVE_ONLY,
     .type = "column or columns",
     .help = "Columns of `predictions`: everything is measured for each of their values, too."},
    {ROW("gates", FIELD_NODE, draft, gates), .flags = FIELD_NATIVE_ONLY, .type = "list of gates",
     .help = "Of an `evaluate` stage: what its metrics must be for what follows to run, see "
             "below."},
};

static const struct field defaults_fields[] = {COMMON_ROWS(draft_common, )};

static const struct field top_fields[] = {
    {ROW("stages", FIELD_NODE, draft_top, stages), .type = "mapping of name to stage",
     .help = "The stages. They run in the order their files demand, not in that of this file."},
    {ROW("params", FIELD_NODE, draft_top, params), .type = "list of paths",
     .help = "Parameter files to show and compare, beside those that stages name."},
    {ROW("metrics", FIELD_NODE, draft_top, metrics), .type = "list of paths",
     .help = "Metrics files to show and compare, beside those that stages make."},
    {ROW("plots", FIELD_NODE, draft_top, plots), .type = "list of plots",
     .help = "Plots to draw: paths, or `name: {options}`."},
    {ROW("artifacts", FIELD_NODE, draft_top, artifacts), .type = "mapping of name to artifact",
     .help = "Names for models and data sets: `path`, `desc`, `type`, `labels`, `meta`."},
    {ROW("datasets", FIELD_NODE, draft_top, datasets), .type = "list",
     .help = "Data sets that `deps` name as `ds://NAME`: `name`, `type` (dc, dvc or url), `url`."},
    {ROW("name", FIELD_STR, draft_top, name), .flags = FIELD_NATIVE_ONLY | FIELD_PLAIN,
     .type = "text", .initial = "the folder's name",
     .help = "Name of the pipeline in lists and reports."},
    {ROW("desc", FIELD_STR, draft_top, desc), .flags = FIELD_NATIVE_ONLY | FIELD_PLAIN,
     .type = "text", .help = "What the pipeline is for."},
    {ROW("defaults", FIELD_NODE, draft_top, defaults), .flags = FIELD_NATIVE_ONLY,
     .type = "mapping of defaults",
     .help = "`env`, `shell`, `timeout`, `retries`, `resources` for all stages that do not say "
             "otherwise."},
    {ROW("remote", FIELD_STR, draft_top, remote), .flags = FIELD_NATIVE_ONLY | FIELD_PLAIN,
     .type = "text",
     .help = "Name of the remote that its outputs are pushed to and pulled from; remote.default if "
             "not given."},
    {ROW("vars", FIELD_NODE, draft_top, vars), .type = "list of files or mappings",
     .help = "Values for `${...}`: mappings, files, or `file:key1,key2`; `params.yaml` beside the "
             "file comes first by itself."},
    {ROW("sweep", FIELD_NODE, draft_top, sweep), .flags = FIELD_NATIVE_ONLY, .type = "mapping",
     .help = "What `mlops sweep` tries if it is told nothing else: keys as in a sweep file, see "
             "[sweeps.md](sweeps.md#sweep-file)."},
    {LATER_NATIVE("gates"), .type = "list of gates",
     .help = "give them to the stage of kind 'evaluate' whose metrics they judge"},
};

#define OUTPUT_ROWS                                                                                \
    {ROW("cache", FIELD_BOOL, output, is_cached), .type = "true or false", .initial = "true",      \
     .help = "Whether its content is stored. `false` is for what git tracks: small reports."},     \
        {ROW("persist", FIELD_BOOL, output, persists), .type = "true or false",                    \
         .initial = "false",                                                                       \
         .help = "Leave it in place while the command runs, to be continued from."},               \
        {ROW("push", FIELD_BOOL, output, is_pushed), .type = "true or false", .initial = "true",   \
         .help = "Whether mlops push sends the output to a remote."},                              \
        {ROW("remote", FIELD_STR, output, remote), .flags = FIELD_PLAIN, .type = "text",           \
         .help = "Name of the remote of this output only."},                                       \
        {ROW("desc", FIELD_STR, output, desc), .flags = FIELD_PLAIN, .type = "text",               \
         .help = "What it is."},                                                                   \
        {ROW("type", FIELD_STR, output, type), .flags = FIELD_PLAIN, .type = "text",               \
         .help = "`model`, `dataset`, ..."},                                                       \
        {ROW("labels", FIELD_NODE, output, labels), .type = "list of texts",                       \
         .help = "Words to find it by."},                                                          \
    {                                                                                              \
        ROW("meta", FIELD_NODE, output, meta), .type = "anything",                                 \
                                               .help = "Free for your own use; never read."        \
    }

static void ignore(struct binder *binder, const struct doc_node *node, void *target)
{
    (void)binder, (void)node, (void)target;
}

/* Written by DVC 2.x; without effect in DVC 3.x and here. */
#define CHECKPOINT_ROW                                                                             \
    {                                                                                              \
        .name = "checkpoint", .kind = FIELD_BIND, .flags = FIELD_DVC_ONLY, .bind = ignore,         \
        .type = "true or false", .help = "Accepted and ignored."                                   \
    }

static const struct field output_fields[] = {OUTPUT_ROWS, CHECKPOINT_ROW};

/* That one of them is there is all that is bound: reports read the mapping itself. */
#define PLOT_ROW(key, of_type, text)                                                               \
    {                                                                                              \
        .name = (key), .kind = FIELD_NODE, .offset = offsetof(struct output, plot),                \
        .type = (of_type), .help = (text)                                                          \
    }

static const struct field plot_fields[] = {
    OUTPUT_ROWS,
    CHECKPOINT_ROW,
    PLOT_ROW("x", "column", "Column for the horizontal axis; default: the row's number."),
    PLOT_ROW("y", "column", "Column for the vertical axis; default: the last one."),
    PLOT_ROW("x_label", "text", "Title of the horizontal axis."),
    PLOT_ROW("y_label", "text", "Title of the vertical axis."),
    PLOT_ROW("title", "text", "Title of the plot."),
    PLOT_ROW("header", "true or false", "Whether the first row of a table names its columns."),
    PLOT_ROW("template", "text", "Kind of plot: `linear`, `scatter`, `confusion`, ..."),
};

static const struct field env_fields[] = {
    {ROW("from_env", FIELD_STR, draft_env, from_env), .flags = FIELD_REQUIRED | FIELD_PLAIN,
     .type = "name of a variable",
     .help = "Variable of mlops' own environment to pass on. Its value is a secret: in no key, no "
             "log and no record."},
    {ROW("key", FIELD_BOOL, draft_env, is_in_key), .type = "true or false", .initial = "false",
     .help = "It is no secret: put its value in the key, so that a change runs the stage again."},
    {ROW("default", FIELD_NODE, draft_env, initial), .type = "text",
     .help = "Value where the variable is not set; without it that is an error."},
};

static const struct field retries_fields[] = {
    {ROW("count", FIELD_INT, draft_retries, count), .flags = FIELD_REQUIRED, .least = 0,
     .most = 1000, /* LIMIT_RETRIES */
     .type = "integer", .help = "Attempts after the first one."},
    {ROW("backoff", FIELD_DURATION, draft_retries, backoff_ns), .type = "duration", .initial = "0s",
     .help = "Wait before the second attempt; doubles for each further one."},
    {ROW("on_exit", FIELD_NODE, draft_retries, on_exit), .type = "list of exit statuses",
     .initial = "all", .help = "Try again only after one of these, 1 to 255."},
};

static const struct field resources_fields[] = {
    {ROW("cpus", FIELD_NODE, draft_resources, cpus), .type = "number", .initial = "1",
     .help = "Cpus, also in fractions."},
    {ROW("memory", FIELD_BYTES, draft_resources, memory_bytes), .type = "bytes", .initial = "none",
     .help = "Memory: `4GiB`, `500MB`."},
    {ROW("gpus", FIELD_INT, draft_resources, gpus), .least = 0, .most = 1024, .type = "integer",
     .initial = "0", .help = "Whole GPUs, for this stage alone."},
};

static const struct field artifact_fields[] = {
    {ROW("path", FIELD_STR, draft_artifact, path), .flags = FIELD_REQUIRED | FIELD_PLAIN,
     .type = "path", .help = "File or directory it stands for."},
    {ROW("desc", FIELD_STR, draft_artifact, desc), .flags = FIELD_PLAIN, .type = "text",
     .help = "What it is."},
    {ROW("type", FIELD_STR, draft_artifact, type), .flags = FIELD_PLAIN, .type = "text",
     .help = "`model`, `dataset`, ..."},
    {ROW("labels", FIELD_NODE, draft_artifact, labels), .type = "list of texts",
     .help = "Words to find it by."},
    {ROW("meta", FIELD_NODE, draft_artifact, meta), .type = "anything",
     .help = "Free for your own use; never read."},
};

_Static_assert(STAGE_EVALUATE + 2 == COUNT_OF(kinds), "a word for every kind");
_Static_assert(ENV_STRICT + 2 == COUNT_OF(env_modes), "a word for every mode");

#define SCHEMA(its_noun, rows) .noun = (its_noun), .fields = (rows), .count = COUNT_OF(rows)

const struct schema pipeline_schema_top = {SCHEMA("pipeline", top_fields), .allows_x_keys = true};
const struct schema pipeline_schema_stage = {SCHEMA("stage", stage_fields)};
const struct schema pipeline_schema_defaults = {SCHEMA("defaults", defaults_fields)};
const struct schema pipeline_schema_output = {SCHEMA("output", output_fields)};
const struct schema pipeline_schema_plot = {SCHEMA("plot", plot_fields)};
const struct schema pipeline_schema_env = {SCHEMA("env variable", env_fields)};
const struct schema pipeline_schema_retries = {SCHEMA("retries", retries_fields)};
const struct schema pipeline_schema_resources = {SCHEMA("resources", resources_fields)};
const struct schema pipeline_schema_artifact = {SCHEMA("artifact", artifact_fields)};

const struct schema *const *pipeline_schemas(size_t *ret_count)
{
    static const struct schema *const all[] = {
        &pipeline_schema_top,
        &pipeline_schema_stage,
        &pipeline_schema_output,
        &pipeline_schema_plot,
        &pipeline_schema_env,
        &pipeline_schema_retries,
        &pipeline_schema_resources,
        &pipeline_schema_defaults,
        &pipeline_schema_artifact,
        &check_schema_table,
        &check_schema_item,
        &check_kind_schemas[CHECK_SCHEMA],
        &check_kind_schemas[CHECK_ROW_COUNT],
        &check_kind_schemas[CHECK_FRESHNESS],
        &check_kind_schemas[CHECK_DUPLICATE_ROWS],
        &check_kind_schemas[CHECK_NULL_VALUES],
        &check_kind_schemas[CHECK_LEAKAGE],
        &check_kind_schemas[CHECK_DRIFT],
        &check_kind_schemas[CHECK_LABELS],
        &check_kind_schemas[CHECK_STAT],
        &check_kind_schemas[CHECK_CONSTANT],
        &check_kind_schemas[CHECK_OUTLIERS],
        &check_kind_schemas[CHECK_CORRELATION],
        &check_schema_reference,
        &gate_schema_columns,
        &gate_schema,
    };
    *ret_count = COUNT_OF(all);
    return all;
}
