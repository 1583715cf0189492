#include "mlops/data/infer.h"

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"

enum { ENUM_MOST = 20, ENUM_REPEATED = 5 };

VEC(text_vec, struct str);

/* Few texts, each met several times on average: likely all there are. */
static bool is_enum(const struct column_profile *column)
{
    return column->type == TYPE_STRING && column->values_are_complete && column->value_count >= 2 &&
           column->value_count <= ENUM_MOST && column->count >= ENUM_REPEATED * column->value_count;
}

static int compare_values(const void *a, const void *b)
{
    const struct constraint_value *x = a, *y = b;
    return str_compare(x->text, y->text);
}

static struct constraint_values allowed_values(struct arena *arena,
                                               const struct column_profile *column)
{
    size_t len = column->value_count;
    struct constraint_value *values = arena_new_array(arena, struct constraint_value, len);
    for (size_t i = 0; i < len; i++)
        values[i] = (struct constraint_value){true, true, column->values[i].value};
    qsort(values, len, sizeof *values, compare_values);
    return (struct constraint_values){true, values, len};
}

static struct schema_field field_of(struct arena *arena, const struct profile *profile,
                                    const struct column_profile *column)
{
    struct schema_field field = {
        .name = str_trim(column->name), /* as labels are compared */
        .type = column->type,
        .format_text = STR("default"),
        .bare_number = true,
        .required = column->null_count == 0 && profile->record_count > 0,
    };
    if (is_enum(column))
        field.allowed = allowed_values(arena, column);
    return field;
}

/* The empty text first, which is the standard's default, then the others that were met. */
static struct text_list missing_values(struct arena *arena, const struct profile *profile)
{
    struct text_vec words = {0};
    struct map seen = {0};
    *vec_push(arena, &words) = STR("");
    map_put(arena, &seen, STR(""), arena);
    for (size_t i = 0; i < profile->column_count; i++) {
        const struct column_profile *column = &profile->columns[i];
        for (size_t j = 0; j < column->null_text_count; j++) {
            struct str word = column->null_texts[j].value;
            if (!map_put(arena, &seen, word, arena))
                *vec_push(arena, &words) = word;
        }
    }
    qsort(words.at, words.len, sizeof *words.at, str_compare_items);
    return (struct text_list){words.at, words.len};
}

void infer_schema(struct arena *arena, const struct profile *profile, struct table_schema *ret)
{
    struct schema_field *fields =
        arena_new_array(arena, struct schema_field, profile->column_count);
    for (size_t i = 0; i < profile->column_count; i++)
        fields[i] = field_of(arena, profile, &profile->columns[i]);
    *ret = (struct table_schema){
        .fields = fields,
        .field_count = profile->column_count,
        .missing_values = missing_values(arena, profile),
    };
}

/* --- what a second look found ---------------------------------------------------------------- */

static void widen(struct schema_field *field)
{
    bool has_formats =
        field->type == TYPE_DATE || field->type == TYPE_TIME || field->type == TYPE_DATETIME;
    if (has_formats && field->format == FORMAT_DEFAULT) {
        field->format = FORMAT_ANY;
        field->format_text = STR("any");
        return;
    }
    field->type = field->type == TYPE_STRING ? TYPE_ANY : TYPE_STRING;
    field->format = FORMAT_DEFAULT;
    field->format_text = STR("default");
    field->allowed = (struct constraint_values){0};
}

bool infer_widen(struct arena *arena, const struct profile *measured, struct table_schema *schema)
{
    bool is_wider = false;
    struct schema_field *fields = arena_new_array(arena, struct schema_field, schema->field_count);
    for (size_t i = 0; i < schema->field_count; i++) {
        fields[i] = schema->fields[i];
        if (i >= measured->column_count || !measured->columns[i].bad_count ||
            fields[i].type == TYPE_ANY)
            continue;
        widen(&fields[i]);
        is_wider = true;
    }
    schema->fields = fields;
    return is_wider;
}
