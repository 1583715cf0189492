#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/data/parquet.h"

#include <fcntl.h>

#include "tabular_validate_private.h"

/* NAME=FILE:SCHEMA, or NAME=FILE. */
static FALLIBLE split_resource(struct str word, struct str *name, struct str *file,
                               struct str *schema)
{
    ptrdiff_t equals = str_find_char(word, '=');
    ptrdiff_t colon = str_find_last_char(word, ':');
    size_t end = colon > equals ? (size_t)colon : word.len;
    if (equals > 0) {
        *name = str_slice(word, 0, (size_t)equals);
        *file = str_slice(word, (size_t)equals + 1, end);
        *schema = str_slice(word, end + 1, word.len);
    }
    if (equals <= 0 || !file->len || (colon > equals && !schema->len))
        return error_hint(
            error_new(ERROR_USAGE, "--resource '%.*s' is not NAME=FILE:SCHEMA", STR_FMT(word)),
            "NAME is what 'resource' of the foreign key says");
    return NULL;
}

static FALLIBLE load_resource(struct validating *validating, struct str word,
                              struct conform_resource *ret)
{
    struct context *context = validating->context;
    const struct tabular_options plain = {.jobs = validating->options->jobs};
    struct str schema;
    TRY(split_resource(word, &ret->name, &ret->path, &schema));
    TRY(tabular_table_options(context, &plain, ret->path, &ret->options));
    ret->options.observer = NULL;
    if (!schema.len)
        return NULL;
    struct table_schema *loaded = arena_new(context->arena, struct table_schema);
    TRY(tableschema_load(context->arena, AT_FDCWD, schema, ret->path, loaded));
    ret->schema = loaded;
    return NULL;
}

static bool is_named(const struct table_schema *schema, struct str resource)
{
    for (size_t i = 0; i < schema->foreign_key_count; i++)
        if (str_equal(schema->foreign_keys[i].resource, resource))
            return true;
    return false;
}

static FALLIBLE load_resources(struct validating *validating)
{
    const struct str_vec *words = &validating->options->resources;
    struct arena *arena = validating->context->arena;
    struct map seen = {0};
    validating->resources = arena_new_array(arena, struct conform_resource, words->len);
    for (size_t i = 0; i < words->len; i++) {
        struct conform_resource *resource = &validating->resources[i];
        TRY(load_resource(validating, words->at[i], resource));
        if (map_put(arena, &seen, resource->name, resource))
            return error_new(ERROR_USAGE, "--resource '%.*s' is given twice",
                             STR_FMT(resource->name));
        if (!is_named(&validating->schema, resource->name))
            context_warn(validating->context, "no foreign key of %.*s names the resource '%.*s'",
                         STR_FMT(validating->schema.name), STR_FMT(resource->name));
    }
    return NULL;
}

static void tell_warnings(struct validating *validating)
{
    const struct table_schema *schema = &validating->schema;
    for (size_t i = 0; i < schema->warning_count; i++) {
        const struct schema_warning *warning = &schema->warnings[i];
        context_warn(validating->context, "%.*s:%d:%d: %.*s", STR_FMT(warning->node->doc->name),
                     warning->node->line, warning->node->column, STR_FMT(warning->text));
    }
}

static FALLIBLE check_footer(struct validating *validating)
{
    struct arena *arena = validating->context->arena;
    struct parquet parquet;
    struct text_list unchecked = {0};
    TRY(parquet_open(arena, AT_FDCWD, validating->path, &parquet));
    TRY(parquet_conform(arena, &validating->schema, &parquet, &validating->conformity, &unchecked));
    validating->record_count = parquet.row_count;
    for (size_t i = 0; i < unchecked.len; i++)
        context_warn(validating->context, "not checked: %.*s", STR_FMT(unchecked.at[i]));
    return NULL;
}

static FALLIBLE check_values(struct validating *validating, const struct table_options *table)
{
    struct measured measured = {0};
    struct measure_options options = {
        .table = *table,
        .schema = &validating->schema,
        .resources = validating->resources,
        .resource_count = validating->options->resources.len,
        .keeps_all = validating->options->all_errors,
        .no_profile = true,
    };
    TRY(measure_table(validating->context->arena, AT_FDCWD, validating->path, &options, &measured));
    validating->conformity = measured.conformity;
    validating->record_count = measured.profile.record_count;
    measured_drop(&measured);
    return NULL;
}

FALLIBLE tabular_validate(struct context *context, const struct tabular_options *options,
                          struct str path)
{
    struct validating validating = {.context = context, .options = options, .path = path};
    struct table_options table;
    if (!options->schema.len)
        return error_hint(error_new(ERROR_USAGE, "'mlops data validate' needs --schema FILE"),
                          "'mlops data infer %.*s' proposes one", STR_FMT(path));
    TRY(tabular_table_options(context, options, path, &table));
    TRY(tableschema_load(context->arena, AT_FDCWD, options->schema, path, &validating.schema));
    tell_warnings(&validating);
    TRY(load_resources(&validating));
    if (table.dialect.format == TABLE_PARQUET)
        TRY(check_footer(&validating));
    else
        TRY(check_values(&validating, &table));
    context->status = validating.conformity.count ? 1 : 0;
    validate_report(&validating);
    return NULL;
}
