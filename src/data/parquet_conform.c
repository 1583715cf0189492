/* A schema against a footer. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include "parquet_private.h"

#define NEEDS_VALUES "needs the values"
#define NO_STATISTICS "the file has no statistics of it"

/* A field with the column that holds it. */
struct pairing {
    const struct schema_field *field;
    const struct parquet_column *column;
    size_t index; /* of the column */
    const struct caster *caster;
};

/* To LIMIT_SHOWN_BYTES, between characters. */
static struct str cut_text(struct str text)
{
    size_t len = MIN_OF(text.len, (size_t)LIMIT_SHOWN_BYTES);
    while (len < text.len && len > 0 && (text.at[len] & 0xc0) == 0x80)
        len--;
    return (struct str){text.at, len};
}

void parquet_tell(struct conforming *conforming, const struct violation *violation,
                  struct str expected, uint64_t count)
{
    struct violation *shown = arena_new(conforming->arena, struct violation);
    *shown = *violation;
    shown->value = cut_text(shown->value);
    *vec_push(conforming->arena, &conforming->groups) = (struct violation_group){
        .field = shown->field,
        .name = shown->name,
        .type = shown->type,
        .constraint = shown->constraint,
        .expected = expected,
        .count = count,
        .shown = shown,
        .shown_count = 1,
    };
}

static void leave(struct conforming *conforming, struct str field, const char *what,
                  const char *why)
{
    struct arena *arena = conforming->arena;
    *vec_push(arena, &conforming->unchecked) =
        field.len ? str_print(arena, "%.*s: %s (%s)", STR_FMT(field), what, why)
                  : str_print(arena, "%s (%s)", what, why);
}

enum fit { FITS, FITS_NOT, FITS_MAYBE };

/* A column of texts may hold any type that is written as text; that takes reading them. */
static enum fit fit_of(const struct parquet *parquet, const struct pairing *pairing)
{
    enum field_type wanted = pairing->field->type, found = pairing->column->type;
    bool is_empty =
        pairing->column->has_null_count && pairing->column->null_count == parquet->row_count;
    if (wanted == TYPE_ANY || wanted == found || is_empty)
        return FITS;
    if (found == TYPE_STRING || found == TYPE_ANY)
        return FITS_MAYBE;
    if (found == TYPE_INTEGER && (wanted == TYPE_NUMBER || wanted == TYPE_YEAR))
        return FITS;
    bool is_nested = found == TYPE_ARRAY || found == TYPE_OBJECT;
    return is_nested && (wanted == TYPE_GEOPOINT || wanted == TYPE_GEOJSON || wanted == TYPE_LIST)
               ? FITS_MAYBE
               : FITS_NOT;
}

static void check_type(struct conforming *conforming, const struct pairing *pairing, enum fit fit)
{
    struct arena *arena = conforming->arena;
    const struct schema_field *field = pairing->field;
    const struct parquet_column *column = pairing->column;
    bool has_logical = column->logical.len > 0;
    if (fit == FITS_MAYBE)
        leave(conforming, field->name, "type", NEEDS_VALUES);
    else if (fit == FITS && field->type == TYPE_STRING && field->format != FORMAT_DEFAULT)
        leave(conforming, field->name, "format", NEEDS_VALUES);
    if (fit != FITS_NOT)
        return;
    struct violation violation = {
        .field = pairing->index + 1, .type = "type-error", .name = field->name, .has_value = true};
    violation.value = has_logical ? str_print(arena, "%.*s %.*s", STR_FMT(column->physical),
                                              STR_FMT(column->logical))
                                  : column->physical;
    uint64_t nulls = column->has_null_count ? column->null_count : 0;
    parquet_tell(conforming, &violation,
                 str_print(arena, "a column of type %s", field_type_name(field->type)),
                 conforming->parquet->row_count - nulls);
}

static void check_required(struct conforming *conforming, const struct pairing *pairing)
{
    const struct parquet_column *column = pairing->column;
    if (!column->has_null_count)
        leave(conforming, pairing->field->name, "required", NO_STATISTICS);
    else if (column->null_count)
        parquet_tell(conforming,
                     &(struct violation){.field = pairing->index + 1,
                                         .type = "constraint-error",
                                         .constraint = "required",
                                         .name = pairing->field->name},
                     STR("a value"), column->null_count);
}

struct bound {
    const char *name, *words;
    const struct constraint_value *value;
    bool is_upper, is_exclusive;
};

/* <0, 0, >0 of the column's own bound and the schema's; false if they can't be compared. Texts are
 * exact for integers and decimals of any length, but only where the field writes them as we do. */
static bool compare_bound(const struct pairing *pairing, const struct bound *bound, int *ret)
{
    const struct parquet_column *column = pairing->column;
    const struct schema_field *field = pairing->field;
    struct str own = bound->is_upper ? column->max_text : column->min_text;
    double number = bound->is_upper ? column->max : column->min, limit = 0;
    bool is_exact = field->format == FORMAT_DEFAULT && !field->group_char.len &&
                    (!field->decimal_char.len || str_is(field->decimal_char, "."));
    if (cast_text(pairing->caster, bound->value->text, &limit) != VALUE_VALID)
        return false;
    if (is_exact && cast_text(pairing->caster, own, NULL) == VALUE_VALID)
        *ret = cast_compare(pairing->caster, own, bound->value->text);
    else if (column->has_numbers)
        *ret = (number > limit) - (number < limit);
    else
        return false;
    return true;
}

