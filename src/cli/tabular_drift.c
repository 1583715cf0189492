/* How far columns of two tables lie apart. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/codec/schema.h"
#include "mlops/data/parquet.h"
#include "mlops/host/file.h"

#include <fcntl.h>
#include <unistd.h>

#include "tabular_drift_private.h"
#include "tabular_private.h"

#define HEAD_BYTES 4096 /* of a file, in which a stored profile shows itself */

static FALLIBLE is_stored_profile(struct context *context, struct str path, bool *ret)
{
    AUTO(fd_drop) struct fd fd = {0};
    char head[HEAD_BYTES];
    *ret = false;
    if (!str_ends(path, STR(".json")))
        return NULL;
    TRY(file_open(AT_FDCWD, str_terminate(context->arena, path), &fd));
    ssize_t got = pread(fd_number(fd), head, sizeof head, 0);
    struct str text = {head, got > 0 ? (size_t)got : 0};
    *ret = str_find(text, STR("\"sample_records\"")) >= 0 && str_find(text, STR("\"format\"")) >= 0;
    return NULL;
}

static FALLIBLE load_profile(struct context *context, struct side *side)
{
    struct str text;
    struct doc *doc = NULL;
    bool is_found = false;
    const char *path = str_terminate(context->arena, side->path);
    TRY(file_read(context->arena, AT_FDCWD, path, LIMIT_JSON_BYTES, &text, &is_found));
    if (!is_found)
        return error_new(ERROR_MACHINE, "%s is no longer there", path);
    TRY(json_parse(context->arena, side->path, text, &doc));
    const struct doc_node *inner = doc_find(doc->root, STR("profile"));
    side->source = "profile";
    return profile_read(context->arena, inner ? inner : doc->root, &side->profile);
}

static FALLIBLE load_footer(struct context *context, struct side *side)
{
    struct parquet parquet;
    TRY(parquet_open(context->arena, AT_FDCWD, side->path, &parquet));
    parquet_profile(context->arena, &parquet, &side->profile);
    side->source = "footer";
    return NULL;
}

static FALLIBLE load_side(struct context *context, const struct tabular_options *options,
                          struct side *side)
{
    AUTO(measured_drop) struct measured measured = {0};
    struct measure_options measure = {.checks_form = true};
    bool is_stored = false;
    TRY(is_stored_profile(context, side->path, &is_stored));
    if (is_stored)
        return load_profile(context, side);
    TRY(tabular_table_options(context, options, side->path, &measure.table));
    if (measure.table.dialect.format == TABLE_PARQUET)
        return load_footer(context, side);
    TRY(measure_table(context->arena, AT_FDCWD, side->path, &measure, &measured));
    tabular_warn_form(context, side->path, &measured.conformity);
    side->profile = measured.profile;
    side->source = "table";
    return NULL;
}

const struct column_profile *side_find(const struct side *side, struct str name)
{
    return map_get(&side->columns, name);
}

static void index_columns(struct arena *arena, struct side *side)
{
    for (size_t i = 0; i < side->profile.column_count; i++) {
        const struct column_profile *column = &side->profile.columns[i];
        void **place = map_place(arena, &side->columns, column->name);
        if (!*place)
            *place = (void *)(uintptr_t)column;
    }
}

static FALLIBLE lacks_column(struct context *context, const struct side *side, struct str name)
{
    size_t count = side->profile.column_count;
    const char **names = arena_new_array(context->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        names[i] = str_copy(context->arena, side->profile.columns[i].name).at;
    const char *near = schema_suggest(name, names, count);
    struct error *error =
        error_new(ERROR_PROJECT, "%.*s has no column '%.*s'", STR_FMT(side->path), STR_FMT(name));
    return near ? error_hint(error, "did you mean '%s'?", near) : error;
}

static FALLIBLE add_pair(struct context *context, struct comparison *comparison, struct str name)
{
    struct pair *pair = vec_push(context->arena, &comparison->pairs);
    pair->reference = side_find(&comparison->reference, name);
    pair->current = side_find(&comparison->current, name);
    return drift_measure(context->arena, pair->reference, pair->current, &pair->drift);
}

static FALLIBLE compare(struct context *context, const struct tabular_options *options,
                        struct comparison *comparison)
{
    const struct profile *reference = &comparison->reference.profile;
    TRY(load_side(context, options, &comparison->reference));
    TRY(load_side(context, options, &comparison->current));
    index_columns(context->arena, &comparison->reference);
    index_columns(context->arena, &comparison->current);
    comparison->is_single = options->field.len > 0;
    if (comparison->is_single) {
        if (!side_find(&comparison->reference, options->field))
            return lacks_column(context, &comparison->reference, options->field);
        if (!side_find(&comparison->current, options->field))
            return lacks_column(context, &comparison->current, options->field);
        return add_pair(context, comparison, options->field);
    }
    for (size_t i = 0; i < reference->column_count; i++) {
        const struct column_profile *column = &reference->columns[i];
        bool is_first = side_find(&comparison->reference, column->name) == column;
        if (is_first && side_find(&comparison->current, column->name))
            TRY(add_pair(context, comparison, column->name));
    }
    return NULL;
}

FALLIBLE tabular_drift(struct context *context, const struct tabular_options *options,
                       struct str reference, struct str current)
{
    struct comparison comparison = {.reference.path = reference, .current.path = current};
    TRY(compare(context, options, &comparison));
    drift_report(context, &comparison);
    return NULL;
}
