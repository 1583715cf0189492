#include "mlops/codec/jsonschema.h"

#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/json.h"

#include <stdlib.h>

struct printer {
    const struct shape_table *table;
    bool is_dvc;
    struct json_writer json;
    bool *is_used; /* one for each shape */
};

const struct shape *shape_find(const struct shape_table *table, const char *type)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->shapes[i].type, type) == 0)
            return &table->shapes[i];
    return NULL;
}

static const struct shape *shape_of(const struct printer *printer, const char *type)
{
    const struct shape *shape = shape_find(printer->table, type);
    check(shape);
    return shape;
}

static bool is_shown(const struct printer *printer, const struct field *field)
{
    unsigned hidden = FIELD_LATER | (printer->is_dvc ? FIELD_NATIVE_ONLY : FIELD_DVC_ONLY);
    return !(field->flags & hidden);
}

static bool has_shape(const struct field *field)
{
    return field->kind == FIELD_NODE || field->kind == FIELD_BIND;
}

/* Notes what is referred to from a type; ends because each shape is entered once. */
static void mark_used(struct printer *printer, const char *type)
{
    const struct shape *shape = shape_of(printer, type);
    bool *is_used = &printer->is_used[shape - printer->table->shapes];
    if (*is_used)
        return;
    *is_used = true;
    for (size_t i = 0; i < SHAPE_CHOICES && shape->of[i]; i++)
        mark_used(printer, shape->of[i]);
    if (shape->native && !printer->is_dvc)
        mark_used(printer, shape->native);
    for (size_t i = 0; shape->fields && i < shape->fields->count; i++) {
        const struct field *field = &shape->fields->fields[i];
        if (has_shape(field) && is_shown(printer, field))
            mark_used(printer, field->type);
    }
}

/* "list of paths" -> "list-of-paths". */
static void add_slug(struct buf *out, const char *type)
{
    for (; *type; type++)
        if (*type != ',')
            buf_add_char(out, *type == ' ' ? '-' : *type);
}

static void write_pair(struct json_writer *json, const char *name, const char *value)
{
    json_name(json, name);
    json_text(json, value);
}

static void write_reference(struct json_writer *json, const char *type)
{
    AUTO(buf_drop) struct buf path = {0};
    buf_add_text(&path, "#/definitions/");
    add_slug(&path, type);
    write_pair(json, "$ref", path.at);
}

static void write_types(struct json_writer *json, const char *const *types, size_t count)
{
    json_name(json, "type");
    json_open_list(json);
    for (size_t i = 0; i < count; i++)
        json_text(json, types[i]);
    json_close_list(json);
}

static void write_bounds(struct json_writer *json, int64_t least, int64_t most)
{
    if (!least && !most)
        return;
    json_name(json, "minimum");
    json_int(json, least);
    json_name(json, "maximum");
    json_int(json, most);
}

static void write_text(struct printer *printer, bool takes_plain)
{
    static const char *const types[] = {"string", "number", "boolean"};
    if (printer->is_dvc || !takes_plain)
        write_pair(&printer->json, "type", "string");
    else
        write_types(&printer->json, types, COUNT_OF(types));
}

/* A number, or a text of a number and a unit (base/moment). */
static void write_amount(struct json_writer *json, const char *units)
{
    static const char *const types[] = {"string", "number"};
    AUTO(buf_drop) struct buf pattern = {0};
    buf_print(&pattern, "^ *[0-9]*\\.?[0-9]+([eE][+-]?[0-9]+)? *(%s)? *$|\\$\\{", units);
    write_types(json, types, COUNT_OF(types));
    write_pair(json, "pattern", pattern.at);
    json_name(json, "minimum");
    json_int(json, 0);
}

static void write_choices(struct json_writer *json, const char *const *choices)
{
    json_name(json, "enum");
    json_open_list(json);
    for (size_t i = 0; choices[i]; i++)
        json_text(json, choices[i]);
    json_close_list(json);
}

