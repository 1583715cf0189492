#include <math.h>
#include <stdlib.h>

#include "jsoncheck_private.h"

bool json_is_number(const struct doc_node *node)
{
    return node->kind == DOC_INT || node->kind == DOC_BIGINT || node->kind == DOC_REAL;
}

static long double number_of(const struct doc_node *node)
{
    if (node->kind == DOC_INT)
        return (long double)node->integer;
    return node->kind == DOC_REAL ? (long double)node->real : strtold(node->text.at, NULL);
}

int json_compare(const struct doc_node *a, const struct doc_node *b)
{
    long double left = number_of(a), right = number_of(b);
    return left < right ? -1 : left > right;
}

static bool lists_equal(const struct doc_node *a, const struct doc_node *b)
{
    const struct doc_node *left = a->first, *right = b->first;
    for (; left && right; left = left->next, right = right->next)
        if (!json_equal(left, right))
            return false;
    return !left && !right;
}

static const struct doc_node *same_key(const struct doc_node *map, struct str key)
{
    for (const struct doc_node *child = map->first; child; child = child->next)
        if (str_equal(child->key->text, key))
            return child;
    return NULL;
}

static bool maps_equal(const struct doc_node *a, const struct doc_node *b)
{
    if (a->count != b->count)
        return false;
    for (const struct doc_node *child = a->first; child; child = child->next) {
        const struct doc_node *other = same_key(b, child->key->text);
        if (!other || !json_equal(child, other))
            return false;
    }
    return true;
}

bool json_equal(const struct doc_node *a, const struct doc_node *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_compare(a, b) == 0;
    if (a->kind != b->kind)
        return false;
    if (a->kind == DOC_LIST)
        return lists_equal(a, b);
    if (a->kind == DOC_MAP)
        return maps_equal(a, b);
    return a->kind == DOC_NULL ||
           (a->kind == DOC_BOOL ? a->truth == b->truth : str_equal(a->text, b->text));
}

static bool is_integral(const struct doc_node *value)
{
    return value->kind == DOC_INT || value->kind == DOC_BIGINT ||
           (value->kind == DOC_REAL && value->real == floor(value->real));
}

static bool is_of(const struct doc_node *value, struct str type)
{
    static const struct {
        const char *name;
        enum doc_kind kind;
    } kinds[] = {{"null", DOC_NULL},
                 {"boolean", DOC_BOOL},
                 {"string", DOC_STR},
                 {"array", DOC_LIST},
                 {"object", DOC_MAP}};
    if (str_is(type, "integer"))
        return is_integral(value);
    if (str_is(type, "number"))
        return json_is_number(value);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_is(type, kinds[i].name))
            return value->kind == kinds[i].kind;
    return true;
}

static bool accepts_type(struct json_look *look, const struct doc_node *schema,
                         const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    if (keyword->kind != DOC_LIST)
        return keyword->kind != DOC_STR || is_of(value, keyword->text);
    for (const struct doc_node *item = keyword->first; item; item = item->next)
        if (is_of(value, item->text))
            return true;
    return false;
}

static bool accepts_enum(struct json_look *look, const struct doc_node *schema,
                         const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    if (keyword->kind != DOC_LIST)
        return true;
    for (const struct doc_node *item = keyword->first; item; item = item->next)
        if (json_equal(item, value))
            return true;
    return false;
}

static bool accepts_const(struct json_look *look, const struct doc_node *schema,
                          const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return json_equal(keyword, value);
}

static bool is_draft4_exclusive(const struct doc_node *schema, const char *name)
{
    const struct doc_node *node = json_member(schema, name);
    return node && node->kind == DOC_BOOL && node->truth;
}

static bool accepts_minimum(struct json_look *look, const struct doc_node *schema,
                            const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    if (!json_is_number(keyword) || !json_is_number(value))
        return true;
    int order = json_compare(value, keyword);
    return order > 0 || (order == 0 && !is_draft4_exclusive(schema, "exclusiveMinimum"));
}

static bool accepts_maximum(struct json_look *look, const struct doc_node *schema,
                            const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    if (!json_is_number(keyword) || !json_is_number(value))
        return true;
    int order = json_compare(value, keyword);
    return order < 0 || (order == 0 && !is_draft4_exclusive(schema, "exclusiveMaximum"));
}

static bool accepts_above(struct json_look *look, const struct doc_node *schema,
                          const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return !json_is_number(keyword) || !json_is_number(value) || json_compare(value, keyword) > 0;
}

static bool accepts_below(struct json_look *look, const struct doc_node *schema,
                          const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return !json_is_number(keyword) || !json_is_number(value) || json_compare(value, keyword) < 0;
}

/* Decimals have no exact quotient: one within 1e-9 of a whole number counts. */
static bool accepts_multiple(struct json_look *look, const struct doc_node *schema,
                             const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    if (!json_is_number(keyword) || !json_is_number(value))
        return true;
    if (keyword->kind == DOC_INT && value->kind == DOC_INT && keyword->integer > 0)
        return value->integer % keyword->integer == 0;
    long double quotient = number_of(value) / number_of(keyword);
    return fabsl(quotient - roundl(quotient)) < 1e-9L;
}

static int64_t length_of(struct str text)
{
    int64_t length = 0;
    for (size_t i = 0; i < text.len; i++)
        length += (text.at[i] & 0xc0) != 0x80;
    return length;
}

static bool accepts_min_length(struct json_look *look, const struct doc_node *schema,
                               const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return value->kind != DOC_STR || keyword->kind != DOC_INT ||
           length_of(value->text) >= keyword->integer;
}

static bool accepts_max_length(struct json_look *look, const struct doc_node *schema,
                               const struct doc_node *keyword, const struct doc_node *value)
{
    (void)look;
    (void)schema;
    return value->kind != DOC_STR || keyword->kind != DOC_INT ||
           length_of(value->text) <= keyword->integer;
}

static bool accepts_pattern(struct json_look *look, const struct doc_node *schema,
                            const struct doc_node *keyword, const struct doc_node *value)
{
    (void)schema;
    return value->kind != DOC_STR || json_pattern_matches(look, keyword, value->text);
}

const struct json_keyword json_scalar_keywords[] = {
    {"type", accepts_type},
    {"enum", accepts_enum},
    {"const", accepts_const},
    {"minimum", accepts_minimum},
    {"maximum", accepts_maximum},
    {"exclusiveMinimum", accepts_above},
    {"exclusiveMaximum", accepts_below},
    {"multipleOf", accepts_multiple},
    {"minLength", accepts_min_length},
    {"maxLength", accepts_max_length},
    {"pattern", accepts_pattern},
    {0},
};
