/* What the types that the field tables name look like, and the JSON Schema made of both. */
#include "mlops/base/lang.h"
#include "mlops/base/limits.h"
#include "mlops/codec/jsonschema.h"

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
     .apart = {"foreach", "do"}},
    {.type = "stage or foreach",
     .kind = SHAPE_FORMS,
     .fields = &pipeline_schema_stage,
     .needs = "cmd",
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
