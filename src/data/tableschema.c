#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"

#include <stdarg.h>

#include "tableschema_private.h"

static const char *const type_names[TYPE_COUNT] = {
    [TYPE_ANY] = "any",
    [TYPE_STRING] = "string",
    [TYPE_NUMBER] = "number",
    [TYPE_INTEGER] = "integer",
    [TYPE_BOOLEAN] = "boolean",
    [TYPE_OBJECT] = "object",
    [TYPE_ARRAY] = "array",
    [TYPE_LIST] = "list",
    [TYPE_DATETIME] = "datetime",
    [TYPE_DATE] = "date",
    [TYPE_TIME] = "time",
    [TYPE_YEAR] = "year",
    [TYPE_YEARMONTH] = "yearmonth",
    [TYPE_DURATION] = "duration",
    [TYPE_GEOPOINT] = "geopoint",
    [TYPE_GEOJSON] = "geojson",
};

static const struct str only_empty[1] = {STR_ROW("")};

const char *field_type_name(enum field_type type)
{
    return type_names[type];
}

ptrdiff_t tableschema_find(const struct table_schema *schema, struct str name)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (str_equal(schema->fields[i].name, name))
            return (ptrdiff_t)i;
    return -1;
}

void descriptor_warn(struct schema_binding *binding, const struct doc_node *node,
                     const char *format, ...)
{
    struct buf text = buf_in(binding->binder->arena);
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    struct schema_warning *warning = vec_push(binding->binder->arena, &binding->warnings);
    *warning = (struct schema_warning){.node = node, .text = buf_str(&text)};
}

const struct schema_entry *entry_find(const struct schema_entry *entries, size_t count,
                                      struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(name, entries[i].name))
            return &entries[i];
    return NULL;
}

enum { ENTRIES_MOST = 32 };

const char *entry_suggest(const struct schema_entry *entries, size_t count, struct str name)
{
    const char *names[ENTRIES_MOST];
    for (size_t i = 0; i < count && i < ENTRIES_MOST; i++)
        names[i] = entries[i].name;
    return name.len < 3 ? NULL : schema_suggest(name, names, MIN_OF(count, ENTRIES_MOST));
}

bool bind_text(struct schema_binding *binding, const struct doc_node *node, struct str *ret)
{
    if (node->kind == DOC_STR)
        *ret = node->text;
    else
        binder_expected(binding->binder, node, "a string");
    return node->kind == DOC_STR;
}

bool bind_truth(struct schema_binding *binding, const struct doc_node *node, bool *ret)
{
    if (node->kind == DOC_BOOL)
        *ret = node->truth;
    else
        binder_expected(binding->binder, node, "true or false");
    return node->kind == DOC_BOOL;
}

/* A text of a list, or NULL after telling so. */
static const struct doc_node *text_item(struct schema_binding *binding, const struct doc_node *list,
                                        const struct doc_node *item)
{
    if (item->kind == DOC_STR)
        return item;
    struct str key = list->key ? list->key->text : STR("list");
    binder_error(binding->binder, item, "items of '%.*s' of %.*s must be strings, found %s%s",
                 STR_FMT(key), STR_FMT(binding->where), doc_kind_name(item->kind),
                 item->kind == DOC_LIST || item->kind == DOC_MAP ? "" : ": put it in quotes");
    return NULL;
}

bool bind_texts(struct schema_binding *binding, const struct doc_node *node, struct text_list *ret)
{
    if (node->kind != DOC_LIST) {
        binder_expected(binding->binder, node, "a list of strings");
        return false;
    }
    struct str *at = arena_new_array(binding->binder->arena, struct str, node->count);
    size_t len = 0;
    for (const struct doc_node *item = node->first; item; item = item->next)
        if (text_item(binding, node, item))
            at[len++] = item->text;
    *ret = (struct text_list){at, len};
    return len == node->count;
}

void bind_missing(struct schema_binding *binding, const struct doc_node *node,
                  struct text_list *ret)
{
    if (node->kind != DOC_LIST) {
        binder_expected(binding->binder, node, "a list of strings");
        return;
    }
    struct str *at = arena_new_array(binding->binder->arena, struct str, node->count);
    size_t len = 0;
    for (const struct doc_node *item = node->first; item; item = item->next) {
        const struct doc_node *value = item->kind == DOC_MAP ? doc_find(item, STR("value")) : item;
        if (!value)
            binder_error(binding->binder, item, "'value' is missing in 'missingValues' of %.*s",
                         STR_FMT(binding->where));
        else if (text_item(binding, node, value))
            at[len++] = value->text;
    }
    *ret = (struct text_list){at, len};
}

