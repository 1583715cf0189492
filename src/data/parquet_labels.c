/* Labels of a schema against the columns of a footer, in the words of other tables (conform). */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"

#include "parquet_private.h"

static void tell_label(struct conforming *conforming, const char *type, size_t column,
                       struct str name, struct str expected)
{
    struct violation violation = {.field = column + 1, .type = type, .name = name};
    if (column < conforming->parquet->column_count) {
        violation.value = conforming->parquet->columns[column].name;
        violation.has_value = true;
    }
    parquet_tell(conforming, &violation, expected, 1);
}

static void tell_missing(struct conforming *conforming, size_t field, size_t *position)
{
    struct str name = conforming->schema->fields[field].name;
    tell_label(conforming, "missing-label", (*position)++, name,
               str_print(conforming->arena, "a column '%.*s'", STR_FMT(name)));
}

static void match_by_position(struct conforming *conforming)
{
    const struct table_schema *schema = conforming->schema;
    const struct parquet *parquet = conforming->parquet;
    size_t both = MIN_OF(schema->field_count, parquet->column_count);
    size_t position = parquet->column_count;
    for (size_t i = 0; i < both; i++) {
        struct str name = schema->fields[i].name;
        conforming->column_of[i] = i;
        if (!str_equal(name, parquet->columns[i].name))
            tell_label(conforming, "incorrect-label", i, name,
                       str_print(conforming->arena, "the label '%.*s'", STR_FMT(name)));
    }
    for (size_t i = both; i < parquet->column_count; i++)
        tell_label(conforming, "extra-label", i, (struct str){0}, STR("no such column"));
    for (size_t i = both; i < schema->field_count; i++)
        tell_missing(conforming, i, &position);
}

bool parquet_is_needed(const struct table_schema *schema, size_t field)
{
    for (size_t i = 0; i < schema->primary_key.len; i++)
        if (schema->primary_key.fields[i] == field)
            return true;
    return schema->fields[field].required;
}

static void match_column(struct conforming *conforming, struct map *seen, size_t column)
{
    const struct table_schema *schema = conforming->schema;
    struct str name = conforming->parquet->columns[column].name;
    ptrdiff_t field = tableschema_find(schema, name);
    if (map_put(conforming->arena, seen, name, seen))
        tell_label(conforming, "duplicate-label", column, name, STR("labels that do not repeat"));
    else if (field >= 0)
        conforming->column_of[field] = column;
    else if (schema->match != MATCH_SUBSET && schema->match != MATCH_PARTIAL)
        tell_label(conforming, "extra-label", column, (struct str){0}, STR("no such column"));
}

static void match_by_name(struct conforming *conforming)
{
    const struct table_schema *schema = conforming->schema;
    bool is_tolerant = schema->match == MATCH_SUPERSET || schema->match == MATCH_PARTIAL;
    size_t position = conforming->parquet->column_count, matched = 0;
    struct map seen = {0};
    for (size_t i = 0; i < position; i++)
        match_column(conforming, &seen, i);
    for (size_t i = 0; i < schema->field_count; i++)
        matched += conforming->column_of[i] != NO_COLUMN;
    if (schema->match == MATCH_PARTIAL && schema->field_count && !matched)
        parquet_tell(conforming, &(struct violation){.type = "unmatched-header"},
                     STR("a label that is a field's name"), 1);
    for (size_t i = 0; i < schema->field_count; i++)
        if (conforming->column_of[i] == NO_COLUMN && (!is_tolerant || parquet_is_needed(schema, i)))
            tell_missing(conforming, i, &position);
}

void parquet_match_labels(struct conforming *conforming)
{
    if (conforming->schema->match == MATCH_EXACT)
        match_by_position(conforming);
    else
        match_by_name(conforming);
}
