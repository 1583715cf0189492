#define PCRE2_CODE_UNIT_WIDTH 8

#include "mlops/base/arena.h"
#include "mlops/data/cast.h"

#include <pcre2.h>

#include "tableschema_private.h"

/* Where a constraint of the field stands; `index` counts the items of a list. */
static const struct doc_node *place_of(const struct schema_field *field, const char *name,
                                       size_t index)
{
    const struct doc_node *node = doc_find(doc_find(field->node, STR("constraints")), str_of(name));
    if (!node)
        node = doc_find(field->node, str_of(name));
    const struct doc_node *item = node && node->kind == DOC_LIST ? node->first : NULL;
    for (; item && (index || item->kind == DOC_NULL); item = item->next)
        index -= item->kind != DOC_NULL;
    return item ? item : node ? node : field->node;
}

static void check_value(struct schema_binding *binding, const struct caster *caster,
                        const struct schema_field *field, const char *name, size_t index,
                        const struct constraint_value *value)
{
    if (cast_text(caster, value->text, NULL) != VALUE_BAD)
        return;
    binder_error(binding->binder, place_of(field, name, index),
                 "'%s' of field '%.*s' holds '%.*s', which is not of its type (%s)", name,
                 STR_FMT(field->name), STR_FMT(str_slice(value->text, 0, 64)),
                 field_type_name(field->type));
}

static void check_bound(struct schema_binding *binding, const struct caster *caster,
                        const struct schema_field *field, const char *name,
                        const struct constraint_value *value)
{
    if (!value->is_given)
        return;
    if (cast_text(caster, value->text, NULL) == VALUE_NULL)
        binder_error(binding->binder, place_of(field, name, 0),
                     "'%s' of field '%.*s' is a missing value", name, STR_FMT(field->name));
    else
        check_value(binding, caster, field, name, 0, value);
}

static void check_listed(struct schema_binding *binding, const struct caster *caster,
                         const struct schema_field *field, const char *name,
                         const struct constraint_values *values)
{
    for (size_t i = 0; i < values->len; i++)
        check_value(binding, caster, field, name, i, &values->at[i]);
}

/* A pair of bounds that no value fits between. */
static void check_order(struct schema_binding *binding, const struct caster *caster,
                        const struct schema_field *field, const char *names[2],
                        const struct constraint_value *least, const struct constraint_value *most)
{
    if (!least->is_given || !most->is_given ||
        cast_text(caster, least->text, NULL) != VALUE_VALID ||
        cast_text(caster, most->text, NULL) != VALUE_VALID ||
        cast_compare(caster, least->text, most->text) <= 0)
        return;
    binder_error(binding->binder, place_of(field, names[1], 0),
                 "'%s' of field '%.*s' is below its '%s': no value would pass", names[1],
                 STR_FMT(field->name), names[0]);
}

static void check_lengths(struct schema_binding *binding, const struct schema_field *field)
{
    if (field->has_min_length && field->has_max_length && field->min_length > field->max_length)
        binder_error(binding->binder, place_of(field, "maxLength", 0),
                     "'maxLength' of field '%.*s' is below its 'minLength': no value would pass",
                     STR_FMT(field->name));
}

static void check_pattern(struct schema_binding *binding, const struct schema_field *field)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    PCRE2_UCHAR words[256] = "";
    AUTO(arena_drop) struct arena scratch = {0};
    struct str pattern = tableschema_pattern(&scratch, field->pattern);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)(pattern.at ? pattern.at : ""), pattern.len,
                                         PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
    if (compiled) {
        pcre2_code_free(compiled);
        return;
    }
    (void)pcre2_get_error_message(code, words, sizeof words);
    binder_error(binding->binder, place_of(field, "pattern", 0),
                 "'pattern' of field '%.*s' is no regular expression: %s (at character %zu)",
                 STR_FMT(field->name), (const char *)words, (size_t)at + 1);
}

static void check_values(struct schema_binding *binding, const struct caster *caster,
                         const struct schema_field *field)
{
    check_bound(binding, caster, field, "minimum", &field->minimum);
    check_bound(binding, caster, field, "maximum", &field->maximum);
    check_bound(binding, caster, field, "exclusiveMinimum", &field->exclusive_minimum);
    check_bound(binding, caster, field, "exclusiveMaximum", &field->exclusive_maximum);
    check_listed(binding, caster, field, "enum", &field->allowed);
    check_listed(binding, caster, field, "categories", &field->categories);
    check_order(binding, caster, field, (const char *[]){"minimum", "maximum"}, &field->minimum,
                &field->maximum);
}

/* Casting what stands in a faulty format would only repeat its error. */
void check_constraints(struct schema_binding *binding, const struct schema_field *field)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(caster_drop) struct caster *caster = NULL;
    struct error *error = caster_open(&scratch, binding->schema, field, &caster);
    check_lengths(binding, field);
    if (field->has_pattern)
        check_pattern(binding, field);
    if (caster)
        check_values(binding, caster, field);
    if (error) {
        const struct doc_node *format = doc_find(field->node, STR("format"));
        binder_error(binding->binder, format ? format : field->node, "%s of field '%.*s'",
                     error->cause ? error->cause->text : error->text, STR_FMT(field->name));
    }
    error_drop(error);
}