static void check_bound(struct conforming *conforming, const struct pairing *pairing,
                        const struct bound *bound)
{
    const struct parquet_column *column = pairing->column;
    int order = 0;
    bool is_empty = column->has_null_count && column->null_count == conforming->parquet->row_count;
    if (!bound->value->is_given || is_empty)
        return;
    if (!column->has_bounds || !compare_bound(pairing, bound, &order)) {
        leave(conforming, pairing->field->name, bound->name,
              column->has_bounds ? NEEDS_VALUES : NO_STATISTICS);
        return;
    }
    bool is_broken = bound->is_upper ? order > 0 : order < 0;
    if (!is_broken && !(bound->is_exclusive && order == 0))
        return;
    struct violation violation = {.field = pairing->index + 1,
                                  .type = "constraint-error",
                                  .constraint = bound->name,
                                  .name = pairing->field->name,
                                  .value = bound->is_upper ? column->max_text : column->min_text,
                                  .has_value = true};
    parquet_tell(conforming, &violation,
                 str_print(conforming->arena, "%s %.*s", bound->words, STR_FMT(bound->value->text)),
                 1);
}

static void check_bounds(struct conforming *conforming, const struct pairing *pairing, enum fit fit)
{
    const struct schema_field *field = pairing->field;
    const struct bound bounds[] = {
        {"minimum", "at least", &field->minimum, false, false},
        {"maximum", "at most", &field->maximum, true, false},
        {"exclusiveMinimum", "more than", &field->exclusive_minimum, false, true},
        {"exclusiveMaximum", "less than", &field->exclusive_maximum, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        if (fit == FITS)
            check_bound(conforming, pairing, &bounds[i]);
        else if (bounds[i].value->is_given)
            leave(conforming, field->name, bounds[i].name, NEEDS_VALUES);
    }
}

static void leave_others(struct conforming *conforming, const struct schema_field *field)
{
    const struct {
        bool is_given;
        const char *name;
    } others[] = {
        {field->unique, "unique"},
        {field->has_min_length, "minLength"},
        {field->has_max_length, "maxLength"},
        {field->has_pattern, "pattern"},
        {field->allowed.is_given, "enum"},
        {field->categories.is_given, "categories"},
        {field->json_schema != NULL, "jsonSchema"},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (others[i].is_given)
            leave(conforming, field->name, others[i].name, NEEDS_VALUES);
}

static FALLIBLE check_field(struct conforming *conforming, size_t at)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(caster_drop) struct caster *caster = NULL;
    const struct schema_field *field = &conforming->schema->fields[at];
    size_t index = conforming->column_of[at];
    if (index == NO_COLUMN)
        return NULL;
    TRY(caster_open(&scratch, conforming->schema, field, &caster));
    struct pairing pairing = {field, &conforming->parquet->columns[index], index, caster};
    enum fit fit = fit_of(conforming->parquet, &pairing);
    check_type(conforming, &pairing, fit);
    if (parquet_is_needed(conforming->schema, at))
        check_required(conforming, &pairing);
    if (fit != FITS_NOT)
        check_bounds(conforming, &pairing, fit);
    leave_others(conforming, field);
    return NULL;
}

static void leave_keys(struct conforming *conforming)
{
    const struct table_schema *schema = conforming->schema;
    if (schema->primary_key.len)
        leave(conforming, (struct str){0}, "primaryKey", NEEDS_VALUES);
    if (schema->unique_key_count)
        leave(conforming, (struct str){0}, "uniqueKeys", NEEDS_VALUES);
    if (schema->foreign_key_count)
        leave(conforming, (struct str){0}, "foreignKeys", NEEDS_VALUES);
}

static uint64_t count_all(const struct conforming *conforming)
{
    uint64_t count = 0;
    vec_each (const struct violation_group, group, &conforming->groups)
        count += group->count;
    return count;
}

static const struct violation *list_all(struct conforming *conforming)
{
    size_t len = conforming->groups.len;
    struct violation *all = arena_new_array(conforming->arena, struct violation, len);
    for (size_t i = 0; i < len; i++)
        all[i] = conforming->groups.at[i].shown[0];
    return all;
}

FALLIBLE parquet_conform(struct arena *arena, const struct table_schema *schema,
                         const struct parquet *parquet, struct conformity *ret,
                         struct text_list *ret_unchecked)
{
    struct conforming conforming = {.arena = arena, .schema = schema, .parquet = parquet};
    conforming.column_of = arena_new_array(arena, size_t, schema->field_count);
    for (size_t i = 0; i < schema->field_count; i++)
        conforming.column_of[i] = NO_COLUMN;
    parquet_match_labels(&conforming);
    for (size_t i = 0; i < schema->field_count; i++)
        TRY(check_field(&conforming, i));
    leave_keys(&conforming);
    *ret = (struct conformity){
        .count = count_all(&conforming),
        .groups = conforming.groups.at,
        .group_count = conforming.groups.len,
        .all = list_all(&conforming),
        .all_count = conforming.groups.len,
    };
    *ret_unchecked = (struct text_list){conforming.unchecked.at, conforming.unchecked.len};
    return NULL;
}
