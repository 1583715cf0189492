/* Patterns of strptime: made ready once, and what a text that matches them means. */
#include "mlops/base/limits.h"

#include "cast_pattern.h"

enum { DAY_S = 86400, YEAR_DEFAULT = 1900 };

/* Directives that stand for several; NULL: none of these. */
static const char *expansion(char directive)
{
    switch (directive) {
    case 'F':
        return "%Y-%m-%d";
    case 'T':
    case 'X':
        return "%H:%M:%S";
    case 'R':
        return "%H:%M";
    case 'D':
    case 'x':
        return "%m/%d/%y";
    case 'r':
        return "%I:%M:%S %p";
    case 'c':
        return "%a %b %d %H:%M:%S %Y";
    default:
        return NULL;
    }
}

FALLIBLE pattern_expand(struct arena *arena, struct str pattern, struct str *ret)
{
    struct buf out = buf_in(arena);
    if (pattern.len > (size_t)LIMIT_FORMAT_BYTES)
        return error_new(ERROR_PROJECT, "the format is longer than %d bytes (limit FORMAT_BYTES)",
                         (int)LIMIT_FORMAT_BYTES);
    for (size_t i = 0; i < pattern.len; i++) {
        char directive = i + 1 < pattern.len ? pattern.at[i + 1] : '\0';
        if (pattern.at[i] != '%') {
            buf_add_char(&out, pattern.at[i]);
            continue;
        }
        if (expansion(directive))
            buf_add_text(&out, expansion(directive));
        else if (directive_is_known(directive))
            buf_add_str(&out, str_slice(pattern, i, i + 2));
        else
            return error_new(ERROR_PROJECT, "unknown directive '%.*s' in the format '%.*s'",
                             STR_FMT(str_slice(pattern, i, i + 2)), STR_FMT(pattern));
        i++;
    }
    *ret = buf_str(&out);
    return NULL;
}

/* AM and PM belong to an hour of twelve, which without them is one of the morning. */
static int hour_of_day(const struct reading *reading)
{
    if (!reading->is_twelve)
        return reading->hour;
    return reading->hour % 12 + (reading->half == 2 ? 12 : 0);
}

/* The day of the year decides, where there is one. */
static bool take_date(const struct reading *reading, int64_t *ret_days)
{
    int64_t year = reading->has_year ? reading->year : YEAR_DEFAULT;
    int month = reading->month ? reading->month : 1, day = reading->day ? reading->day : 1;
    if (reading->day_of_year) {
        *ret_days = days_of_date(year, 1, 1) + reading->day_of_year - 1;
        return *ret_days < days_of_date(year + 1, 1, 1);
    }
    *ret_days = days_of_date(year, month, day);
    return date_is_real(year, month, day);
}

bool pattern_read(struct str pattern, struct str text, struct cast_moment *ret)
{
    struct reading reading = {.text = text};
    *ret = (struct cast_moment){0};
    if (!pattern_match(pattern, &reading))
        return false;
    ret->fraction = reading.fraction;
    if (reading.has_epoch) {
        ret->days = reading.epoch_s / DAY_S;
        ret->seconds = reading.epoch_s % DAY_S;
        return true;
    }
    ret->seconds =
        hour_of_day(&reading) * 3600 + reading.minute * 60 + reading.second - reading.offset_s;
    return take_date(&reading, &ret->days);
}
