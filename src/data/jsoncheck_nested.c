#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"

#include "jsoncheck_private.h"

static bool is_schema(const struct doc_node *node)
{
    return node && (node->kind == DOC_MAP || node->kind == DOC_BOOL);
}

/* Items from *item on, one by one, by the schemas of a list; moves *item behind them. */
static bool accept_first(struct json_look *look, const struct doc_node *schemas,
                         const struct doc_node **item)
{
    for (const struct doc_node *schema = schemas->first; schema && *item;
         schema = schema->next, *item = (*item)->next)
        if (!json_look_at(look, schema, *item))
            return false;
    return true;
}

static bool accept_rest(struct json_look *look, const struct doc_node *schema,
                        const struct doc_node *item)
{
    for (; is_schema(schema) && item; item = item->next)
        if (!json_look_at(look, schema, item))
            return false;
    return true;
}

static bool accepts_items(struct json_look *look, const struct doc_node *schema,
                          const struct doc_node *keyword, const struct doc_node *value)
{
    const struct doc_node *item = value->kind == DOC_LIST ? value->first : NULL;
    const struct doc_node *prefix = json_member(schema, "prefixItems");
    if (keyword->kind == DOC_LIST)
        return accept_first(look, keyword, &item) &&
               accept_rest(look, json_member(schema, "additionalItems"), item);
    for (size_t i = 0; prefix && prefix->kind == DOC_LIST && i < prefix->count && item; i++)
        item = item->next;
    return accept_rest(look, keyword, item);
}

static bool accepts_prefix(struct json_look *look, const struct doc_node *schema,
                           const struct doc_node *keyword, const struct doc_node *value)
{
    const struct doc_node *item = value->kind == DOC_LIST ? value->first : NULL;
    (void)schema;
    return keyword->kind != DOC_LIST || accept_first(look, keyword, &item);
}

static bool accepts_contains(struct json_look *look, const struct doc_node *schema,
                             const struct doc_node *keyword, const struct doc_node *value)
{
    const struct doc_node *least = json_member(schema, "minContains");
    const struct doc_node *most = json_member(schema, "maxContains");
    int64_t found = 0;
    if (value->kind != DOC_LIST)
        return true;
    for (const struct doc_node *item = value->first; item; item = item->next)
        found += json_look_at(look, keyword, item);
    return found >= (least && least->kind == DOC_INT ? least->integer : 1) &&
           (!most || most->kind != DOC_INT || found <= most->integer);
}

static bool counts_to(const struct doc_node *keyword, const struct doc_node *value,
                      enum doc_kind kind, bool is_least)
{
    int64_t count = (int64_t)value->count;
    if (value->kind != kind || keyword->kind != DOC_INT)
        return true;
    return is_least ? count >= keyword->integer : count <= keyword->integer;
}

static bool accepts_min_items(struct json_look *look, const struct doc_node *schema,
                              const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return counts_to(keyword, value, DOC_LIST, true);
}

static bool accepts_max_items(struct json_look *look, const struct doc_node *schema,
                              const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return counts_to(keyword, value, DOC_LIST, false);
}

static bool accepts_unique(struct json_look *look, const struct doc_node *schema,
                           const struct doc_node *keyword, const struct doc_node *value)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map seen = {0};
    (void)look;
    (void)schema;
    if (value->kind != DOC_LIST || keyword->kind != DOC_BOOL || !keyword->truth)
        return true;
    for (const struct doc_node *item = value->first; item; item = item->next) {
        struct buf key = buf_in(&scratch);
        doc_encode(item, &scratch, &key);
        if (map_put(&scratch, &seen, buf_str(&key), &seen))
            return false;
    }
    return true;
}

const struct json_keyword json_list_keywords[] = {
    {"items", accepts_items},
    {"prefixItems", accepts_prefix},
    {"contains", accepts_contains},
    {"minItems", accepts_min_items},
    {"maxItems", accepts_max_items},
    {"uniqueItems", accepts_unique},
    {0},
};

static const struct doc_node *find_key(const struct doc_node *map, struct str key)
{
    for (const struct doc_node *child = map && map->kind == DOC_MAP ? map->first : NULL; child;
         child = child->next)
        if (str_equal(child->key->text, key))
            return child;
    return NULL;
}

static bool accepts_properties(struct json_look *look, const struct doc_node *schema,
                               const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    if (value->kind != DOC_MAP || keyword->kind != DOC_MAP)
        return true;
    for (const struct doc_node *property = keyword->first; property; property = property->next) {
        const struct doc_node *member = find_key(value, property->key->text);
        if (member && !json_look_at(look, property, member))
            return false;
    }
    return true;
}

static bool accepts_named(struct json_look *look, const struct doc_node *schema,
                          const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    if (value->kind != DOC_MAP || keyword->kind != DOC_MAP)
        return true;
    for (const struct doc_node *member = value->first; member; member = member->next)
        for (const struct doc_node *item = keyword->first; item; item = item->next)
            if (json_pattern_matches(look, item->key, member->key->text) &&
                !json_look_at(look, item, member))
                return false;
    return !look->error;
}