/* The members of an object that say what a field's value is. */
static void write_value(struct printer *printer, const struct field *field)
{
    struct json_writer *json = &printer->json;
    switch (field->kind) {
    case FIELD_STR:
        write_text(printer, field->flags & FIELD_PLAIN);
        break;
    case FIELD_BOOL:
        write_pair(json, "type", "boolean");
        break;
    case FIELD_INT:
        write_pair(json, "type", "integer");
        write_bounds(json, field->least, field->most);
        break;
    case FIELD_DURATION:
        write_amount(json, "ms|s|min|m|h|d|w");
        break;
    case FIELD_BYTES:
        write_amount(json, "B|[kKMGT]i?B|[KMGT]");
        break;
    case FIELD_CHOICE:
        write_choices(json, field->choices);
        break;
    case FIELD_NODE:
    case FIELD_BIND:
        write_reference(json, field->type);
        break;
    }
}

static void write_alternative(struct json_writer *json, const char *type)
{
    json_open_object(json);
    write_reference(json, type);
    json_close_object(json);
}

/* A text does for an expression anyway. */
static bool may_be_expression(const struct printer *printer, const struct shape *shape,
                              const struct field *field)
{
    return !printer->is_dvc && !shape->takes_no_expression && field->kind != FIELD_STR;
}

static void write_field(struct printer *printer, const struct shape *shape,
                        const struct field *field)
{
    struct json_writer *json = &printer->json;
    json_name(json, field->name);
    json_open_object(json);
    write_pair(json, "description", field->help);
    /* What stands beside $ref is not read in draft-07, so that it needs an object of its own. */
    json_name(json, "anyOf");
    json_open_list(json);
    json_open_object(json);
    write_value(printer, field);
    json_close_object(json);
    if (may_be_expression(printer, shape, field))
        write_alternative(json, "expression");
    json_close_list(json);
    json_close_object(json);
}

static bool is_apart(const struct shape *shape, const char *name)
{
    return shape->apart[0] &&
           (strcmp(name, shape->apart[0]) == 0 || strcmp(name, shape->apart[1]) == 0);
}

static bool has_alternative(const struct printer *printer, const struct shape *shape)
{
    return shape->or_native[0] && !printer->is_dvc;
}

