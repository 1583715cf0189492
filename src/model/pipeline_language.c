/* What the types that the field tables name look like, and the JSON Schema made of both. */
#include "mlops/base/lang.h"
#include "mlops/base/limits.h"
#include "mlops/codec/jsonschema.h"

#include "checks_private.h"
#include "gate_private.h"
#include "pipeline_private.h"

/* Keys of a plot in the file's own `plots`; reports read them as they stand. */
#define PLOT_KEY(key, its_type, text)                                                              \
    {                                                                                              \
        .name = (key), .kind = FIELD_NODE, .type = (its_type), .help = (text)                      \
    }
static const struct field plot_definition_fields[] = {
    PLOT_KEY("x", "column or mapping of files to columns",
             "Column for the horizontal axis, or `file: column`."),
    PLOT_KEY("y", "columns or mapping of files to columns",
             "Columns for the vertical axis: one, a list, or `file: columns`."),
    PLOT_KEY("x_label", "text", "Title of the horizontal axis."),
    PLOT_KEY("y_label", "text", "Title of the vertical axis."),
    PLOT_KEY("title", "text", "Title of the plot."),
    PLOT_KEY("template", "text", "Kind of plot: `linear`, `scatter`, `confusion`, ..."),
};
const struct schema pipeline_schema_plot_definition = {
    .noun = "plot", .fields = plot_definition_fields, .count = COUNT_OF(plot_definition_fields)};

#define ONE(its_type, its_kind)                                                                    \
    {                                                                                              \
        .type = (its_type), .kind = (its_kind)                                                     \
    }
#define LIST(its_type, item)                                                                       \
    {                                                                                              \
        .type = (its_type), .kind = SHAPE_LIST, .of = {(item) }                                    \
    }
#define MAP(its_type, item)                                                                        \
    {                                                                                              \
        .type = (its_type), .kind = SHAPE_MAP, .of = {(item) }                                     \
    }
#define EITHER(its_type, ...)                                                                      \
    {                                                                                              \
        .type = (its_type), .kind = SHAPE_EITHER, .of = { __VA_ARGS__ }                            \
    }
#define FIELDS(its_type, table)                                                                    \
    {                                                                                              \
        .type = (its_type), .kind = SHAPE_FIELDS, .fields = (table)                                \
    }

