#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/data/parquet.h"

#include <fcntl.h>

enum { WIDE_COLUMNS = 100 }; /* of a terminal, for bounds in columns of their own */

#include "tabular_private.h"

static FALLIBLE profile_parquet(struct arena *arena, struct str path, struct profile *ret)
{
    struct parquet parquet;
    TRY(parquet_open(arena, AT_FDCWD, path, &parquet));
    parquet_profile(arena, &parquet, ret);
    return NULL;
}

void tabular_warn_form(struct context *context, struct str path,
                       const struct conformity *conformity)
{
    uint64_t count = 0, first = 0;
    for (size_t i = 0; i < conformity->group_count; i++) {
        const struct violation_group *group = &conformity->groups[i];
        struct str type = str_of(group->type);
        if (!str_is(type, "missing-cell") && !str_is(type, "extra-cell"))
            continue;
        if (!first || group->shown->row < first)
            first = group->shown->row;
        count += group->count;
    }
    if (count)
        context_warn(context,
                     "%.*s: %llu cells are missing or beyond the header's, first in record"
                     " %llu: 'mlops data validate' tells each",
                     STR_FMT(path), (unsigned long long)count, (unsigned long long)first);
}

FALLIBLE tabular_measure_file(struct context *context, const struct tabular_options *options,
                              struct str path, const struct table_schema *schema,
                              struct measured *ret)
{
    struct measure_options measure = {.schema = schema};
    *ret = (struct measured){0};
    TRY(tabular_table_options(context, options, path, &measure.table));
    if (measure.table.dialect.format == TABLE_PARQUET)
        return profile_parquet(context->arena, path, &ret->profile);
    return measure_table(context->arena, AT_FDCWD, path, &measure, ret);
}

static FALLIBLE load_schema(struct context *context, const struct tabular_options *options,
                            struct str path, const struct table_schema **ret)
{
    struct table_schema *schema = arena_new(context->arena, struct table_schema);
    if (!options->schema.len)
        return NULL;
    TRY(tableschema_load(context->arena, AT_FDCWD, options->schema, path, schema));
    *ret = schema;
    return NULL;
}

static void add_heading(struct context *context, struct str path, const struct profile *profile)
{
    struct arena *arena = context->arena;
    struct buf line = buf_in(arena);
    buf_add_escaped(&line, path, false);
    buf_print(&line, ": %s %s, %zu %s, %s", count_print(arena, (int64_t)profile->record_count).at,
              profile->record_count == 1 ? "record" : "records", profile->column_count,
              profile->column_count == 1 ? "column" : "columns",
              bytes_print(arena, (int64_t)profile->byte_count).at);
    if (profile->is_sampled)
        buf_print(&line, "; medians and shares of frequent values by a sample of %s records",
                  count_print(arena, (int64_t)profile->sample_count).at);
    report_line(context, buf_str(&line), 2, 0);
    buf_add_char(&context->out, '\n');
}

static void add_notes(struct context *context, const struct profile *profile)
{
    struct str_vec notes = {0};
    tabular_profile_notes(context->arena, profile, &notes);
    if (notes.len)
        buf_add_char(&context->out, '\n');
    vec_each (struct str, note, &notes)
        report_line(context, *note, 2, 0);
}

static void print_profile(struct context *context, struct str path, const struct profile *profile)
{
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "file");
        json_str(&json, path);
        json_name(&json, "profile");
        profile_write(&json, profile, false);
        report_json_close(&json);
        return;
    }
    bool is_narrow = context->columns && context->columns < WIDE_COLUMNS;
    struct table table = tabular_profile_table(context->arena, profile, is_narrow);
    if (context->format == FORMAT_TABLE)
        add_heading(context, path, profile);
    report_table(context, &table, "columns");
    if (context->format == FORMAT_TABLE)
        add_notes(context, profile);
}

FALLIBLE tabular_profile(struct context *context, const struct tabular_options *options,
                         struct str path)
{
    const struct table_schema *schema = NULL;
    struct measured measured;
    if (options->html && context->format != FORMAT_TABLE)
        return error_hint(error_new(ERROR_USAGE, "--html and another format at once"),
                          "give one of them");
    TRY(load_schema(context, options, path, &schema));
    TRY(tabular_measure_file(context, options, path, schema, &measured));
    if (measured.profile.column_count == 1 && !options->dialect.len)
        tabular_suggest_dialect(context, path);
    if (options->html)
        tabular_page(&context->out, path, &measured.profile);
    else
        print_profile(context, path, &measured.profile);
    return NULL;
}
