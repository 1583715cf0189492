#include "mlops/codec/schema.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/template.h"

#include <stdarg.h>

#include <inttypes.h>

void binder_error(struct binder *binder, const struct doc_node *node, const char *format, ...)
{
    if (binder->errors->kept >= LIMIT_ERRORS_TOLD) {
        binder->errors->dropped++;
        return;
    }
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    error_list_add(binder->errors, doc_error(node, "%s", text.at));
}

/* " in stage 'train'", or nothing. */
static const char *spaced_where(const struct binder *binder)
{
    return binder->where.len ? str_print(binder->arena, " %.*s", STR_FMT(binder->where)).at : "";
}

/* "'cmd' in stage 'train'": what a message is about. */
static const char *subject(const struct binder *binder, const struct doc_node *node)
{
    if (!node->key)
        return str_print(binder->arena, "the value%s", spaced_where(binder)).at;
    return str_print(binder->arena, "'%.*s'%s", STR_FMT(node->key->text), spaced_where(binder)).at;
}

void binder_expected(struct binder *binder, const struct doc_node *node, const char *expected)
{
    binder_error(binder, node, "%s must be %s, found %s", subject(binder, node), expected,
                 doc_kind_name(node->kind));
}

static bool starts_with_article(struct str type)
{
    return str_starts(type, STR("a ")) || str_starts(type, STR("an ")) ||
           str_starts(type, STR("the ")) || str_starts(type, STR("one ")) ||
           str_starts(type, STR("true")) || str_starts(type, STR("any"));
}

/* "list of paths" -> "a list of paths"; enumerations stay as they are. */
static const char *with_article(struct arena *arena, const char *type)
{
    struct str text = str_of(type);
    if (!text.len || starts_with_article(text) || str_find_char(text, ',') >= 0)
        return type;
    bool vowel = memchr("aeio", text.at[0], 4);
    return str_print(arena, "%s %s", vowel ? "an" : "a", type).at;
}

static const char *choices_text(struct arena *arena, const char *const *choices)
{
    struct buf out = buf_in(arena);
    buf_add_text(&out, "one of ");
    for (size_t i = 0; choices[i]; i++)
        buf_print(&out, "%s%s", i ? ", " : "", choices[i]);
    return out.at;
}

static const char *expectation(struct arena *arena, const struct field *field)
{
    switch (field->kind) {
    case FIELD_BOOL:
        return "true or false";
    case FIELD_DURATION:
        return "a duration such as 30s, 1.5m or 2h";
    case FIELD_BYTES:
        return "a size such as 500MB or 4GiB";
    case FIELD_CHOICE:
        return choices_text(arena, field->choices);
    case FIELD_INT:
        if (field->least || field->most)
            return str_print(arena, "an integer from %" PRId64 " to %" PRId64, field->least,
                             field->most)
                .at;
        return "an integer";
    case FIELD_STR:
    case FIELD_NODE:
    case FIELD_BIND:
        break;
    }
    return field->type ? with_article(arena, field->type) : "a text";
}

static bool is_scalar(const struct doc_node *node)
{
    return node->kind != DOC_NULL && node->kind != DOC_LIST && node->kind != DOC_MAP;
}

/* Refuses a value: its kind, or, where the kind could have been right, the value itself. */
static void refuse_value(struct binder *binder, const struct field *field,
                         const struct doc_node *node, bool show_value)
{
    const char *expected = expectation(binder->arena, field);
    if (!show_value)
        binder_expected(binder, node, expected);
    else
        binder_error(binder, node, "%s must be %s, found '%.*s'", subject(binder, node), expected,
                     STR_FMT(str_slice(node->text, 0, 64)));
}

static bool take_str(const struct field *field, const struct doc_node *node, struct str *ret)
{
    bool takes = node->kind == DOC_STR || (field->flags & FIELD_PLAIN && is_scalar(node));
    if (takes)
        *ret = node->text;
    return takes;
}

static bool take_bool(const struct doc_node *node, bool *ret)
{
    if (node->kind == DOC_BOOL)
        *ret = node->truth;
    return node->kind == DOC_BOOL;
}

