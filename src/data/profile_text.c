#include "mlops/base/arena.h"
#include "mlops/data/profile.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_S = 86400, MOST_DAYS = 4000000 };

/* Shortest decimal that reads back equal; no exponent where digits do. */
static struct str real_text(struct arena *arena, double number)
{
    char text[40] = "nan";
    if (fabs(number) < 1e15 && floor(number) >= number)
        return str_print(arena, "%.0f", number);
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        double again = strtod(text, NULL);
        if (again >= number && again <= number)
            break;
    }
    return str_copy(arena, str_of(text));
}

/* The day of the Gregorian calendar; H. Hinnant, "chrono-compatible low-level date algorithms". */
static struct str date_text(struct arena *arena, int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day = shifted - era * 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t rest = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * rest + 2) / 153;
    int64_t in_month = rest - (153 * month + 2) / 5 + 1;
    int64_t calendar = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (calendar <= 2);
    return str_print(arena, "%s%04" PRId64 "-%02" PRId64 "-%02" PRId64, year < 0 ? "-" : "",
                     year < 0 ? -year : year, calendar, in_month);
}

/* hh:mm:ss, with thousandths if there are any. */
static struct str time_text(struct arena *arena, double seconds)
{
    int64_t thousandths = llround(seconds * 1000);
    int64_t whole = thousandths / 1000, rest = thousandths % 1000;
    struct str text = str_print(arena, "%02d:%02d:%02d", (int)(whole / 3600),
                                (int)(whole / 60 % 60), (int)(whole % 60));
    if (rest == 0)
        return text;
    return str_print(arena, "%.*s.%03d", STR_FMT(text), (int)rest);
}

static struct str datetime_text(struct arena *arena, double seconds)
{
    double days = floor(seconds / DAY_S);
    double rest = seconds - days * DAY_S;
    if (llround(rest * 1000) >= INT64_C(1000) * DAY_S) {
        days++;
        rest = 0;
    }
    return str_print(arena, "%.*sT%.*s", STR_FMT(date_text(arena, (int64_t)days)),
                     STR_FMT(time_text(arena, rest)));
}

static struct str month_text(struct arena *arena, double months)
{
    double year = floor(months / 12);
    return str_print(arena, "%04.0f-%02.0f", year + 1970, months - year * 12 + 1);
}

struct str profile_number_text(struct arena *arena, enum field_type type, double number)
{
    if (!isfinite(number))
        return isnan(number) ? STR("NaN") : number > 0 ? STR("INF") : STR("-INF");
    if (type == TYPE_DATE && fabs(number) < MOST_DAYS)
        return date_text(arena, (int64_t)floor(number));
    if (type == TYPE_DATETIME && fabs(number) < (double)MOST_DAYS * DAY_S)
        return datetime_text(arena, number);
    if (type == TYPE_TIME && number >= 0 && number <= DAY_S)
        return time_text(arena, number);
    if (type == TYPE_YEARMONTH && fabs(number) < MOST_DAYS)
        return month_text(arena, number);
    return real_text(arena, number);
}

const char *profile_class_name(enum value_class value_class)
{
    static const char *const names[CLASS_COUNT] = {
        [CLASS_NULL] = "null",         [CLASS_INTEGER] = "integer", [CLASS_REAL] = "number",
        [CLASS_BOOLEAN] = "boolean",   [CLASS_DATE] = "date",       [CLASS_TIME] = "time",
        [CLASS_DATETIME] = "datetime", [CLASS_JSON] = "json",       [CLASS_TEXT] = "text",
    };
    return names[value_class];
}
