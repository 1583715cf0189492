/* The order of two valid texts of a type, exactly. */
#include "cast_private.h"

static int sign_of(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_numbers(const struct caster *caster, struct str a, struct str b)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct decimal first = {0}, second = {0};
    if (!caster->is_plain &&
        (!number_normalize(caster, &scratch, a, &a) || !number_normalize(caster, &scratch, b, &b)))
        return 0;
    return decimal_read(a, &first) && decimal_read(b, &second) ? decimal_compare(&first, &second)
                                                               : 0;
}

static int compare_moments(const struct caster *caster, struct str a, struct str b)
{
    struct cast_moment first = {0}, second = {0};
    return moment_read(caster, a, &first) && moment_read(caster, b, &second)
               ? moment_compare(&first, &second)
               : 0;
}

/* XSD orders durations only in part; months count their mean length, as in column_data. */
static int compare_durations(struct str a, struct str b)
{
    struct cast_duration first = {0}, second = {0};
    if (!duration_read(a, &first) || !duration_read(b, &second))
        return 0;
    bool is_same_side = first.is_negative == second.is_negative;
    if (is_same_side && first.months == second.months) {
        int order = sign_of(first.seconds, second.seconds);
        order = order ? order : str_compare(first.fraction, second.fraction);
        return first.is_negative ? -order : order;
    }
    double x = duration_value(&first), y = duration_value(&second);
    return x < y ? -1 : x > y;
}

static int compare_wholes(bool (*read)(struct str, int64_t *), struct str a, struct str b)
{
    int64_t first = 0, second = 0;
    return read(a, &first) && read(b, &second) ? sign_of(first, second) : 0;
}

int cast_compare(const struct caster *caster, struct str a, struct str b)
{
    switch (caster->type) {
    case TYPE_NUMBER:
    case TYPE_INTEGER:
        return compare_numbers(caster, a, b);
    case TYPE_DATETIME:
    case TYPE_DATE:
    case TYPE_TIME:
        return compare_moments(caster, a, b);
    case TYPE_YEAR:
        return compare_wholes(year_read, a, b);
    case TYPE_YEARMONTH:
        return compare_wholes(yearmonth_read, a, b);
    case TYPE_DURATION:
        return compare_durations(a, b);
    case TYPE_BOOLEAN: {
        double x = 0, y = 0;
        (void)cast_text(caster, a, &x);
        (void)cast_text(caster, b, &y);
        return x < y ? -1 : x > y;
    }
    case TYPE_ANY:
    case TYPE_STRING:
    case TYPE_OBJECT:
    case TYPE_ARRAY:
    case TYPE_LIST:
    case TYPE_GEOPOINT:
    case TYPE_GEOJSON:
    case TYPE_COUNT:
        break;
    }
    return str_compare(a, b);
}