static bool take_int(const struct field *field, const struct doc_node *node, int64_t *ret)
{
    bool is_bounded = field->least || field->most;
    if (node->kind != DOC_INT ||
        (is_bounded && (node->integer < field->least || node->integer > field->most)))
        return false;
    *ret = node->integer;
    return true;
}

static bool take_choice(const struct field *field, const struct doc_node *node, int *ret)
{
    for (int i = 0; is_scalar(node) && field->choices[i]; i++)
        if (str_is(node->text, field->choices[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static void bind_field(struct binder *binder, const struct field *field,
                       const struct doc_node *node, void *target)
{
    void *at = (char *)target + field->offset;
    bool taken = true;
    if (binder->takes_expressions && field->kind != FIELD_NODE && node->kind == DOC_STR &&
        template_has_expression(node->text))
        return;
    switch (field->kind) {
    case FIELD_STR:
        taken = take_str(field, node, at);
        break;
    case FIELD_BOOL:
        taken = take_bool(node, at);
        break;
    case FIELD_INT:
        taken = take_int(field, node, at);
        break;
    case FIELD_DURATION:
        taken = is_scalar(node) && duration_parse(node->text, at);
        break;
    case FIELD_BYTES:
        taken = is_scalar(node) && bytes_parse(node->text, at);
        break;
    case FIELD_CHOICE:
        taken = take_choice(field, node, at);
        break;
    case FIELD_NODE:
        *(const struct doc_node **)at = node;
        break;
    case FIELD_BIND:
        field->bind(binder, node, at);
        break;
    }
    if (!taken)
        refuse_value(binder, field, node,
                     is_scalar(node) && field->kind != FIELD_BOOL && field->kind != FIELD_STR);
}

static const struct field *find_field(const struct schema *schema, struct str name)
{
    for (size_t i = 0; i < schema->count; i++) {
        const char *known = schema->fields[i].name;
        if (name.len && known[0] == name.at[0] && str_is(name, known))
            return &schema->fields[i];
    }
    return NULL;
}

/* Why a known field must not stand here; tells it and gives true. */
static bool is_refused(struct binder *binder, const struct field *field,
                       const struct doc_node *node)
{
    bool is_dvc = node->doc->dialect == DOC_DVC;
    const char *reason = NULL;
    const char *hint = field->help;
    if (field->flags & FIELD_NATIVE_ONLY && is_dvc) {
        reason = "is not part of DVC's language";
        hint = "rename the file to use this (any name but dvc.yaml, such as pipeline.yaml)";
    } else if (field->flags & FIELD_DVC_ONLY && !is_dvc) {
        reason = "works only in dvc.yaml";
        hint = "remove it";
    } else if (field->flags & FIELD_LATER)
        reason = (field->flags & FIELD_GONE) == FIELD_GONE ? "is no longer part of the language"
                                                           : "cannot be used yet";
    if (!reason)
        return false;
    error_list_add(binder->errors,
                   error_hint(doc_error(node->key, "%s %s", subject(binder, node), reason), "%s",
                              hint ? hint : "remove it"));
    return true;
}

static int edits_allowed(struct str name)
{
    int third = (int)(MIN_OF(name.len, (size_t)LIMIT_KEY_BYTES) / 3);
    return third < 1 ? 1 : MIN_OF(third, 3);
}

/* Keeps `candidate` in *best if it is nearer to `name` than *edits. */
static void consider(struct str name, const char *candidate, int *edits, const char **best)
{
    int distance = str_distance(name, str_of(candidate));
    if (distance < *edits) {
        *edits = distance;
        *best = candidate;
    }
}

const char *schema_suggest(struct str name, const char *const *names, size_t count)
{
    const char *best = NULL;
    int edits = edits_allowed(name) + 1;
    for (size_t i = 0; i < count; i++)
        consider(name, names[i], &edits, &best);
    return best;
}

/* Keeps `candidate` in *best if it begins like `name` for more than *shared bytes. */
static void consider_beginning(struct str name, const char *candidate, size_t *shared,
                               const char **best)
{
    size_t same = 0;
    while (same < name.len && candidate[same] && candidate[same] == name.at[same])
        same++;
    if (same > *shared) {
        *shared = same;
        *best = candidate;
    }
}

/* The nearest key; else one that begins alike: "depends" means deps, "outputs" means outs. */
static const char *suggest_field(const struct schema *schema, const struct doc_node *key)
{
    const char *nearest = NULL, *alike = NULL;
    int edits = edits_allowed(key->text) + 1;
    size_t shared = 2;
    unsigned refused = key->doc->dialect == DOC_DVC ? FIELD_NATIVE_ONLY : FIELD_DVC_ONLY;
    for (size_t i = 0; i < schema->count; i++) {
        if (schema->fields[i].flags & (refused | FIELD_LATER))
            continue;
        consider(key->text, schema->fields[i].name, &edits, &nearest);
        consider_beginning(key->text, schema->fields[i].name, &shared, &alike);
    }
    return nearest ? nearest : alike;
}

/* " in stage 'train'", " in 'retries'" or " in the pipeline". */
static const char *place_of_key(const struct binder *binder, const struct schema *schema,
                                const struct doc_node *map)
{
    if (binder->where.len)
        return spaced_where(binder);
    if (map->key)
        return str_print(binder->arena, " in '%.*s'", STR_FMT(map->key->text)).at;
    return str_print(binder->arena, " in the %s", schema->noun).at;
}

static void tell_unknown(struct binder *binder, const struct schema *schema,
                         const struct doc_node *map, const struct doc_node *key)
{
    const char *place = place_of_key(binder, schema, map);
    const char *suggestion = suggest_field(schema, key);
    struct str shown = str_slice(key->text, 0, (size_t)LIMIT_NAME_BYTES);
    if (suggestion)
        binder_error(binder, key, "unknown key '%.*s'%s (did you mean '%s'?)", STR_FMT(shown),
                     place, suggestion);
    else
        binder_error(binder, key, "unknown key '%.*s'%s", STR_FMT(shown), place);
}

static void bind_child(struct binder *binder, const struct schema *schema,
                       const struct doc_node *map, const struct doc_node *child, void *target)
{
    const struct field *field = find_field(schema, child->key->text);
    if (field) {
        if (!is_refused(binder, field, child))
            bind_field(binder, field, child, target);
    } else if (!schema->allows_x_keys || child->doc->dialect == DOC_DVC ||
               !str_starts(child->key->text, STR("x-")))
        tell_unknown(binder, schema, map, child->key);
}

static void check_required(struct binder *binder, const struct schema *schema,
                           const struct doc_node *map)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct field *field = &schema->fields[i];
        if (field->flags & FIELD_REQUIRED && !doc_find(map, str_of(field->name)))
            binder_error(binder, map, "'%s' is missing%s", field->name,
                         place_of_key(binder, schema, map));
    }
}

/* "stage 'train' must be a mapping, found a list". */
static void tell_no_mapping(struct binder *binder, const struct schema *schema,
                            const struct doc_node *node)
{
    struct str own = str_print(binder->arena, "in %s ", schema->noun);
    const char *found = doc_kind_name(node->kind);
    if (str_starts(binder->where, own))
        binder_error(binder, node, "%.*s must be a mapping, found %s",
                     STR_FMT(str_slice(binder->where, 3, binder->where.len)), found);
    else
        binder_error(binder, node, "the %s%s must be a mapping, found %s", schema->noun,
                     spaced_where(binder), found);
}

void schema_bind(struct binder *binder, const struct schema *schema, struct str where,
                 const struct doc_node *map, void *target)
{
    struct str outer = binder->where;
    binder->where = where;
    if (map->kind == DOC_MAP) {
        for (const struct doc_node *child = map->first; child; child = child->next)
            bind_child(binder, schema, map, child, target);
        check_required(binder, schema, map);
    } else
        tell_no_mapping(binder, schema, map);
    binder->where = outer;
}
