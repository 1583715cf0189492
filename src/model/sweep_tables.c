/* The language of sweep files as tables. */
#include "mlops/base/limits.h"
#include "mlops/codec/jsonschema.h"

#include "sweep_tables_private.h"

#define AT(member) offsetof(struct sweep_draft, sweep.member)
#define FIELDS(rows) .fields = (rows), .count = COUNT_OF(rows)

static const char *const direction_names[] = {"auto", "max", "min", NULL};
static const char *const action_names[] = {"set", "add", "remove", NULL};

static const struct field key_rows[] = {
    {"file", FIELD_STR, offsetof(struct sweep_key, file), FIELD_PLAIN, .type = "path",
     .help = "The file, relative to the project."},
    {"key", FIELD_STR, offsetof(struct sweep_key, key), FIELD_PLAIN | FIELD_REQUIRED,
     .help = "Its key, dotted."},
};
const struct schema sweep_schema_key = {.noun = "key", FIELDS(key_rows)};

static const struct field assignment_rows[] = {
    {"file", FIELD_STR, offsetof(struct override, file), FIELD_PLAIN, .type = "path",
     .initial = "the file that has the key", .help = "The parameter's file."},
    {"key", FIELD_STR, offsetof(struct override, key), FIELD_PLAIN | FIELD_REQUIRED,
     .help = "The parameter, dotted."},
    {"text", FIELD_STR, offsetof(struct override, text), FIELD_PLAIN,
     .help = "Its value, or range of values, as on the command line."},
    {"action", FIELD_CHOICE, offsetof(struct override, action), .choices = action_names,
     .type = "`set`, `add` or `remove`", .initial = "`set`",
     .help = "`add` makes a key that is not there, `remove` takes one away."},
};
const struct schema sweep_schema_assignment = {.noun = "parameter", FIELDS(assignment_rows)};

static const struct field steps_rows[] = {
    {"file", FIELD_STR, offsetof(struct sweep_steps, file), FIELD_REQUIRED, .type = "path",
     .help = "A CSV, TSV or JSON Lines file that a running trial appends to."},
    {"step", FIELD_STR, offsetof(struct sweep_steps, step), FIELD_PLAIN,
     .initial = "the row's number", .help = "Its column with the number of the step."},
    {"metric", FIELD_STR, offsetof(struct sweep_steps, metric), FIELD_PLAIN,
     .initial = "the last part of the metric's key", .help = "Its column with the metric."},
};
const struct schema sweep_schema_steps = {.noun = "steps", FIELDS(steps_rows)};

static const struct field budget_rows[] = {
    {"param", FIELD_BIND, offsetof(struct sweep_draft, budget), FIELD_REQUIRED,
     .bind = sweep_bind_key, .type = "key of a file",
     .help = "The parameter that is the budget, such as the number of epochs."},
    {"least", FIELD_INT, AT(budget_least), FIELD_REQUIRED, 1, INT64_MAX, .type = "whole number",
     .help = "Its value in the first round."},
    {"most", FIELD_INT, AT(budget_most), FIELD_REQUIRED, 1, INT64_MAX, .type = "whole number",
     .help = "Its value in the last round."},
};
const struct schema sweep_schema_budget = {.noun = "budget", FIELDS(budget_rows)};