static bool is_described(struct json_look *look, const struct doc_node *schema, struct str key)
{
    const struct doc_node *patterns = json_member(schema, "patternProperties");
    if (find_key(json_member(schema, "properties"), key))
        return true;
    for (const struct doc_node *item = patterns && patterns->kind == DOC_MAP ? patterns->first
                                                                             : NULL;
         item; item = item->next)
        if (json_pattern_matches(look, item->key, key))
            return true;
    return false;
}

static bool accepts_additional(struct json_look *look, const struct doc_node *schema,
                               const struct doc_node *keyword, const struct doc_node *value)
{
    if (value->kind != DOC_MAP || !is_schema(keyword))
        return true;
    for (const struct doc_node *member = value->first; member; member = member->next)
        if (!is_described(look, schema, member->key->text) && !json_look_at(look, keyword, member))
            return false;
    return true;
}

static bool has_all(const struct doc_node *names, const struct doc_node *value)
{
    for (const struct doc_node *name = names->kind == DOC_LIST ? names->first : NULL; name;
         name = name->next)
        if (!find_key(value, name->text))
            return false;
    return true;
}

static bool accepts_required(struct json_look *look, const struct doc_node *schema,
                             const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return value->kind != DOC_MAP || has_all(keyword, value);
}

static bool accepts_dependent(struct json_look *look, const struct doc_node *schema,
                              const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    if (value->kind != DOC_MAP || keyword->kind != DOC_MAP)
        return true;
    for (const struct doc_node *item = keyword->first; item; item = item->next)
        if (find_key(value, item->key->text) &&
            !(is_schema(item) ? json_look_at(look, item, value) : has_all(item, value)))
            return false;
    return true;
}

static bool accepts_names(struct json_look *look, const struct doc_node *schema,
                          const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    if (value->kind != DOC_MAP)
        return true;
    for (const struct doc_node *member = value->first; member; member = member->next)
        if (!json_look_at(look, keyword, member->key))
            return false;
    return true;
}

static bool accepts_min_properties(struct json_look *look, const struct doc_node *schema,
                                   const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return counts_to(keyword, value, DOC_MAP, true);
}

static bool accepts_max_properties(struct json_look *look, const struct doc_node *schema,
                                   const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return counts_to(keyword, value, DOC_MAP, false);
}

const struct json_keyword json_map_keywords[] = {
    {"properties", accepts_properties},
    {"patternProperties", accepts_named},
    {"additionalProperties", accepts_additional},
    {"required", accepts_required},
    {"dependentRequired", accepts_dependent},
    {"dependentSchemas", accepts_dependent},
    {"dependencies", accepts_dependent},
    {"propertyNames", accepts_names},
    {"minProperties", accepts_min_properties},
    {"maxProperties", accepts_max_properties},
    {0},
};

static size_t accepted_by(struct json_look *look, const struct doc_node *schemas,
                          const struct doc_node *value)
{
    size_t count = 0;
    for (const struct doc_node *schema = schemas->first; schema; schema = schema->next)
        count += json_look_at(look, schema, value);
    return count;
}

static bool accepts_all(struct json_look *look, const struct doc_node *schema,
                        const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    return keyword->kind != DOC_LIST || accepted_by(look, keyword, value) == keyword->count;
}

static bool accepts_any(struct json_look *look, const struct doc_node *schema,
                        const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    return keyword->kind != DOC_LIST || accepted_by(look, keyword, value) > 0;
}

static bool accepts_one(struct json_look *look, const struct doc_node *schema,
                        const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    return keyword->kind != DOC_LIST || accepted_by(look, keyword, value) == 1;
}

static bool accepts_not(struct json_look *look, const struct doc_node *schema,
                        const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    return !is_schema(keyword) || !json_look_at(look, keyword, value);
}

static bool accepts_if(struct json_look *look, const struct doc_node *schema,
                       const struct doc_node *keyword, const struct doc_node *value)
{
    const char *name = json_look_at(look, keyword, value) ? "then" : "else";
    const struct doc_node *branch = json_member(schema, name);
    return !branch || json_look_at(look, branch, value);
}

static bool accepts_ref(struct json_look *look, const struct doc_node *schema,
                        const struct doc_node *keyword, const struct doc_node *value)
{
    const struct json_part *part = json_part_find(look->check, keyword);
    (void)schema;
    return !part || !part->target || json_look_at(look, part->target, value);
}

const struct json_keyword json_joint_keywords[] = {
    {"allOf", accepts_all},
    {"anyOf", accepts_any},
    {"oneOf", accepts_one},
    {"not", accepts_not},
    {"if", accepts_if},
    {"$ref", accepts_ref},
    {0},
};
