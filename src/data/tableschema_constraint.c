#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <inttypes.h>
#include <math.h>

#include "tableschema_private.h"

/* A number of the descriptor as the field writes it. */
static struct str number_text(struct arena *arena, const struct doc_node *node,
                              const struct schema_field *field)
{
    if (node->kind == DOC_INT)
        return str_print(arena, "%" PRId64, node->integer);
    if (node->kind == DOC_REAL && isnan(node->real))
        return STR("NaN");
    if (node->kind == DOC_REAL && isinf(node->real))
        return node->real < 0 ? STR("-INF") : STR("INF");
    if (field->type == TYPE_INTEGER && node->kind == DOC_REAL && node->real == trunc(node->real))
        return str_print(arena, "%.0f", node->real);
    ptrdiff_t point = str_find_char(node->text, '.');
    if (field->type != TYPE_NUMBER || !field->decimal_char.len || point < 0)
        return node->text;
    return str_print(arena, "%.*s%.*s%.*s", (int)point, node->text.at, STR_FMT(field->decimal_char),
                     STR_FMT(str_slice(node->text, (size_t)point + 1, node->text.len)));
}

static struct str truth_text(const struct doc_node *node, const struct schema_field *field)
{
    struct text_list words = node->truth ? field->true_values : field->false_values;
    if (field->has_boolean_values && words.len)
        return words.at[0];
    return node->truth ? STR("true") : STR("false");
}

/* Items as a list field writes them. */
static struct str list_text(struct arena *arena, const struct doc_node *node,
                            const struct schema_field *field)
{
    struct str delimiter = field->delimiter.len ? field->delimiter : STR(",");
    struct buf out = buf_in(arena);
    for (const struct doc_node *item = node->first; item; item = item->next) {
        if (item != node->first)
            buf_add_str(&out, delimiter);
        buf_add_str(&out, item->text);
    }
    return buf_str(&out);
}

/* The value as a cell of the field would be written. */
static struct constraint_value take_value(struct schema_binding *binding,
                                          const struct doc_node *node,
                                          const struct schema_field *field)
{
    struct arena *arena = binding->binder->arena;
    struct constraint_value value = {.is_given = true, .is_text = node->kind == DOC_STR};
    switch (node->kind) {
    case DOC_NULL:
        break;
    case DOC_STR:
        value.text = node->text;
        break;
    case DOC_BOOL:
        value.text = truth_text(node, field);
        break;
    case DOC_INT:
    case DOC_BIGINT:
    case DOC_REAL:
        value.text = number_text(arena, node, field);
        break;
    case DOC_LIST:
    case DOC_MAP:
        value.text = node->kind == DOC_LIST && field->type == TYPE_LIST
                         ? list_text(arena, node, field)
                         : node_json(arena, node);
        break;
    }
    return value;
}

static void take_values(struct schema_binding *binding, const struct doc_node *node,
                        const struct schema_field *field, struct constraint_values *ret)
{
    struct constraint_value *at =
        arena_new_array(binding->binder->arena, struct constraint_value, node->count);
    size_t len = 0;
    for (const struct doc_node *item = node->first; item; item = item->next) {
        const struct doc_node *value =
            item->kind == DOC_MAP && node->key && str_is(node->key->text, "categories")
                ? doc_find(item, STR("value"))
                : item;
        if (!value)
            binder_error(binding->binder, item, "a category of %.*s has no 'value'",
                         STR_FMT(binding->where));
        else if (value->kind != DOC_NULL) /* null passes every constraint */
            at[len++] = take_value(binding, value, field);
    }
    *ret = (struct constraint_values){.is_given = true, .at = at, .len = len};
}

static void bind_listed(struct schema_binding *binding, const struct doc_node *node,
                        const struct schema_field *field, struct constraint_values *ret)
{
    if (node->kind == DOC_LIST && node->count)
        take_values(binding, node, field, ret);
    else if (node->kind == DOC_LIST)
        binder_error(binding->binder, node, "'%.*s' of %.*s is empty: no value would pass",
                     STR_FMT(node->key->text), STR_FMT(binding->where));
    else
        binder_expected(binding->binder, node, "a list of values");
}

void bind_categories(struct schema_binding *binding, const struct doc_node *node,
                     struct schema_field *field)
{
    if (node && (field->type == TYPE_STRING || field->type == TYPE_INTEGER))
        bind_listed(binding, node, field, &field->categories);
}

static void bind_bound(struct schema_binding *binding, const struct doc_node *node,
                       const struct schema_field *field, struct constraint_value *ret)
{
    if (node->kind == DOC_NULL || node->kind == DOC_LIST || node->kind == DOC_MAP)
        binder_expected(binding->binder, node, "a value of the field");
    else
        *ret = take_value(binding, node, field);
}

static bool bind_length(struct schema_binding *binding, const struct doc_node *node, int64_t *ret)
{
    if (node->kind == DOC_INT && node->integer >= 0)
        *ret = node->integer;
    else
        binder_expected(binding->binder, node, "an integer from 0");
    return node->kind == DOC_INT && node->integer >= 0;
}

