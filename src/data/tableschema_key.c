#include "mlops/base/arena.h"

#include "tableschema_private.h"

/* The names of a key: a list, or, as in version 1, one name. */
static bool key_names(struct schema_binding *binding, const struct doc_node *node,
                      struct text_list *ret)
{
    if (node->kind != DOC_STR) {
        if (!bind_texts(binding, node, ret))
            return false;
        if (!ret->len)
            binder_error(binding->binder, node, "a key of the schema has no fields");
        return ret->len > 0;
    }
    struct str *at = arena_new(binding->binder->arena, struct str);
    *at = node->text;
    *ret = (struct text_list){at, 1};
    return true;
}

static void tell_no_field(struct schema_binding *binding, const struct doc_node *node,
                          const char *noun, struct str name)
{
    const struct table_schema *schema = binding->schema;
    const char *meant = NULL;
    int nearest = 3;
    for (size_t i = 0; i < schema->field_count; i++) {
        int distance = str_distance(name, schema->fields[i].name);
        if (distance < nearest) {
            nearest = distance;
            meant = str_print(binding->binder->arena, " (did you mean '%.*s'?)",
                              STR_FMT(schema->fields[i].name))
                        .at;
        }
    }
    binder_error(binding->binder, node, "%s names no field of the schema: '%.*s'%s", noun,
                 STR_FMT(str_slice(name, 0, 64)), meant ? meant : "");
}

/* The node of the item of a list, or the node itself. */
static const struct doc_node *name_node(const struct doc_node *node, size_t index)
{
    const struct doc_node *item = node->kind == DOC_LIST ? node->first : NULL;
    for (; item && index; index--)
        item = item->next;
    return item ? item : node;
}

static bool resolve_names(struct schema_binding *binding, const struct doc_node *node,
                          const char *noun, struct text_list names, struct schema_key *ret)
{
    size_t *fields = arena_new_array(binding->binder->arena, size_t, names.len);
    bool is_complete = true;
    for (size_t i = 0; i < names.len; i++) {
        ptrdiff_t at = tableschema_find(binding->schema, names.at[i]);
        if (at < 0)
            tell_no_field(binding, name_node(node, i), noun, names.at[i]);
        is_complete = is_complete && at >= 0;
        fields[i] = at < 0 ? 0 : (size_t)at;
        for (size_t k = 0; k < i && at >= 0; k++)
            if (str_equal(names.at[k], names.at[i])) {
                binder_error(binding->binder, name_node(node, i), "%s names '%.*s' twice", noun,
                             STR_FMT(names.at[i]));
                is_complete = false;
            }
    }
    if (is_complete)
        *ret = (struct schema_key){fields, names.len};
    return is_complete;
}

static bool bind_key(struct schema_binding *binding, const struct doc_node *node, const char *noun,
                     struct schema_key *ret)
{
    struct text_list names = {0};
    return key_names(binding, node, &names) && resolve_names(binding, node, noun, names, ret);
}

/* An empty list is no key: published schemas have it. */
static void bind_primary(struct schema_binding *binding, const struct doc_node *node)
{
    bool is_empty =
        (node->kind == DOC_LIST && !node->count) || (node->kind == DOC_STR && !node->text.len);
    if (!is_empty)
        (void)bind_key(binding, node, "'primaryKey'", &binding->schema->primary_key);
}

static void bind_unique_keys(struct schema_binding *binding, const struct doc_node *node)
{
    if (node->kind != DOC_LIST) {
        binder_expected(binding->binder, node, "a list of lists of field names");
        return;
    }
    struct schema_key *keys =
        arena_new_array(binding->binder->arena, struct schema_key, node->count);
    size_t count = 0;
    for (const struct doc_node *item = node->first; item; item = item->next)
        if (bind_key(binding, item, "'uniqueKeys'", &keys[count]))
            count++;
    binding->schema->unique_keys = keys;
    binding->schema->unique_key_count = count;
}

