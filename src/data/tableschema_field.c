#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"

#include "tableschema_private.h"

struct str node_json(struct arena *arena, const struct doc_node *node)
{
    struct buf text = buf_in(arena);
    struct json_writer json = {.out = &text};
    json_node(&json, node);
    return buf_str(&text);
}

/* "any, string, number, ..." */
static const char *type_list(struct arena *arena)
{
    struct buf text = buf_in(arena);
    for (int type = 0; type < TYPE_COUNT; type++)
        buf_print(&text, "%s%s", type ? ", " : "", field_type_name((enum field_type)type));
    return text.at;
}

static bool type_find(struct str name, enum field_type *ret)
{
    for (int type = 0; type < TYPE_COUNT; type++)
        if (str_is(name, field_type_name((enum field_type)type))) {
            *ret = (enum field_type)type;
            return true;
        }
    return false;
}

static void tell_unknown_type(struct schema_binding *binding, const struct doc_node *node)
{
    const char *names[TYPE_COUNT];
    for (int type = 0; type < TYPE_COUNT; type++)
        names[type] = field_type_name((enum field_type)type);
    const char *meant = schema_suggest(node->text, names, TYPE_COUNT);
    struct str shown = str_slice(node->text, 0, 64);
    if (meant)
        binder_error(binding->binder, node, "unknown type '%.*s' of %.*s (did you mean '%s'?)",
                     STR_FMT(shown), STR_FMT(binding->where), meant);
    else
        binder_error(binding->binder, node, "unknown type '%.*s' of %.*s: types are %s",
                     STR_FMT(shown), STR_FMT(binding->where), type_list(binding->binder->arena));
}

static void bind_type(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    struct schema_field *field = target;
    struct str name = {0};
    if (bind_text(binding, node, &name) && !type_find(name, &field->type))
        tell_unknown_type(binding, node);
}

struct format_row {
    enum field_type type;
    const char *name;
    enum field_format format;
};

static const struct format_row formats[] = {
    {TYPE_STRING, "email", FORMAT_EMAIL},     {TYPE_STRING, "uri", FORMAT_URI},
    {TYPE_STRING, "binary", FORMAT_BINARY},   {TYPE_STRING, "uuid", FORMAT_UUID},
    {TYPE_DATE, "any", FORMAT_ANY},           {TYPE_TIME, "any", FORMAT_ANY},
    {TYPE_DATETIME, "any", FORMAT_ANY},       {TYPE_GEOPOINT, "array", FORMAT_ARRAY},
    {TYPE_GEOPOINT, "object", FORMAT_OBJECT}, {TYPE_GEOJSON, "topojson", FORMAT_TOPOJSON},
};

static bool is_moment(enum field_type type)
{
    return type == TYPE_DATE || type == TYPE_TIME || type == TYPE_DATETIME;
}

static void tell_unknown_format(struct schema_binding *binding, const struct doc_node *node,
                                const struct schema_field *field)
{
    struct buf known = buf_in(binding->binder->arena);
    buf_add_text(&known, "default");
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (formats[i].type == field->type)
            buf_print(&known, ", %s", formats[i].name);
    if (is_moment(field->type))
        buf_add_text(&known, " or a pattern such as %d.%m.%Y");
    binder_error(binding->binder, node, "unknown format '%.*s' of %.*s: a %s has %s",
                 STR_FMT(str_slice(field->format_text, 0, 64)), STR_FMT(binding->where),
                 field_type_name(field->type), known.at);
}

/* When the type is known. */
static void resolve_format(struct schema_binding *binding, const struct doc_node *node,
                           struct schema_field *field)
{
    if (str_is(field->format_text, "default"))
        return;
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (formats[i].type == field->type && str_is(field->format_text, formats[i].name)) {
            field->format = formats[i].format;
            return;
        }
    if (is_moment(field->type) && str_find_char(field->format_text, '%') >= 0)
        field->format = FORMAT_PATTERN;
    else
        tell_unknown_format(binding, node, field);
}

static void bind_format(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    struct schema_field *field = target;
    if (!bind_text(binding, node, &field->format_text))
        return;
    if (str_starts(field->format_text, STR("fmt:")))
        field->format_text = str_slice(field->format_text, 4, field->format_text.len);
    resolve_format(binding, node, field);
}

#define BIND_TEXT(name, member)                                                                    \
    static void name(struct schema_binding *binding, const struct doc_node *node, void *target)    \
    {                                                                                              \
        struct schema_field *field = target;                                                       \
        (void)bind_text(binding, node, &field->member);                                            \
    }

BIND_TEXT(bind_title, title)
BIND_TEXT(bind_description, description)