/* One of the fields has to be there. */
static void write_one_of(struct printer *printer, const struct shape *shape)
{
    struct json_writer *json = &printer->json;
    const char *const names[] = {shape->needs, shape->or_native[0], shape->or_native[1]};
    json_name(json, "anyOf");
    json_open_list(json);
    for (size_t i = 0; i < COUNT_OF(names) && names[i]; i++) {
        json_open_object(json);
        json_name(json, "required");
        json_open_list(json);
        json_text(json, names[i]);
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
}

static void write_required(struct printer *printer, const struct shape *shape, bool apart)
{
    struct json_writer *json = &printer->json;
    json_name(json, "required");
    json_open_list(json);
    for (size_t i = 0; apart && i < COUNT_OF(shape->apart); i++)
        json_text(json, shape->apart[i]);
    if (!apart && shape->needs && !has_alternative(printer, shape))
        json_text(json, shape->needs);
    for (size_t i = 0; !apart && i < shape->fields->count; i++)
        if (shape->fields->fields[i].flags & FIELD_REQUIRED &&
            is_shown(printer, &shape->fields->fields[i]))
            json_text(json, shape->fields->fields[i].name);
    json_close_list(json);
}

static void write_fields(struct printer *printer, const struct shape *shape, bool apart)
{
    struct json_writer *json = &printer->json;
    write_pair(json, "type", "object");
    json_name(json, "properties");
    json_open_object(json);
    for (size_t i = 0; i < shape->fields->count; i++) {
        const struct field *field = &shape->fields->fields[i];
        if (is_shown(printer, field) && is_apart(shape, field->name) == apart)
            write_field(printer, shape, field);
    }
    json_close_object(json);
    write_required(printer, shape, apart);
    if (!apart && has_alternative(printer, shape))
        write_one_of(printer, shape);
    if (shape->fields->allows_x_keys && !printer->is_dvc) {
        json_name(json, "patternProperties");
        json_open_object(json);
        json_name(json, "^x-");
        json_bool(json, true);
        json_close_object(json);
    }
    json_name(json, "additionalProperties");
    json_bool(json, false);
}

/* If one of the fields that stand apart is there, only they; else only the others. */
static void write_two_forms(struct printer *printer, const struct shape *shape)
{
    struct json_writer *json = &printer->json;
    json_name(json, "if");
    json_open_object(json);
    write_pair(json, "type", "object");
    json_name(json, "anyOf");
    json_open_list(json);
    for (size_t i = 0; i < COUNT_OF(shape->apart); i++) {
        json_open_object(json);
        json_name(json, "required");
        json_open_list(json);
        json_text(json, shape->apart[i]);
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
    for (int i = 0; i < 2; i++) {
        json_name(json, i ? "else" : "then");
        json_open_object(json);
        write_fields(printer, shape, !i);
        json_close_object(json);
    }
}

static void write_either(struct printer *printer, const struct shape *shape)
{
    struct json_writer *json = &printer->json;
    json_name(json, "anyOf");
    json_open_list(json);
    for (size_t i = 0; i < SHAPE_CHOICES && shape->of[i]; i++)
        write_alternative(json, shape->of[i]);
    if (shape->native && !printer->is_dvc)
        write_alternative(json, shape->native);
    json_close_list(json);
}

static void write_collection(struct json_writer *json, const struct shape *shape)
{
    bool is_list = shape->kind == SHAPE_LIST;
    write_pair(json, "type", is_list ? "array" : "object");
    json_name(json, is_list ? "items" : "additionalProperties");
    write_alternative(json, shape->of[0]);
    if (!is_list && shape->least) {
        json_name(json, "minProperties");
        json_int(json, shape->least);
    }
}

static void write_shape(struct printer *printer, const struct shape *shape)
{
    struct json_writer *json = &printer->json;
    switch (shape->kind) {
    case SHAPE_ANYTHING:
        break;
    case SHAPE_TEXT:
        write_text(printer, true);
        break;
    case SHAPE_BOOL:
        write_pair(json, "type", "boolean");
        break;
    case SHAPE_INT:
        write_pair(json, "type", "integer");
        write_bounds(json, shape->least, shape->most);
        break;
    case SHAPE_NUMBER:
        write_pair(json, "type", "number");
        break;
    case SHAPE_NOTHING:
        write_pair(json, "type", "null");
        break;
    case SHAPE_LIST:
    case SHAPE_MAP:
        write_collection(json, shape);
        break;
    case SHAPE_EITHER:
        write_either(printer, shape);
        break;
    case SHAPE_FIELDS:
        write_fields(printer, shape, false);
        break;
    case SHAPE_FORMS:
        write_two_forms(printer, shape);
        break;
    }
}

static void write_definition(struct printer *printer, const struct shape *shape)
{
    AUTO(buf_drop) struct buf name = {0};
    add_slug(&name, shape->type);
    json_name(&printer->json, name.at);
    json_open_object(&printer->json);
    write_shape(printer, shape);
    json_close_object(&printer->json);
}

static void write_expression(struct json_writer *json)
{
    json_name(json, "expression");
    json_open_object(json);
    write_pair(json, "type", "string");
    write_pair(json, "pattern", "\\$\\{");
    json_close_object(json);
}

void jsonschema_print(const struct shape_table *table, enum doc_dialect dialect, struct buf *out)
{
    bool is_used[128] = {false};
    struct printer printer = {.table = table,
                              .is_dvc = dialect == DOC_DVC,
                              .json = {.out = out, .indent = true},
                              .is_used = is_used};
    struct json_writer *json = &printer.json;
    check(table->count <= COUNT_OF(is_used));
    mark_used(&printer, table->root);
    json_open_object(json);
    write_pair(json, "$schema", "http://json-schema.org/draft-07/schema#");
    write_pair(json, "title", table->title);
    write_reference(json, table->root);
    json_name(json, "definitions");
    json_open_object(json);
    if (!printer.is_dvc)
        write_expression(json);
    for (size_t i = 0; i < table->count; i++)
        if (is_used[i])
            write_definition(&printer, &table->shapes[i]);
    json_close_object(json);
    json_close_object(json);
    buf_add_char(out, '\n');
}