static const struct schema_entry reference_entries[] = {{.name = "resource"}, {.name = "fields"}};
static const struct schema_entry foreign_entries[] = {{.name = "fields"}, {.name = "reference"}};

static void check_known(struct schema_binding *binding, const struct doc_node *map,
                        const struct schema_entry *entries, size_t count)
{
    for (const struct doc_node *child = map->first; child; child = child->next) {
        const char *meant = entry_suggest(entries, count, child->key->text);
        if (meant && !entry_find(entries, count, child->key->text))
            binder_error(binding->binder, child->key,
                         "unknown key '%.*s' in a foreign key (did you mean '%s'?)",
                         STR_FMT(child->key->text), meant);
    }
}

/* The value of a key that must be there; NULL after telling so. */
static const struct doc_node *needed(struct schema_binding *binding, const struct doc_node *map,
                                     const char *name)
{
    const struct doc_node *node = doc_find(map, str_of(name));
    if (!node)
        binder_error(binding->binder, map, "'%s' is missing in a foreign key", name);
    return node;
}

/* Fields of this very table are looked for. */
static bool bind_reference(struct schema_binding *binding, const struct doc_node *node,
                           struct foreign_key *key)
{
    if (node->kind != DOC_MAP) {
        binder_expected(binding->binder, node, "a mapping");
        return false;
    }
    check_known(binding, node, reference_entries, COUNT_OF(reference_entries));
    const struct doc_node *resource = doc_find(node, STR("resource"));
    const struct doc_node *fields = needed(binding, node, "fields");
    struct schema_key found = {0};
    if (resource && !bind_text(binding, resource, &key->resource))
        return false;
    if (!fields || !key_names(binding, fields, &key->foreign))
        return false;
    return key->resource.len ||
           resolve_names(binding, fields, "a foreign key", key->foreign, &found);
}

static bool bind_foreign_key(struct schema_binding *binding, const struct doc_node *node,
                             struct foreign_key *key)
{
    if (node->kind != DOC_MAP) {
        binder_error(binding->binder, node, "a foreign key must be a mapping, found %s",
                     doc_kind_name(node->kind));
        return false;
    }
    check_known(binding, node, foreign_entries, COUNT_OF(foreign_entries));
    const struct doc_node *own = needed(binding, node, "fields");
    const struct doc_node *reference = needed(binding, node, "reference");
    key->node = node;
    bool is_own = own && bind_key(binding, own, "a foreign key", &key->own);
    bool is_reference = reference && bind_reference(binding, reference, key);
    if (is_own && is_reference && key->own.len != key->foreign.len)
        binder_error(binding->binder, reference,
                     "a foreign key of %zu fields cannot refer to %zu fields", key->own.len,
                     key->foreign.len);
    return is_own && is_reference && key->own.len == key->foreign.len;
}

static void bind_foreign_keys(struct schema_binding *binding, const struct doc_node *node)
{
    if (node->kind != DOC_LIST) {
        binder_expected(binding->binder, node, "a list of foreign keys");
        return;
    }
    struct foreign_key *keys =
        arena_new_array(binding->binder->arena, struct foreign_key, node->count);
    size_t count = 0;
    for (const struct doc_node *item = node->first; item; item = item->next)
        if (bind_foreign_key(binding, item, &keys[count]))
            count++;
        else
            keys[count] = (struct foreign_key){0};
    binding->schema->foreign_keys = keys;
    binding->schema->foreign_key_count = count;
}

void bind_keys(struct schema_binding *binding, const struct doc_node *node)
{
    const struct doc_node *primary = doc_find(node, STR("primaryKey"));
    const struct doc_node *unique = doc_find(node, STR("uniqueKeys"));
    const struct doc_node *foreign = doc_find(node, STR("foreignKeys"));
    if (primary)
        bind_primary(binding, primary);
    if (unique)
        bind_unique_keys(binding, unique);
    if (foreign)
        bind_foreign_keys(binding, foreign);
}