static const struct field rows[] = {
    {"name", FIELD_STR, AT(name), FIELD_PLAIN, .help = "What its runs are called: NAME-1, NAME-2."},
    {"pipeline", FIELD_STR, AT(pipeline), 0, .type = "path", .initial = "the project's",
     .help = "The pipeline file."},
    {"targets", FIELD_BIND, offsetof(struct sweep_draft, targets), .bind = sweep_bind_targets,
     .type = "list of texts", .initial = "all stages", .help = "What each trial runs."},
    {"method", FIELD_CHOICE, offsetof(struct sweep_draft, method), .choices = sweep_method_names,
     .type = "`grid`, `random`, `tpe` or `list`",
     .initial = "`list` where there is a list, `random` where a range has no end, else `grid`",
     .help = "How combinations are chosen."},
    {"params", FIELD_BIND, 0, .bind = sweep_bind_space, .type = "ranges of parameters",
     .help = "What varies: parameters with their ranges or lists of values."},
    {"fixed", FIELD_BIND, AT(fixed), .bind = sweep_bind_fixed, .type = "values of parameters",
     .help = "What every trial changes."},
    {"list", FIELD_BIND, 0, .bind = sweep_bind_list, .type = "list of combinations",
     .help = "The combinations one by one, for the method `list`."},
    {"repeat", FIELD_INT, AT(repeat), 0, 1, LIMIT_SWEEP_TRIALS, .type = "whole number",
     .initial = "1", .help = "How often each combination is run."},
    {"seed_param", FIELD_BIND, offsetof(struct sweep_draft, repeat_seed), .bind = sweep_bind_key,
     .type = "key of a file", .help = "The parameter that tells repeats apart: 0, 1, 2..."},
    {"trials", FIELD_INT, AT(trials_most), 0, 1, LIMIT_SWEEP_TRIALS, .type = "whole number",
     .initial = "all of a grid or list", .help = "How many trials at most."},
    {"time", FIELD_DURATION, AT(time_most_ns), .type = "duration", .initial = "no limit",
     .help = "How long at most."},
    {"seed", FIELD_BIND, AT(seed), .bind = sweep_bind_seed, .type = "seed", .initial = "0",
     .help = "Of the draws: the same sweep with the same seed gives the same trials."},
    {"metric", FIELD_BIND, offsetof(struct sweep_draft, metric), .bind = sweep_bind_key,
     .type = "key of a file", .help = "What is compared, such as `f1` or `metrics.json:val.f1`."},
    {"direction", FIELD_CHOICE, AT(direction), .choices = direction_names, .type = "`max` or `min`",
     .initial = "`auto`: by the metric's name",
     .help = "Whether high or low is good; has to be said where the name does not tell."},
    {"startup", FIELD_INT, AT(startup), 0, 1, LIMIT_SWEEP_TRIALS, .type = "whole number",
     .initial = "10", .help = "`tpe`: how many random combinations come first."},
    {"lag", FIELD_INT, AT(lag), 0, 1, LIMIT_SWEEP_TRIALS, .type = "whole number", .initial = "4",
     .help =
         "`tpe`: how many trials may run side by side; a proposal knows the results of those up "
         "to this many before it."},
    {"stop", FIELD_CHOICE, AT(stop), .choices = sweep_stop_names,
     .type = "`never`, `median`, `asha` or `halving`", .initial = "`never`",
     .help = "When a hopeless trial is ended."},
    {"reduction", FIELD_INT, AT(reduction), 0, 2, 1000, .type = "whole number", .initial = "3",
     .help = "`asha` and `halving`: one trial in this many goes on."},
    {"least_steps", FIELD_INT, AT(least_steps), 0, 0, INT64_MAX, .type = "whole number",
     .initial = "0; `asha`: 1",
     .help = "`median` and `asha`: no trial is stopped before this step."},
    {"steps", FIELD_BIND, AT(steps), .bind = sweep_bind_steps, .type = "file of steps",
     .help = "Where a running trial reports."},
    {"budget", FIELD_BIND, 0, .bind = sweep_bind_budget, .type = "budget",
     .help = "`halving`: the parameter that grows from round to round."},
};
const struct schema sweep_schema = {.noun = "sweep", FIELDS(rows), .allows_x_keys = true};

static const struct schema *const schemas[] = {&sweep_schema, &sweep_schema_assignment,
                                               &sweep_schema_key, &sweep_schema_steps,
                                               &sweep_schema_budget};

const struct schema *const *sweep_schemas(size_t *ret_count)
{
    *ret_count = COUNT_OF(schemas);
    return schemas;
}

/* A file may say all this below `sweep:`, as that part of a pipeline would. */
static const struct field file_rows[] = {
    {"sweep", FIELD_NODE, 0, FIELD_REQUIRED, .type = "sweep", .help = "The sweep."},
};
static const struct schema file_schema = {.noun = "sweep file", FIELDS(file_rows)};

#define TABLE(its_type, table)                                                                     \
    {                                                                                              \
        .type = (its_type), .kind = SHAPE_FIELDS, .fields = (table), .takes_no_expression = true   \
    }
#define EITHER(its_type, ...)                                                                      \
    {                                                                                              \
        .type = (its_type), .kind = SHAPE_EITHER, .of = { __VA_ARGS__ }                            \
    }
#define OF(its_type, its_kind, item)                                                               \
    {                                                                                              \
        .type = (its_type), .kind = (its_kind), .of = {(item) }                                    \
    }

static const struct shape shapes[] = {
    EITHER("sweep file", "sweep", "file with a sweep"),
    TABLE("file with a sweep", &file_schema),
    TABLE("sweep", &sweep_schema),
    TABLE("parameter", &sweep_schema_assignment),
    TABLE("mapping of file and key", &sweep_schema_key),
    TABLE("mapping of steps", &sweep_schema_steps),
    TABLE("budget", &sweep_schema_budget),
    {.type = "anything", .kind = SHAPE_ANYTHING},
    {.type = "text", .kind = SHAPE_TEXT},
    {.type = "nothing", .kind = SHAPE_NOTHING},
    {.type = "seed", .kind = SHAPE_INT},
    OF("list of anything", SHAPE_LIST, "anything"),
    OF("list of texts", SHAPE_LIST, "text"),
    OF("mapping", SHAPE_MAP, "anything"),
    EITHER("key of a file", "text", "mapping of file and key"),
    EITHER("file of steps", "text", "mapping of steps"),
    EITHER("word or parameter", "text", "parameter"),
    OF("list of words or parameters", SHAPE_LIST, "word or parameter"),
    EITHER("range", "text", "list of anything", "nothing"),
    OF("mapping of key to range", SHAPE_MAP, "range"),
    EITHER("ranges of parameters", "mapping of key to range", "list of words or parameters"),
    EITHER("values of parameters", "mapping", "list of words or parameters"),
    OF("list of combinations", SHAPE_LIST, "values of parameters"),
};

const struct shape_table *sweep_shapes(void)
{
    static const struct shape_table table = {"a sweep of mlops", "sweep file", shapes,
                                             COUNT_OF(shapes)};
    return &table;
}

void sweep_print_json_schema(struct buf *out)
{
    jsonschema_print(sweep_shapes(), DOC_NATIVE, out);
}
