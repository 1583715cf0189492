#include "conform_private.h"

/* The oracle's words (frictionless): with "exact" labels stand for fields by their position, with
 * all others by their name. What one label lacks is told once, the most telling first: blank, a
 * repetition, not the field's name. */

static struct str label_at(const struct conformer *conformer, size_t column)
{
    return str_trim(conformer->labels[column]);
}

static void tell(struct conformer *conformer, enum violation_kind kind, size_t column,
                 struct str name, struct str expected)
{
    uint64_t field = column == NO_COLUMN ? 0 : column + 1;
    uint32_t tally = tally_add(conformer, kind, field, name, expected);
    struct violation violation = violation_of(&conformer->tallies.at[tally], 0, field);
    if (column < conformer->column_count && kind != KIND_MISSING_LABEL) {
        violation.value = shown_text(label_at(conformer, column));
        violation.has_value = true;
    }
    conformer->tallies.at[tally].count = 1;
    tally_tell(conformer, tally, &violation);
}

/* Whether a label stands for the first time. */
static bool is_new(struct conformer *conformer, struct map *seen, size_t column)
{
    return !map_put(conformer->arena, seen, label_at(conformer, column), seen);
}

static void check_label(struct conformer *conformer, struct map *seen, size_t column)
{
    struct str name = conformer->options.schema->fields[column].name;
    struct str label = label_at(conformer, column);
    struct str expected = str_print(conformer->arena, "the label '%.*s'", STR_FMT(name));
    if (!label.len)
        tell(conformer, KIND_BLANK_LABEL, column, name, expected);
    else if (!is_new(conformer, seen, column))
        tell(conformer, KIND_DUPLICATE_LABEL, column, name, expected);
    else if (!str_equal(label, name))
        tell(conformer, KIND_INCORRECT_LABEL, column, name, expected);
}

static void tell_missing(struct conformer *conformer, size_t field, size_t *position)
{
    struct str name = conformer->options.schema->fields[field].name;
    tell(conformer, KIND_MISSING_LABEL, (*position)++, name,
         str_print(conformer->arena, "a column '%.*s'", STR_FMT(name)));
}

static void tell_extra(struct conformer *conformer, size_t column)
{
    tell(conformer, KIND_EXTRA_LABEL, column, (struct str){0},
         conformer->is_by_name ? STR("names of fields only") : STR("no more columns than fields"));
}

static void match_by_position(struct conformer *conformer)
{
    const struct table_schema *schema = conformer->options.schema;
    size_t both = MIN_OF(schema->field_count, conformer->column_count);
    size_t position = conformer->column_count;
    bool has_labels = table_has_labels(conformer->options.table);
    struct map seen = {0};
    for (size_t i = 0; i < both; i++) {
        conformer->column_of[i] = i;
        conformer->columns[i].field = &schema->fields[i];
        if (has_labels)
            check_label(conformer, &seen, i);
    }
    for (size_t i = both; has_labels && i < conformer->column_count; i++)
        tell_extra(conformer, i);
    for (size_t i = both; has_labels && i < schema->field_count; i++)
        tell_missing(conformer, i, &position);
}

static bool is_in_primary_key(const struct table_schema *schema, size_t field)
{
    for (size_t i = 0; i < schema->primary_key.len; i++)
        if (schema->primary_key.fields[i] == field)
            return true;
    return false;
}

/* Fields without a column: told unless the mode tolerates them. */
static void tell_absent(struct conformer *conformer)
{
    const struct table_schema *schema = conformer->options.schema;
    bool is_tolerant = schema->match == MATCH_SUPERSET || schema->match == MATCH_PARTIAL;
    size_t position = conformer->column_count;
    for (size_t i = 0; i < schema->field_count; i++)
        if (conformer->column_of[i] == NO_COLUMN &&
            (!is_tolerant || schema->fields[i].required || is_in_primary_key(schema, i)))
            tell_missing(conformer, i, &position);
}

/* Of fields of one name the first. */
static void match_label(struct conformer *conformer, const struct map *fields, struct map *seen,
                        size_t column)
{
    const struct table_schema *schema = conformer->options.schema;
    bool takes_extra = schema->match == MATCH_SUBSET || schema->match == MATCH_PARTIAL;
    struct str label = label_at(conformer, column);
    const struct schema_field *field = map_get(fields, label);
    if (!is_new(conformer, seen, column)) {
        tell(conformer, KIND_DUPLICATE_LABEL, column, label, STR("labels that do not repeat"));
    } else if (field) {
        conformer->column_of[field - schema->fields] = column;
        conformer->columns[column].field = field;
    } else if (!takes_extra) {
        tell_extra(conformer, column);
    }
}

static void match_by_name(struct conformer *conformer)
{
    const struct table_schema *schema = conformer->options.schema;
    struct map seen = {0}, fields = {0};
    bool is_matched = false;
    for (size_t i = schema->field_count; i-- > 0;)
        map_put(conformer->arena, &fields, schema->fields[i].name,
                (void *)(uintptr_t)&schema->fields[i]);
    for (size_t i = 0; i < conformer->column_count; i++) {
        match_label(conformer, &fields, &seen, i);
        is_matched = is_matched || conformer->columns[i].field;
    }
    if (schema->match == MATCH_PARTIAL && !is_matched && schema->field_count)
        tell(conformer, KIND_UNMATCHED_HEADER, NO_COLUMN, (struct str){0},
             STR("a label that is a field's name"));
    tell_absent(conformer);
}

/* Without a schema: every column has a name of its own. */
static void check_form(struct conformer *conformer)
{
    struct map seen = {0};
    conformer->is_by_name = true;
    if (!table_has_labels(conformer->options.table))
        return;
    for (size_t i = 0; i < conformer->column_count; i++) {
        struct str label = label_at(conformer, i);
        if (!label.len)
            tell(conformer, KIND_BLANK_LABEL, i, label, STR("a label"));
        else if (!is_new(conformer, &seen, i))
            tell(conformer, KIND_DUPLICATE_LABEL, i, label, STR("labels that do not repeat"));
    }
}

void labels_match(struct conformer *conformer)
{
    if (conformer->options.is_form_only) {
        check_form(conformer);
        return;
    }
    const struct table_schema *schema = conformer->options.schema;
    const struct table_reader *table = conformer->options.table;
    bool is_keyed = !table_header_row(table); /* JSON objects: their members have no order */
    conformer->is_by_name = table_has_labels(table) && (schema->match != MATCH_EXACT || is_keyed);
    for (size_t i = 0; i < schema->field_count; i++)
        conformer->column_of[i] = NO_COLUMN;
    if (conformer->is_by_name)
        match_by_name(conformer);
    else
        match_by_position(conformer);
}