/* A mark that stands for something: not empty. */
static void bind_mark(struct schema_binding *binding, const struct doc_node *node, struct str *ret)
{
    struct str text = {0};
    if (!bind_text(binding, node, &text))
        return;
    if (text.len)
        *ret = text;
    else
        binder_error(binding->binder, node, "'%.*s' of %.*s is empty", STR_FMT(node->key->text),
                     STR_FMT(binding->where));
}

static void bind_decimal(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    bind_mark(binding, node, &((struct schema_field *)target)->decimal_char);
}

static void bind_group(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    struct schema_field *field = target;
    /* Published schemas write "groupChar": "" for none. */
    (void)bind_text(binding, node, &field->group_char);
}

static void bind_delimiter(struct schema_binding *binding, const struct doc_node *node,
                           void *target)
{
    bind_mark(binding, node, &((struct schema_field *)target)->delimiter);
}

static void bind_bare(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    (void)bind_truth(binding, node, &((struct schema_field *)target)->bare_number);
}

static void bind_true(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    (void)bind_texts(binding, node, &((struct schema_field *)target)->true_values);
}

static void bind_false(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    (void)bind_texts(binding, node, &((struct schema_field *)target)->false_values);
}

static void bind_item_type(struct schema_binding *binding, const struct doc_node *node,
                           void *target)
{
    static const unsigned allowed =
        TYPE_BIT(TYPE_STRING) | TYPE_BIT(TYPE_INTEGER) | TYPE_BIT(TYPE_BOOLEAN) |
        TYPE_BIT(TYPE_NUMBER) | TYPE_BIT(TYPE_DATETIME) | TYPE_BIT(TYPE_DATE) | TYPE_BIT(TYPE_TIME);
    struct schema_field *field = target;
    struct str name = {0};
    enum field_type type = TYPE_ANY;
    if (!bind_text(binding, node, &name))
        return;
    if (type_find(name, &type) && allowed & TYPE_BIT(type))
        field->item_type = type;
    else
        binder_error(binding->binder, node,
                     "'itemType' of %.*s must be one of string, integer, boolean, number, "
                     "datetime, date, time, found '%.*s'",
                     STR_FMT(binding->where), STR_FMT(str_slice(name, 0, 64)));
}

static void bind_own_missing(struct schema_binding *binding, const struct doc_node *node,
                             void *target)
{
    struct schema_field *field = target;
    field->has_missing_values = true;
    bind_missing(binding, node, &field->missing_values);
}

/* Read elsewhere, or only passed on. */
static void bind_nothing(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    (void)binding, (void)node, (void)target;
}

#define NUMBERS (TYPE_BIT(TYPE_NUMBER) | TYPE_BIT(TYPE_INTEGER))
#define CATEGORICAL (TYPE_BIT(TYPE_STRING) | TYPE_BIT(TYPE_INTEGER))

/* `name` and `type` are read first. */
static const struct schema_entry entries[] = {
    {.name = "name", .bind = bind_nothing},
    {.name = "type", .bind = bind_nothing},
    {.name = "format", .bind = bind_format},
    {.name = "title", .bind = bind_title},
    {.name = "description", .bind = bind_description},
    {.name = "example", .bind = bind_nothing},
    {.name = "examples", .bind = bind_nothing},
    {.name = "rdfType", .bind = bind_nothing},
    {.name = "constraints", .bind = bind_nothing},
    {.name = "missingValues", .bind = bind_own_missing},
    {.name = "categories", .types = CATEGORICAL, .bind = bind_nothing},
    {.name = "categoriesOrdered", .types = CATEGORICAL, .bind = bind_nothing},
    {.name = "decimalChar", .types = TYPE_BIT(TYPE_NUMBER), .bind = bind_decimal},
    {.name = "groupChar", .types = NUMBERS, .bind = bind_group},
    {.name = "bareNumber", .types = NUMBERS, .bind = bind_bare},
    {.name = "trueValues", .types = TYPE_BIT(TYPE_BOOLEAN), .bind = bind_true},
    {.name = "falseValues", .types = TYPE_BIT(TYPE_BOOLEAN), .bind = bind_false},
    {.name = "delimiter", .types = TYPE_BIT(TYPE_LIST), .bind = bind_delimiter},
    {.name = "itemType", .types = TYPE_BIT(TYPE_LIST), .bind = bind_item_type},
};

/* A key that is not the standard's: a constraint that has lost its place, a slip of the pen, or
 * somebody's own. */
