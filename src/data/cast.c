#include "cast_private.h"

static const struct str usual_true[] = {STR_ROW("true"), STR_ROW("True"), STR_ROW("TRUE"),
                                        STR_ROW("1")};
static const struct str usual_false[] = {STR_ROW("false"), STR_ROW("False"), STR_ROW("FALSE"),
                                         STR_ROW("0")};

static bool is_one_of(struct text_list words, struct str text)
{
    for (size_t i = 0; i < words.len; i++)
        if (str_equal(words.at[i], text))
            return true;
    return false;
}

bool caster_is_missing(const struct caster *caster, struct str text)
{
    return caster->missing_lengths >> MIN_OF(text.len, 63) & 1 && is_one_of(caster->missing, text);
}

static bool parse_boolean(const struct caster *caster, struct arena *scratch, struct str text,
                          struct cast_value *ret)
{
    (void)scratch;
    bool is_true = is_one_of(caster->true_values, text);
    ret->number = is_true;
    return is_true || is_one_of(caster->false_values, text);
}

/* How texts of a type and format are read; NULL: all are valid. */
static bool (*parser_of(enum field_type type, enum field_format format))(const struct caster *,
                                                                         struct arena *, struct str,
                                                                         struct cast_value *)
{
    switch (type) {
    case TYPE_STRING:
        return format == FORMAT_EMAIL    ? parse_email
               : format == FORMAT_URI    ? parse_uri
               : format == FORMAT_UUID   ? parse_uuid
               : format == FORMAT_BINARY ? parse_binary
                                         : NULL;
    case TYPE_NUMBER:
        return parse_number;
    case TYPE_INTEGER:
        return parse_integer;
    case TYPE_BOOLEAN:
        return parse_boolean;
    case TYPE_OBJECT:
        return parse_object;
    case TYPE_ARRAY:
        return parse_array;
    case TYPE_LIST:
        return parse_list;
    case TYPE_DATETIME:
    case TYPE_DATE:
    case TYPE_TIME:
        return parse_moment;
    case TYPE_YEAR:
        return parse_year;
    case TYPE_YEARMONTH:
        return parse_yearmonth;
    case TYPE_DURATION:
        return parse_duration;
    case TYPE_GEOPOINT:
        return parse_geopoint;
    case TYPE_GEOJSON:
        return parse_geojson;
    case TYPE_ANY:
    case TYPE_COUNT:
        break;
    }
    return NULL;
}

static uint64_t lengths_of(struct text_list texts)
{
    uint64_t lengths = 0;
    for (size_t i = 0; i < texts.len; i++)
        lengths |= UINT64_C(1) << MIN_OF(texts.at[i].len, 63);
    return lengths;
}

static void take_booleans(struct caster *caster, const struct schema_field *field)
{
    caster->true_values = (struct text_list){usual_true, COUNT_OF(usual_true)};
    caster->false_values = (struct text_list){usual_false, COUNT_OF(usual_false)};
    if (field->has_boolean_values) {
        caster->true_values = field->true_values;
        caster->false_values = field->false_values;
    }
}

static void take_number(struct caster *caster, const struct schema_field *field)
{
    bool has_point = caster->type == TYPE_NUMBER && field->decimal_char.len;
    caster->decimal_char = has_point ? field->decimal_char : STR(".");
    caster->group_char = field->group_char;
    caster->is_plain =
        str_is(caster->decimal_char, ".") && !field->group_char.len && field->bare_number;
}

/* Items of a list: default formats, nothing missing. */
static struct caster *item_caster(struct arena *arena, const struct schema_field *field)
{
    struct caster *item = arena_new(arena, struct caster);
    item->field = field;
    item->type = field->item_type == TYPE_ANY ? TYPE_STRING : field->item_type;
    item->decimal_char = STR(".");
    item->is_plain = true;
    item->true_values = (struct text_list){usual_true, COUNT_OF(usual_true)};
    item->false_values = (struct text_list){usual_false, COUNT_OF(usual_false)};
    item->parse = parser_of(item->type, FORMAT_DEFAULT);
    return item;
}

FALLIBLE caster_open(struct arena *arena, const struct table_schema *schema,
                     const struct schema_field *field, struct caster **ret)
{
    struct caster *caster = arena_new(arena, struct caster);
    caster->field = field;
    caster->type = field->type;
    caster->format = field->format;
    caster->missing = field->has_missing_values ? field->missing_values : schema->missing_values;
    caster->missing_lengths = lengths_of(caster->missing);
    caster->delimiter = field->delimiter.len ? field->delimiter : STR(",");
    take_booleans(caster, field);
    take_number(caster, field);
    if (field->type == TYPE_LIST)
        caster->item = item_caster(arena, field);
    if (field->format == FORMAT_PATTERN)
        TRY_WITHIN(pattern_expand(arena, field->format_text, &caster->pattern), "field '%.*s'",
                   STR_FMT(field->name));
    caster->parse = parser_of(field->type, field->format);
    *ret = caster;
    return NULL;
}

void caster_drop(struct caster **caster)
{
    *caster = NULL; /* all of it is in the arena */
}

enum value_state cast_text(const struct caster *caster, struct str text, double *ret_number)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct cast_value value = {0};
    if (caster_is_missing(caster, text))
        return VALUE_NULL;
    if (caster->parse && !caster->parse(caster, &scratch, text, &value))
        return VALUE_BAD;
    if (ret_number)
        *ret_number = value.number;
    return VALUE_VALID;
}