static const struct shape shapes[] = {
    {.type = "pipeline",
     .kind = SHAPE_FIELDS,
     .fields = &pipeline_schema_top,
     .takes_no_expression = true},
    {.type = "stage",
     .kind = SHAPE_FIELDS,
     .fields = &pipeline_schema_stage,
     .needs = "cmd",
     .or_native = {"data", "predictions"},
     .apart = {"foreach", "do"}},
    {.type = "stage or foreach",
     .kind = SHAPE_FORMS,
     .fields = &pipeline_schema_stage,
     .needs = "cmd",
     .or_native = {"data", "predictions"},
     .apart = {"foreach", "do"}},
    MAP("mapping of name to stage", "stage or foreach"),
    FIELDS("flags of an output", &pipeline_schema_output),
    FIELDS("flags of a plotted output", &pipeline_schema_plot),
    FIELDS("definition of a plot", &pipeline_schema_plot_definition),
    FIELDS("variable from outside", &pipeline_schema_env),
    FIELDS("retries", &pipeline_schema_retries),
    FIELDS("mapping of resources", &pipeline_schema_resources),
    FIELDS("mapping of defaults", &pipeline_schema_defaults),
    FIELDS("artifact", &pipeline_schema_artifact),
    MAP("mapping of name to artifact", "artifact"),

    ONE("anything", SHAPE_ANYTHING),
    ONE("text", SHAPE_TEXT),
    ONE("path", SHAPE_TEXT),
    ONE("column", SHAPE_TEXT),
    ONE("true or false", SHAPE_BOOL),
    ONE("number", SHAPE_NUMBER),
    ONE("nothing", SHAPE_NOTHING),
    ONE("list", SHAPE_ANYTHING), /* of datasets: DVC takes any */
    MAP("mapping", "anything"),
    LIST("list of anything", "anything"),
    LIST("list of texts", "text"),
    LIST("list of paths", "path"),
    LIST("list of stages", "text"),
    EITHER("text or list of texts", "text", "list of texts"),

    /* Outputs and plots. */
    {.type = "output flags",
     .kind = SHAPE_EITHER,
     .of = {"flags of an output"},
     .native = "nothing"},
    MAP("mapping of path to output flags", "output flags"),
    EITHER("output", "path", "mapping of path to output flags"),
    LIST("list of outputs", "output"),
    LIST("list of flags of a plotted output", "flags of a plotted output"),
    {.type = "plotted output flags",
     .kind = SHAPE_EITHER,
     .of = {"flags of a plotted output", "list of flags of a plotted output"},
     .native = "nothing"},
    MAP("mapping of path to plotted output flags", "plotted output flags"),
    EITHER("plotted output", "path", "mapping of path to plotted output flags"),
    LIST("list of plotted outputs", "plotted output"),
    MAP("mapping of files to column", "column"),
    EITHER("columns", "column", "list of texts"),
    MAP("mapping of files to columns", "columns"),
    EITHER("column or mapping of files to columns", "column", "mapping of files to column"),
    EITHER("columns or mapping of files to columns", "column", "list of texts",
           "mapping of files to columns"),
    EITHER("plot options", "definition of a plot", "nothing"),
    {.type = "mapping of name to plot options",
     .kind = SHAPE_MAP,
     .of = {"plot options"},
     .least = 1},
    EITHER("plot", "path", "mapping of name to plot options"),
    LIST("list of plots", "plot"),

    /* Parameters and templates. */
    EITHER("key or file", "text", "mapping"),
    LIST("list of keys or files", "key or file"),
    LIST("list of files or mappings", "key or file"),
    EITHER("list, mapping or expression", "list of anything", "mapping", "text"),
    EITHER("list or expression", "list of anything", "text"),
    MAP("mapping of names to lists", "list or expression"),

    /* Of native files. */
    EITHER("value of a variable", "text", "variable from outside"),
    MAP("mapping of name to value", "value of a variable"),
    {.type = "count", .kind = SHAPE_INT, .least = 0, .most = 1000 /* LIMIT_RETRIES */},
    EITHER("count or mapping", "count", "retries"),
    {.type = "exit status", .kind = SHAPE_INT, .least = 1, .most = 255},
    LIST("list of exit statuses", "exit status"),

    /* Built-in checks. */
    FIELDS("checked table", &check_schema_table),
    EITHER("table", "path", "checked table"),
    LIST("list of named tables", "table"),
    MAP("mapping of name to table", "table"),
    EITHER("tables", "path", "list of named tables", "mapping of name to table", "checked table"),
    EITHER("path or table schema", "path", "mapping"),
    EITHER("path or table dialect", "path", "mapping"),
    FIELDS("reference", &check_schema_reference),
    EITHER("path or reference", "path", "reference"),
    EITHER("share", "number", "text"),
    EITHER("column or columns", "column", "list of texts"),
    LIST("list of tables", "text"),
    EITHER("bound", "number", "nothing"),
    LIST("bounds", "bound"),
    ONE("method of drift", SHAPE_TEXT),
    ONE("iqr or zscore", SHAPE_TEXT),
    FIELDS("fields of schema", &check_kind_schemas[CHECK_SCHEMA]),
    EITHER("keys of schema", "fields of schema", "nothing"),
    FIELDS("fields of row_count", &check_kind_schemas[CHECK_ROW_COUNT]),
    EITHER("keys of row_count", "fields of row_count", "nothing"),
    FIELDS("fields of freshness", &check_kind_schemas[CHECK_FRESHNESS]),
    EITHER("keys of freshness", "fields of freshness", "nothing"),
    FIELDS("fields of duplicate_rows", &check_kind_schemas[CHECK_DUPLICATE_ROWS]),
    EITHER("keys of duplicate_rows", "fields of duplicate_rows", "nothing"),
    FIELDS("fields of null_values", &check_kind_schemas[CHECK_NULL_VALUES]),
    EITHER("keys of null_values", "fields of null_values", "nothing"),
    FIELDS("fields of leakage", &check_kind_schemas[CHECK_LEAKAGE]),
    EITHER("keys of leakage", "fields of leakage", "nothing"),
    FIELDS("fields of drift", &check_kind_schemas[CHECK_DRIFT]),
    EITHER("keys of drift", "fields of drift", "nothing"),
    FIELDS("fields of labels", &check_kind_schemas[CHECK_LABELS]),
    EITHER("keys of labels", "fields of labels", "nothing"),
    FIELDS("fields of stat", &check_kind_schemas[CHECK_STAT]),
    EITHER("keys of stat", "fields of stat", "nothing"),
    FIELDS("fields of constant", &check_kind_schemas[CHECK_CONSTANT]),
    EITHER("keys of constant", "fields of constant", "nothing"),
    FIELDS("fields of outliers", &check_kind_schemas[CHECK_OUTLIERS]),
    EITHER("keys of outliers", "fields of outliers", "nothing"),
    FIELDS("fields of correlation", &check_kind_schemas[CHECK_CORRELATION]),
    EITHER("keys of correlation", "fields of correlation", "nothing"),
    FIELDS("named check", &check_schema_item),
    EITHER("check", "text", "named check"),
    LIST("list of checks", "check"),

    /* Evaluation. */
    FIELDS("names of columns", &gate_schema_columns),
    ONE("binary, multiclass or regression", SHAPE_TEXT),
    ONE("higher or lower", SHAPE_TEXT),
    EITHER("number or share", "number", "text"),
    FIELDS("gate", &gate_schema),
    LIST("list of gates", "gate"),
};

const struct shape_table *pipeline_shapes(enum doc_dialect dialect)
{
    static const struct shape_table tables[] = {
        [DOC_NATIVE] = {"a pipeline of mlops", "pipeline", shapes, COUNT_OF(shapes)},
        [DOC_DVC] = {"dvc.yaml", "pipeline", shapes, COUNT_OF(shapes)},
    };
    return &tables[dialect];
}

void pipeline_print_json_schema(enum doc_dialect dialect, struct buf *out)
{
    jsonschema_print(pipeline_shapes(dialect), dialect, out);
}
