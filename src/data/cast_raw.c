/* Cells of JSON files that are no strings. */
#include "cast_private.h"

/* The digits of an integral decimal like 1.0 or 2e3 as an integer; beyond int64 the nearest end. */
static int64_t whole_value(const struct decimal *decimal)
{
    size_t count = decimal->whole.len + decimal->fraction.len;
    uint64_t value = 0;
    if (decimal->exponent > 19)
        return decimal->is_negative ? INT64_MIN : INT64_MAX;
    for (size_t i = 0; i < (size_t)decimal->exponent && count; i++) {
        char c = '0';
        if (i < count)
            c = i < decimal->whole.len ? decimal->whole.at[i]
                                       : decimal->fraction.at[i - decimal->whole.len];
        value = value * 10 + (uint64_t)(c - '0');
    }
    if (value > (uint64_t)INT64_MAX)
        return decimal->is_negative ? INT64_MIN : INT64_MAX;
    return decimal->is_negative ? -(int64_t)value : (int64_t)value;
}

static bool raw_integer(struct str text, struct cast_value *ret)
{
    struct decimal decimal = {0};
    if (integer_parse(text, ret))
        return true;
    if (!decimal_read(text, &decimal) || !decimal_is_integral(&decimal))
        return false;
    ret->integer = whole_value(&decimal);
    return number_parse(text, &ret->number);
}

static bool raw_number(const struct caster *caster, struct arena *scratch, struct str text,
                       struct cast_value *ret)
{
    switch ((int)caster->type) {
    case TYPE_ANY:
        return true;
    case TYPE_NUMBER:
        return number_parse(text, &ret->number);
    case TYPE_INTEGER:
        return raw_integer(text, ret);
    case TYPE_YEAR:
        return parse_year(caster, scratch, text, ret);
    default:
        return false;
    }
}

static bool raw_array(const struct caster *caster, struct arena *scratch, struct str text)
{
    struct str longitude = {0}, latitude = {0};
    struct caster as_array = *caster;
    as_array.format = FORMAT_ARRAY;
    switch ((int)caster->type) {
    case TYPE_ANY:
    case TYPE_ARRAY:
        return true;
    case TYPE_LIST:
        return raw_list(caster, scratch, text);
    case TYPE_GEOPOINT:
        return caster->format != FORMAT_OBJECT &&
               geopoint_read(&as_array, scratch, text, &longitude, &latitude);
    default:
        return false;
    }
}

static bool raw_object(const struct caster *caster, struct arena *scratch, struct str text,
                       struct cast_value *ret)
{
    switch ((int)caster->type) {
    case TYPE_ANY:
    case TYPE_OBJECT:
        return true;
    case TYPE_GEOJSON:
        return parse_geojson(caster, scratch, text, ret);
    case TYPE_GEOPOINT:
        return caster->format == FORMAT_OBJECT && parse_geopoint(caster, scratch, text, ret);
    default:
        return false;
    }
}

static bool raw_truth(const struct caster *caster, bool truth, struct cast_value *ret)
{
    ret->number = truth;
    return caster->type == TYPE_BOOLEAN || caster->type == TYPE_ANY;
}

static enum value_state judge(bool is_valid)
{
    return is_valid ? VALUE_VALID : VALUE_BAD;
}

enum value_state cast_raw(const struct caster *caster, struct arena *scratch, enum raw_kind kind,
                          struct str text, struct cast_value *ret)
{
    switch (kind) {
    case RAW_MISSING:
        return VALUE_MISSING;
    case RAW_NULL:
        return VALUE_NULL;
    case RAW_NUMBER:
        if (caster_is_missing(caster, text))
            return VALUE_NULL;
        return judge(raw_number(caster, scratch, text, ret));
    case RAW_TRUE:
    case RAW_FALSE:
        return judge(raw_truth(caster, kind == RAW_TRUE, ret));
    case RAW_ARRAY:
        return judge(raw_array(caster, scratch, text));
    case RAW_OBJECT:
        return judge(raw_object(caster, scratch, text, ret));
    case RAW_TEXT:
        break;
    }
    if (caster_is_missing(caster, text))
        return VALUE_NULL;
    return judge(!caster->parse || caster->parse(caster, scratch, text, ret));
}
