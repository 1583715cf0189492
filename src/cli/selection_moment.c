/* Dates and moments in filters: local time, as they are shown. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <stdio.h>
#include <time.h>

#include "selection_private.h"

static bool moment_ns(struct tm parts, int64_t *ret)
{
    parts.tm_isdst = -1;
    int64_t seconds = mktime(&parts), most = INT64_MAX / NS_PER_S; /* the year 2262 */
    *ret = MAX_OF(MIN_OF(seconds, most), -most) * NS_PER_S;
    return seconds != -1;
}

/* As precise as it is written: a day is as long as it is. */
bool selection_read_moment(struct str text, int64_t *ret_from_ns, int64_t *ret_until_ns)
{
    static const struct {
        const char *format;
        size_t unit; /* the part of struct tm that one more of is the end */
    } forms[] = {
        {"%Y-%m-%dT%H:%M:%S", offsetof(struct tm, tm_sec)},
        {"%Y-%m-%d %H:%M:%S", offsetof(struct tm, tm_sec)},
        {"%Y-%m-%dT%H:%M", offsetof(struct tm, tm_min)},
        {"%Y-%m-%d %H:%M", offsetof(struct tm, tm_min)},
        {"%Y-%m-%d", offsetof(struct tm, tm_mday)},
        {"%Y-%m", offsetof(struct tm, tm_mon)},
        {"%Y", offsetof(struct tm, tm_year)},
    };
    char copy[32];
    if (moment_parse(text, ret_from_ns)) { /* with a Z: UTC */
        *ret_until_ns = *ret_from_ns + NS_PER_MS;
        return true;
    }
    if (text.len < 4 || text.len >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", STR_FMT(text));
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct tm from = {.tm_mday = 1};
        const char *end = strptime(copy, forms[i].format, &from);
        if (!end || *end != '\0')
            continue;
        struct tm until = from;
        int unit;
        memcpy(&unit, (char *)&until + forms[i].unit, sizeof unit);
        unit++;
        memcpy((char *)&until + forms[i].unit, &unit, sizeof unit);
        return moment_ns(from, ret_from_ns) && moment_ns(until, ret_until_ns);
    }
    return false;
}
