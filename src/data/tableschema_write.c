#include "mlops/base/arena.h"
#include "mlops/codec/json.h"

#include "tableschema_private.h"

static const char *const match_names[] = {"exact", "equal", "subset", "superset", "partial"};

static void write_text(struct json_writer *json, const char *name, struct str value)
{
    if (!value.len)
        return;
    json_name(json, name);
    json_str(json, value);
}

static void write_texts(struct json_writer *json, const char *name, struct text_list values)
{
    json_name(json, name);
    json_open_list(json);
    for (size_t i = 0; i < values.len; i++)
        json_str(json, values.at[i]);
    json_close_list(json);
}

static bool is_json_number(struct str text)
{
    size_t at = text.len && text.at[0] == '-';
    struct doc *doc = NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    if (at >= text.len || (unsigned char)(text.at[at] - '0') >= 10)
        return false;
    struct error *error = json_parse(&scratch, STR("value"), text, &doc);
    error_drop(error);
    return !error;
}

/* What JSON writes the same way stays bare. */
static void write_value(struct json_writer *json, const struct constraint_value *value)
{
    struct str text = value->text;
    bool is_structure = text.len && (text.at[0] == '{' || text.at[0] == '[');
    bool is_bare =
        is_structure || str_is(text, "true") || str_is(text, "false") || is_json_number(text);
    if (!value->is_text && is_bare)
        json_raw(json, text);
    else
        json_str(json, text);
}

static void write_bound(struct json_writer *json, const char *name,
                        const struct constraint_value *value)
{
    if (!value->is_given)
        return;
    json_name(json, name);
    write_value(json, value);
}

static void write_values(struct json_writer *json, const char *name,
                         const struct constraint_values *values)
{
    if (!values->is_given)
        return;
    json_name(json, name);
    json_open_list(json);
    for (size_t i = 0; i < values->len; i++)
        write_value(json, &values->at[i]);
    json_close_list(json);
}

static void write_length(struct json_writer *json, const char *name, bool is_given, int64_t value)
{
    if (!is_given)
        return;
    json_name(json, name);
    json_int(json, value);
}

static bool has_constraints(const struct schema_field *field)
{
    return field->required || field->unique || field->has_min_length || field->has_max_length ||
           field->minimum.is_given || field->maximum.is_given ||
           field->exclusive_minimum.is_given || field->exclusive_maximum.is_given ||
           field->has_pattern || field->allowed.is_given || field->json_schema;
}

static void write_flag(struct json_writer *json, const char *name, bool value)
{
    if (!value)
        return;
    json_name(json, name);
    json_bool(json, true);
}

static void write_constraints(struct json_writer *json, const struct schema_field *field)
{
    json_name(json, "constraints");
    json_open_object(json);
    write_flag(json, "required", field->required);
    write_flag(json, "unique", field->unique);
    write_length(json, "minLength", field->has_min_length, field->min_length);
    write_length(json, "maxLength", field->has_max_length, field->max_length);
    write_bound(json, "minimum", &field->minimum);
    write_bound(json, "maximum", &field->maximum);
    write_bound(json, "exclusiveMinimum", &field->exclusive_minimum);
    write_bound(json, "exclusiveMaximum", &field->exclusive_maximum);
    if (field->has_pattern) {
        json_name(json, "pattern");
        json_str(json, field->pattern);
    }
    write_values(json, "enum", &field->allowed);
    if (field->json_schema) {
        json_name(json, "jsonSchema");
        json_node(json, field->json_schema);
    }
    json_close_object(json);
}

static void write_options(struct json_writer *json, const struct schema_field *field)
{
    write_text(json, "decimalChar", field->decimal_char);
    write_text(json, "groupChar", field->group_char);
    if ((field->type == TYPE_NUMBER || field->type == TYPE_INTEGER) && !field->bare_number) {
        json_name(json, "bareNumber");
        json_bool(json, false);
    }
    if (field->has_boolean_values) {
        write_texts(json, "trueValues", field->true_values);
        write_texts(json, "falseValues", field->false_values);
    }
    write_text(json, "delimiter", field->delimiter);
    if (field->type == TYPE_LIST && field->item_type != TYPE_STRING &&
        field->item_type != TYPE_ANY) {
        json_name(json, "itemType");
        json_text(json, field_type_name(field->item_type));
    }
    if (field->has_missing_values)
        write_texts(json, "missingValues", field->missing_values);
}

/* What the descriptor has and the program only passes on. */
static void write_passed_on(struct json_writer *json, const struct schema_field *field)
{
    static const char *const names[] = {"example", "examples", "rdfType", "categoriesOrdered"};
    const struct doc_node *categories = doc_find(field->node, STR("categories"));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct doc_node *node = doc_find(field->node, str_of(names[i]));
        if (node) {
            json_name(json, names[i]);
            json_node(json, node);
        }
    }
    if (categories) {
        json_name(json, "categories");
        json_node(json, categories);
    } else
        write_values(json, "categories", &field->categories);
}

static void write_field(struct json_writer *json, const struct schema_field *field)
{
    json_open_object(json);
    json_name(json, "name");
    json_str(json, field->name);
    if (field->type != TYPE_ANY) {
        json_name(json, "type");
        json_text(json, field_type_name(field->type));
    }
    if (field->format != FORMAT_DEFAULT)
        write_text(json, "format", field->format_text);
    write_text(json, "title", field->title);
    write_text(json, "description", field->description);
    write_options(json, field);
    write_passed_on(json, field);
    if (has_constraints(field))
        write_constraints(json, field);
    json_close_object(json);
}

static void write_key(struct json_writer *json, const struct table_schema *schema,
                      const struct schema_key *key)
{
    json_open_list(json);
    for (size_t i = 0; i < key->len; i++)
        json_str(json, schema->fields[key->fields[i]].name);
    json_close_list(json);
}

static void write_foreign_key(struct json_writer *json, const struct table_schema *schema,
                              const struct foreign_key *key)
{
    json_open_object(json);
    json_name(json, "fields");
    write_key(json, schema, &key->own);
    json_name(json, "reference");
    json_open_object(json);
    write_text(json, "resource", key->resource);
    write_texts(json, "fields", key->foreign);
    json_close_object(json);
    json_close_object(json);
}

static void write_keys(struct json_writer *json, const struct table_schema *schema)
{
    if (schema->primary_key.len) {
        json_name(json, "primaryKey");
        write_key(json, schema, &schema->primary_key);
    }
    if (schema->unique_key_count) {
        json_name(json, "uniqueKeys");
        json_open_list(json);
        for (size_t i = 0; i < schema->unique_key_count; i++)
            write_key(json, schema, &schema->unique_keys[i]);
        json_close_list(json);
    }
    if (schema->foreign_key_count) {
        json_name(json, "foreignKeys");
        json_open_list(json);
        for (size_t i = 0; i < schema->foreign_key_count; i++)
            write_foreign_key(json, schema, &schema->foreign_keys[i]);
        json_close_list(json);
    }
}

void tableschema_write(struct json_writer *json, const struct table_schema *schema)
{
    struct text_list missing = schema->missing_values;
    json_open_object(json);
    json_name(json, "fields");
    json_open_list(json);
    for (size_t i = 0; i < schema->field_count; i++)
        write_field(json, &schema->fields[i]);
    json_close_list(json);
    if (schema->match != MATCH_EXACT) {
        json_name(json, "fieldsMatch");
        json_text(json, match_names[schema->match]);
    }
    if (missing.len != 1 || missing.at[0].len)
        write_texts(json, "missingValues", missing);
    write_keys(json, schema);
    json_close_object(json);
}