static void bind_foreign(struct schema_binding *binding, const struct doc_node *key)
{
    const char *meant = entry_suggest(entries, COUNT_OF(entries), key->text);
    bool is_required = str_distance(key->text, STR("required")) <= 1;
    if (is_required)
        binder_error(binding->binder, key, "'%.*s' of %.*s belongs into its 'constraints'",
                     STR_FMT(key->text), STR_FMT(binding->where));
    else if (is_constraint(key->text))
        descriptor_warn(binding, key,
                        "'%.*s' of %.*s is not checked: it belongs into its 'constraints'",
                        STR_FMT(key->text), STR_FMT(binding->where));
    else if (meant)
        descriptor_warn(binding, key, "unknown key '%.*s' in %.*s (did you mean '%s'?)",
                        STR_FMT(key->text), STR_FMT(binding->where), meant);
}

static void bind_entry(struct schema_binding *binding, const struct doc_node *child,
                       struct schema_field *field)
{
    const struct schema_entry *entry = entry_find(entries, COUNT_OF(entries), child->key->text);
    if (!entry)
        bind_foreign(binding, child->key);
    else if (entry->types && !(entry->types & TYPE_BIT(field->type)))
        descriptor_warn(binding, child->key, "'%s' of %.*s has no meaning for type %s", entry->name,
                        STR_FMT(binding->where), field_type_name(field->type));
    else
        entry->bind(binding, child, field);
}

static void bind_name(struct schema_binding *binding, const struct doc_node *map,
                      struct schema_field *field)
{
    const struct doc_node *name = doc_find(map, STR("name"));
    if (!name)
        binder_error(binding->binder, map, "a field of the schema has no 'name'");
    else if (bind_text(binding, name, &field->name))
        binding->where = str_print(binding->binder->arena, "field '%.*s'",
                                   STR_FMT(str_slice(field->name, 0, 64)));
}

static const struct str usual_true[] = {STR_ROW("true"), STR_ROW("True"), STR_ROW("TRUE"),
                                        STR_ROW("1")};
static const struct str usual_false[] = {STR_ROW("false"), STR_ROW("False"), STR_ROW("FALSE"),
                                         STR_ROW("0")};

/* Each list replaces its own default. */
static void complete_boolean(struct schema_field *field)
{
    bool has_true = doc_find(field->node, STR("trueValues")) != NULL;
    bool has_false = doc_find(field->node, STR("falseValues")) != NULL;
    if (field->type != TYPE_BOOLEAN || !(has_true || has_false))
        return;
    field->has_boolean_values = true;
    if (!has_true)
        field->true_values = (struct text_list){usual_true, COUNT_OF(usual_true)};
    if (!has_false)
        field->false_values = (struct text_list){usual_false, COUNT_OF(usual_false)};
}

static void check_boolean(struct schema_binding *binding, const struct schema_field *field)
{
    for (size_t i = 0; i < field->true_values.len; i++)
        for (size_t k = 0; k < field->false_values.len; k++)
            if (str_equal(field->true_values.at[i], field->false_values.at[k]))
                binder_error(binding->binder, field->node,
                             "'%.*s' stands in 'trueValues' and in 'falseValues' of %.*s",
                             STR_FMT(field->true_values.at[i]), STR_FMT(binding->where));
}

static void check_marks(struct schema_binding *binding, const struct schema_field *field)
{
    struct str decimal = field->decimal_char.len ? field->decimal_char : STR(".");
    if (field->type == TYPE_NUMBER && field->group_char.len &&
        str_equal(field->group_char, decimal))
        binder_error(binding->binder, field->node,
                     "'groupChar' and 'decimalChar' of %.*s are both '%.*s'",
                     STR_FMT(binding->where), STR_FMT(decimal));
}

static void bind_field_map(struct schema_binding *binding, const struct doc_node *map,
                           struct schema_field *field)
{
    const struct doc_node *type = doc_find(map, STR("type"));
    bind_name(binding, map, field);
    binding->binder->where = str_print(binding->binder->arena, "of %.*s", STR_FMT(binding->where));
    if (type)
        bind_type(binding, type, field);
    for (const struct doc_node *child = map->first; child; child = child->next)
        bind_entry(binding, child, field);
    complete_boolean(field);
    check_boolean(binding, field);
    check_marks(binding, field);
    bind_categories(binding, doc_find(map, STR("categories")), field);
    bind_constraints(binding, doc_find(map, STR("constraints")), field);
}

void bind_field(struct schema_binding *binding, const struct doc_node *node,
                struct schema_field *field)
{
    struct str outer = binding->where, outer_binder = binding->binder->where;
    *field = (struct schema_field){
        .format_text = STR("default"), .item_type = TYPE_STRING, .bare_number = true, .node = node};
    binding->where = STR("a field");
    if (node->kind == DOC_MAP)
        bind_field_map(binding, node, field);
    else
        binder_error(binding->binder, node, "a field must be a mapping, found %s",
                     doc_kind_name(node->kind));
    binding->where = outer;
    binding->binder->where = outer_binder;
}