#define BIND(name)                                                                                 \
    static void name(struct schema_binding *binding, const struct doc_node *node, void *target)

BIND(bind_required)
{
    (void)bind_truth(binding, node, &((struct schema_field *)target)->required);
}

BIND(bind_unique)
{
    (void)bind_truth(binding, node, &((struct schema_field *)target)->unique);
}

BIND(bind_min_length)
{
    struct schema_field *field = target;
    field->has_min_length = bind_length(binding, node, &field->min_length);
}

BIND(bind_max_length)
{
    struct schema_field *field = target;
    field->has_max_length = bind_length(binding, node, &field->max_length);
}

BIND(bind_minimum)
{
    struct schema_field *field = target;
    bind_bound(binding, node, field, &field->minimum);
}

BIND(bind_maximum)
{
    struct schema_field *field = target;
    bind_bound(binding, node, field, &field->maximum);
}

BIND(bind_exclusive_minimum)
{
    struct schema_field *field = target;
    bind_bound(binding, node, field, &field->exclusive_minimum);
}

BIND(bind_exclusive_maximum)
{
    struct schema_field *field = target;
    bind_bound(binding, node, field, &field->exclusive_maximum);
}

BIND(bind_pattern)
{
    struct schema_field *field = target;
    field->has_pattern = bind_text(binding, node, &field->pattern);
}

BIND(bind_allowed)
{
    struct schema_field *field = target;
    bind_listed(binding, node, field, &field->allowed);
}

BIND(bind_json_schema)
{
    struct schema_field *field = target;
    if (node->kind == DOC_MAP || node->kind == DOC_BOOL)
        field->json_schema = node;
    else
        binder_expected(binding->binder, node, "a JSON Schema");
}

#define ORDERED                                                                                    \
    (TYPE_BIT(TYPE_INTEGER) | TYPE_BIT(TYPE_NUMBER) | TYPE_BIT(TYPE_DATE) | TYPE_BIT(TYPE_TIME) |  \
     TYPE_BIT(TYPE_DATETIME) | TYPE_BIT(TYPE_DURATION) | TYPE_BIT(TYPE_YEAR) |                     \
     TYPE_BIT(TYPE_YEARMONTH))
#define COLLECTIONS (TYPE_BIT(TYPE_STRING) | TYPE_BIT(TYPE_ARRAY) | TYPE_BIT(TYPE_OBJECT))

static const struct schema_entry constraints[] = {
    {.name = "required", .bind = bind_required},
    {.name = "unique", .bind = bind_unique},
    {.name = "minLength", .types = COLLECTIONS, .bind = bind_min_length},
    {.name = "maxLength", .types = COLLECTIONS, .bind = bind_max_length},
    {.name = "minimum", .types = ORDERED, .bind = bind_minimum},
    {.name = "maximum", .types = ORDERED, .bind = bind_maximum},
    {.name = "exclusiveMinimum", .types = ORDERED, .bind = bind_exclusive_minimum},
    {.name = "exclusiveMaximum", .types = ORDERED, .bind = bind_exclusive_maximum},
    {.name = "jsonSchema",
     .types = TYPE_BIT(TYPE_ARRAY) | TYPE_BIT(TYPE_OBJECT),
     .bind = bind_json_schema},
    {.name = "pattern", .types = TYPE_BIT(TYPE_STRING), .bind = bind_pattern},
    {.name = "enum", .bind = bind_allowed},
};

bool is_constraint(struct str name)
{
    return entry_find(constraints, COUNT_OF(constraints), name) != NULL;
}

static void tell_unknown(struct schema_binding *binding, const struct doc_node *key)
{
    const char *meant = entry_suggest(constraints, COUNT_OF(constraints), key->text);
    struct str shown = str_slice(key->text, 0, 64);
    if (meant)
        binder_error(binding->binder, key, "unknown constraint '%.*s' of %.*s (did you mean '%s'?)",
                     STR_FMT(shown), STR_FMT(binding->where), meant);
    else
        descriptor_warn(binding, key, "unknown constraint '%.*s' of %.*s is not checked",
                        STR_FMT(shown), STR_FMT(binding->where));
}

static void bind_constraint(struct schema_binding *binding, const struct doc_node *child,
                            struct schema_field *field)
{
    const struct schema_entry *entry =
        entry_find(constraints, COUNT_OF(constraints), child->key->text);
    if (!entry)
        tell_unknown(binding, child->key);
    else if (entry->types && !(entry->types & TYPE_BIT(field->type)))
        binder_error(binding->binder, child->key,
                     "a field of type %s cannot have the constraint '%s' (%.*s)",
                     field_type_name(field->type), entry->name, STR_FMT(binding->where));
    else
        entry->bind(binding, child, field);
}

void bind_constraints(struct schema_binding *binding, const struct doc_node *node,
                      struct schema_field *field)
{
    if (!node)
        return;
    if (node->kind != DOC_MAP) {
        binder_expected(binding->binder, node, "a mapping");
        return;
    }
    for (const struct doc_node *child = node->first; child; child = child->next)
        bind_constraint(binding, child, field);
}
