#include "mlops/base/arena.h"
#include "mlops/codec/json.h"
#include "mlops/codec/load.h"
#include "mlops/codec/schema.h"
#include "mlops/data/infer.h"

#include <fcntl.h>

#include "tabular_private.h"

enum { LOOKS_MOST = 4 }; /* a date-time may become any date-time, a string, anything */

/* The descriptor as a document, the way others will read it. */
static FALLIBLE descriptor_of(struct arena *arena, const struct table_schema *schema,
                              struct doc **ret)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    tableschema_write(&json, schema);
    return json_parse(arena, STR("the schema"), buf_str(&out), ret);
}

/* Reads the file by the schema; *ret_is_wider if the schema had to be changed. */
static FALLIBLE look_again(struct context *context, const struct tabular_options *options,
                           struct str path, struct table_schema *schema, bool *ret_is_wider,
                           uint64_t *ret_violations)
{
    struct arena *arena = context->arena;
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    struct table_schema bound = {0};
    struct doc *doc;
    struct measured measured;
    TRY(descriptor_of(arena, schema, &doc));
    tableschema_bind(&binder, doc->root, &bound);
    TRY(error_list_take(&errors));
    TRY(tabular_measure_file(context, options, path, &bound, &measured));
    *ret_is_wider = infer_widen(arena, &measured.profile, schema);
    *ret_violations = measured.conformity.count;
    return NULL;
}

static FALLIBLE make_schema(struct context *context, const struct tabular_options *options,
                            struct str path, struct table_schema *ret)
{
    struct measured measured;
    struct table_options table;
    uint64_t violations = 0;
    bool is_wider = true;
    TRY(tabular_table_options(context, options, path, &table));
    TRY(tabular_measure_file(context, options, path, NULL, &measured));
    infer_schema(context->arena, &measured.profile, ret);
    for (int i = 0; i < LOOKS_MOST && is_wider && table.dialect.format != TABLE_PARQUET; i++)
        TRY(look_again(context, options, path, ret, &is_wider, &violations));
    if (violations)
        context_warn(context,
                     "no schema mends what is wrong with the header or the records of %.*s: "
                     "'mlops data validate' with this one tells %llu",
                     STR_FMT(path), (unsigned long long)violations);
    return NULL;
}

void tabular_suggest_dialect(struct context *context, struct str path)
{
    struct dialect usual = dialect_for(path), dialect;
    struct buf text = buf_in(context->arena);
    struct json_writer json = {.out = &text};
    struct error *error = infer_dialect(context->arena, AT_FDCWD, path, &dialect);
    bool has_quote = !error && !str_equal(dialect.quote_char, usual.quote_char);
    bool is_usual = error || (str_equal(dialect.delimiter, usual.delimiter) && !has_quote);
    error_drop(error); /* a suggestion is all it would have been */
    if (is_usual)
        return;
    json_open_object(&json);
    json_name(&json, "delimiter");
    json_str(&json, dialect.delimiter);
    if (has_quote) {
        json_name(&json, "quoteChar");
        json_str(&json, dialect.quote_char);
    }
    json_close_object(&json);
    context_notice(context,
                   "the file looks like one of the dialect %.*s: write it to a file and "
                   "give that with --dialect",
                   STR_FMT(buf_str(&text)));
}

static FALLIBLE print_schema(struct context *context, const struct tabular_options *options,
                             const struct table_schema *schema)
{
    bool is_json = context->format == FORMAT_JSON ||
                   (options->output.len && load_language(options->output) == LOAD_JSON);
    struct doc *doc;
    if (is_json) {
        struct json_writer json = {.out = &context->out, .indent = true};
        tableschema_write(&json, schema);
        buf_add_char(&context->out, '\n');
        return NULL;
    }
    TRY(descriptor_of(context->arena, schema, &doc));
    tabular_yaml(&context->out, doc->root);
    return NULL;
}

FALLIBLE tabular_infer(struct context *context, const struct tabular_options *options,
                       struct str path)
{
    struct table_schema schema;
    if (context->format != FORMAT_TABLE && context->format != FORMAT_JSON)
        return error_hint(error_new(ERROR_USAGE, "a schema is written as YAML or JSON"),
                          "--json, or -o with a name that ends in .json, gives JSON");
    if (!options->dialect.len)
        tabular_suggest_dialect(context, path);
    TRY(make_schema(context, options, path, &schema));
    return print_schema(context, options, &schema);
}