static void bind_schema_missing(struct schema_binding *binding, const struct doc_node *node,
                                void *target)
{
    struct table_schema *schema = target;
    bind_missing(binding, node, &schema->missing_values);
}

static void bind_match(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    static const char *const names[] = {"exact", "equal", "subset", "superset", "partial"};
    struct table_schema *schema = target;
    /* An early text of the standard had a list of one. */
    const struct doc_node *word = node->kind == DOC_LIST && node->count == 1 ? node->first : node;
    for (size_t i = 0; word->kind == DOC_STR && i < COUNT_OF(names); i++)
        if (str_is(word->text, names[i])) {
            schema->match = (enum fields_match)i;
            return;
        }
    struct str shown = doc_show(binding->binder->arena, word);
    binder_error(binding->binder, word,
                 "'fieldsMatch' must be one of exact, equal, subset, superset, partial, found %.*s",
                 STR_FMT(str_slice(shown, 0, 64)));
}

static void bind_fields(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    struct table_schema *schema = target;
    if (node->kind != DOC_LIST) {
        binder_expected(binding->binder, node, "a list of fields");
        return;
    }
    struct schema_field *fields =
        arena_new_array(binding->binder->arena, struct schema_field, node->count);
    size_t count = 0;
    for (const struct doc_node *item = node->first; item; item = item->next)
        bind_field(binding, item, &fields[count++]);
    schema->fields = fields;
    schema->field_count = count;
}

/* Read by bind_keys, or of no meaning here. */
static void bind_nothing(struct schema_binding *binding, const struct doc_node *node, void *target)
{
    (void)binding, (void)node, (void)target;
}

static const struct schema_entry entries[] = {
    {.name = "fields", .bind = bind_fields},
    {.name = "fieldsMatch", .bind = bind_match},
    {.name = "missingValues", .bind = bind_schema_missing},
    {.name = "primaryKey", .bind = bind_nothing},
    {.name = "uniqueKeys", .bind = bind_nothing},
    {.name = "foreignKeys", .bind = bind_nothing},
    {.name = "$schema", .bind = bind_nothing},
    {.name = "name", .bind = bind_nothing},
    {.name = "title", .bind = bind_nothing},
    {.name = "description", .bind = bind_nothing},
    {.name = "homepage", .bind = bind_nothing},
    {.name = "version", .bind = bind_nothing},
    {.name = "created", .bind = bind_nothing},
    {.name = "keywords", .bind = bind_nothing},
    {.name = "contributors", .bind = bind_nothing},
    {.name = "examples", .bind = bind_nothing},
    {.name = "example", .bind = bind_nothing},
};

static void bind_entry(struct schema_binding *binding, const struct doc_node *child)
{
    const struct schema_entry *entry = entry_find(entries, COUNT_OF(entries), child->key->text);
    const char *meant = entry_suggest(entries, COUNT_OF(entries), child->key->text);
    if (entry)
        entry->bind(binding, child, binding->schema);
    else if (meant)
        binder_error(binding->binder, child->key,
                     "unknown key '%.*s' in the schema (did you mean '%s'?)",
                     STR_FMT(child->key->text), meant);
}

static void warn_of_twins(struct schema_binding *binding)
{
    const struct table_schema *schema = binding->schema;
    AUTO(arena_drop) struct arena scratch = {0};
    struct map seen = {0};
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema_field *field = &schema->fields[i];
        if (field->name.at && map_put(&scratch, &seen, field->name, &seen))
            descriptor_warn(binding, field->node, "two fields are called '%.*s'",
                            STR_FMT(field->name));
    }
}

static void bind_map(struct schema_binding *binding, const struct doc_node *node)
{
    for (const struct doc_node *child = node->first; child; child = child->next)
        bind_entry(binding, child);
    if (!doc_find(node, STR("fields")))
        binder_error(binding->binder, node, "'fields' is missing: this is no table schema");
    for (size_t i = 0; i < binding->schema->field_count; i++)
        check_constraints(binding, &binding->schema->fields[i]);
    warn_of_twins(binding);
    bind_keys(binding, node);
}

void tableschema_bind(struct binder *binder, const struct doc_node *node, struct table_schema *ret)
{
    struct table_schema schema = {.name = ret->name, .missing_values = {only_empty, 1}};
    struct schema_binding binding = {
        .binder = binder, .schema = &schema, .where = STR("the schema")};
    struct str outer = binder->where;
    binder->where = STR("in the schema");
    schema.node = node;
    if (node->kind == DOC_MAP)
        bind_map(&binding, node);
    else
        binder_error(binder, node, "the table schema must be a mapping, found %s",
                     doc_kind_name(node->kind));
    binder->where = outer;
    schema.warnings = binding.warnings.at;
    schema.warning_count = binding.warnings.len;
    *ret = schema;
}
