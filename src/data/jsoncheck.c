#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <stdlib.h>

#include "jsoncheck_private.h"

const struct doc_node *json_member(const struct doc_node *map, const char *name)
{
    if (!map || map->kind != DOC_MAP)
        return NULL;
    for (const struct doc_node *child = map->first; child; child = child->next)
        if (str_is(child->key->text, name))
            return child;
    return NULL;
}

static int compare_parts(const void *a, const void *b)
{
    const struct json_part *left = a, *right = b;
    return left->node < right->node ? -1 : left->node > right->node;
}

const struct json_part *json_part_find(const struct jsoncheck *check, const struct doc_node *node)
{
    struct json_part key = {.node = node};
    return check->parts.len ? bsearch(&key, check->parts.at, check->parts.len,
                                      sizeof *check->parts.at, compare_parts)
                            : NULL;
}

/* A part of a JSON pointer (RFC 6901) without its escapes. */
static struct str unescape(struct arena *arena, struct str part)
{
    struct buf out = buf_in(arena);
    buf_reserve(&out, part.len);
    for (size_t i = 0; i < part.len; i++) {
        bool is_escape = part.at[i] == '~' && i + 1 < part.len;
        buf_add_char(&out, is_escape ? (part.at[++i] == '1' ? '/' : '~') : part.at[i]);
    }
    return buf_str(&out);
}

static const struct doc_node *step_into(const struct doc_node *node, struct str part)
{
    if (node->kind == DOC_MAP)
        return json_member(node, part.len ? part.at : "");
    if (node->kind != DOC_LIST || !part.len || part.len > 6)
        return NULL;
    const struct doc_node *item = node->first;
    for (long at = strtol(part.at, NULL, 10); at > 0 && item; at--)
        item = item->next;
    return item;
}

static FALLIBLE resolve(struct jsoncheck *check, const struct doc_node *ref,
                        const struct doc_node **ret)
{
    struct str rest = ref->text, part;
    const struct doc_node *at = check->root;
    if (!str_starts(rest, STR("#")) || (rest.len > 1 && rest.at[1] != '/'))
        return error_hint(
            doc_error(ref, "'$ref' leads to '%.*s', which is not in this schema", STR_FMT(rest)),
            "put what it means below 'definitions' and write #/definitions/NAME");
    rest = str_slice(rest, 2, rest.len);
    while (ref->text.len > 1 && at && str_split(&rest, '/', &part))
        at = step_into(at, unescape(check->arena, part));
    if (!at)
        return doc_error(ref, "'$ref' leads to '%.*s', which is not there", STR_FMT(ref->text));
    *ret = at;
    return NULL;
}

static FALLIBLE add_pattern(struct jsoncheck *check, const struct doc_node *at,
                            const struct doc_node *node)
{
    struct json_part *part = vec_push(check->arena, &check->parts);
    part->node = node;
    TRY_WITHIN(pattern_open(node->text, PATTERN_WITHIN, &part->pattern), "%.*s:%d:%d",
               STR_FMT(at->doc->name), at->line, at->column);
    return NULL;
}

static FALLIBLE add_reference(struct jsoncheck *check, const struct doc_node *node)
{
    struct json_part part = {.node = node};
    TRY(resolve(check, node, &part.target));
    *vec_push(check->arena, &check->parts) = part;
    return NULL;
}

static FALLIBLE gather_named(struct jsoncheck *check, const struct doc_node *child)
{
    if (str_is(child->key->text, "pattern") && child->kind == DOC_STR)
        return add_pattern(check, child, child);
    if (str_is(child->key->text, "$ref") && child->kind == DOC_STR)
        return add_reference(check, child);
    if (str_is(child->key->text, "patternProperties") && child->kind == DOC_MAP)
        for (const struct doc_node *item = child->first; item; item = item->next)
            TRY(add_pattern(check, item, item->key));
    return NULL;
}

/* Depth is bounded by that of documents. What stands in enum, const and the like is no schema, but
 * a text that looks like one there does no harm unless it is wrong. */
static FALLIBLE gather(struct jsoncheck *check, const struct doc_node *node)
{
    if (node->kind != DOC_MAP && node->kind != DOC_LIST)
        return NULL;
    for (const struct doc_node *child = node->first; child; child = child->next) {
        bool is_data =
            child->key &&
            (str_is(child->key->text, "enum") || str_is(child->key->text, "const") ||
             str_is(child->key->text, "default") || str_is(child->key->text, "examples"));
        if (is_data)
            continue;
        if (child->key)
            TRY(gather_named(check, child));
        TRY(gather(check, child));
    }
    return NULL;
}

FALLIBLE jsoncheck_open(struct arena *arena, const struct doc_node *schema, struct jsoncheck **ret)
{
    AUTO(jsoncheck_drop) struct jsoncheck *check = arena_new(arena, struct jsoncheck);
    check->arena = arena;
    check->root = schema;
    TRY(gather(check, schema));
    vec_sort(&check->parts, compare_parts);
    *ret = check;
    check = NULL;
    return NULL;
}

void jsoncheck_drop(struct jsoncheck **check)
{
    if (!*check)
        return;
    vec_each (struct json_part, part, &(*check)->parts)
        pattern_drop(&part->pattern);
    *check = NULL;
}

bool json_pattern_matches(struct json_look *look, const struct doc_node *node, struct str text)
{
    const struct json_part *part = json_part_find(look->check, node);
    bool is_match = false;
    if (!part || !part->pattern || look->error)
        return !look->error;
    look->error = pattern_matches(part->pattern, look->room, text, false, &is_match);
    return !look->error && is_match;
}

static const struct json_keyword *find_keyword(struct str name)
{
    static const struct json_keyword *const tables[] = {json_scalar_keywords, json_list_keywords,
                                                        json_map_keywords, json_joint_keywords};
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        for (const struct json_keyword *keyword = tables[i]; keyword->name; keyword++)
            if (str_is(name, keyword->name))
                return keyword;
    return NULL;
}

static bool all_accept(struct json_look *look, const struct doc_node *schema,
                       const struct doc_node *value)
{
    for (const struct doc_node *child = schema->first; child; child = child->next) {
        const struct json_keyword *keyword = find_keyword(child->key->text);
        if (keyword && !keyword->accepts(look, schema, child, value))
            return false;
    }
    return true;
}

bool json_look_at(struct json_look *look, const struct doc_node *schema,
                  const struct doc_node *value)
{
    bool is_accepted = true;
    if (look->error)
        return false;
    if (look->depth == JSON_CHECK_DEPTH || look->steps++ == LIMIT_JSON_CHECK_STEPS) {
        look->error = error_hint(doc_error(schema, "a value takes more than %lld steps here",
                                           (long long)LIMIT_JSON_CHECK_STEPS),
                                 "does a '$ref' lead back to where it stands?");
        return false;
    }
    look->depth++;
    if (schema->kind == DOC_BOOL)
        is_accepted = schema->truth;
    else if (schema->kind == DOC_MAP)
        is_accepted = all_accept(look, schema, value);
    look->depth--;
    return is_accepted;
}

FALLIBLE jsoncheck_accepts(const struct jsoncheck *check, struct pattern_room *room,
                           const struct doc_node *value, bool *ret)
{
    struct json_look look = {.check = check, .room = room};
    bool is_accepted = json_look_at(&look, check->root, value);
    if (look.error)
        return look.error;
    *ret = is_accepted;
    return NULL;
}
