#include "mlops/base/limits.h"

#include "conform_private.h"

struct str shown_text(struct str text)
{
    size_t len = MIN_OF(text.len, (size_t)LIMIT_SHOWN_BYTES);
    while (len < text.len && len > 0 && (text.at[len] & 0xc0) == 0x80)
        len--;
    return (struct str){text.at, len};
}

static const char *type_words(enum field_type type)
{
    static const char *const words[TYPE_COUNT] = {
        [TYPE_ANY] = "anything",
        [TYPE_STRING] = "text",
        [TYPE_NUMBER] = "a number",
        [TYPE_INTEGER] = "an integer",
        [TYPE_BOOLEAN] = "true or false",
        [TYPE_OBJECT] = "a JSON object",
        [TYPE_ARRAY] = "a JSON array",
        [TYPE_LIST] = "a list",
        [TYPE_DATETIME] = "a date and time, like 2024-05-17T08:30:00Z",
        [TYPE_DATE] = "a date, like 2024-05-17",
        [TYPE_TIME] = "a time, like 08:30:00",
        [TYPE_YEAR] = "a year, like 2024",
        [TYPE_YEARMONTH] = "a month, like 2024-05",
        [TYPE_DURATION] = "a duration, like P1DT12H",
        [TYPE_GEOPOINT] = "a place, like 90.50, 45.50",
        [TYPE_GEOJSON] = "a GeoJSON object",
    };
    return words[type];
}

static struct str text_words(enum field_format format)
{
    if (format == FORMAT_EMAIL)
        return STR("an email address");
    if (format == FORMAT_URI)
        return STR("a URI");
    if (format == FORMAT_BINARY)
        return STR("base64");
    return format == FORMAT_UUID ? STR("a UUID") : STR("text");
}

static struct str boolean_words(struct arena *arena, const struct schema_field *field)
{
    struct buf out = buf_in(arena);
    const struct text_list *lists[] = {&field->true_values, &field->false_values};
    if (!field->has_boolean_values)
        return str_of(type_words(TYPE_BOOLEAN));
    buf_add_text(&out, "one of ");
    for (size_t i = 0, told = 0; i < COUNT_OF(lists); i++)
        for (size_t j = 0; j < lists[i]->len && told < 10; j++, told++)
            buf_print(&out, "%s%.*s", told ? ", " : "", STR_FMT(shown_text(lists[i]->at[j])));
    return buf_str(&out);
}

struct str expected_type(struct arena *arena, const struct schema_field *field)
{
    if (field->type == TYPE_STRING)
        return text_words(field->format);
    if (field->type == TYPE_BOOLEAN)
        return boolean_words(arena, field);
    if (field->type == TYPE_LIST)
        return str_print(arena, "a list of %s values", field_type_name(field->item_type));
    if (field->format == FORMAT_PATTERN)
        return str_print(arena, "a %s as '%.*s'", field_type_name(field->type),
                         STR_FMT(field->format_text));
    if (field->format == FORMAT_ANY)
        return str_print(arena, "a %s", field_type_name(field->type));
    return str_of(type_words(field->type));
}

struct str expected_values(struct arena *arena, const struct constraint_values *values)
{
    enum { TOLD = 10 };
    struct buf out = buf_in(arena);
    buf_add_text(&out, values->len == 1 ? "" : "one of ");
    for (size_t i = 0; i < values->len && i < TOLD; i++)
        buf_print(&out, "%s%.*s", i ? ", " : "", STR_FMT(shown_text(values->at[i].text)));
    if (values->len > TOLD)
        buf_print(&out, ", ... (%zu values)", values->len);
    return buf_str(&out);
}
