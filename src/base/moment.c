#include "mlops/base/moment.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct str moment_print(struct arena *arena, int64_t moment_ns)
{
    int64_t second = moment_ns / NS_PER_S;
    int64_t rest_ns = moment_ns % NS_PER_S;
    if (rest_ns < 0) {
        rest_ns += NS_PER_S;
        second--;
    }
    time_t time = (time_t)second;
    struct tm utc = {0};
    gmtime_r(&time, &utc);
    return str_print(arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     (int)(rest_ns / NS_PER_MS));
}

/* Numbers behind fixed places of a text. */
struct place {
    size_t at, len;
    int least, most;
};

static bool take_number(struct str text, struct place place, int *ret)
{
    int number = 0;
    for (size_t i = place.at; i < place.at + place.len; i++) {
        if (i >= text.len || !isdigit((unsigned char)text.at[i]))
            return false;
        number = number * 10 + (text.at[i] - '0');
    }
    *ret = number;
    return number >= place.least && number <= place.most;
}

/* A text that looks like `form`, where '0' is any digit and 'x' anything. */
static bool has_form(struct str text, const char *form)
{
    for (size_t i = 0; form[i]; i++) {
        if (i >= text.len || (form[i] == '0' && !isdigit((unsigned char)text.at[i])) ||
            (form[i] != '0' && form[i] != 'x' && text.at[i] != form[i]))
            return false;
    }
    return true;
}

/* "HH:MM:SS" at `at`. */
static bool take_clock(struct str text, size_t at, struct tm *ret)
{
    return take_number(text, (struct place){at, 2, 0, 23}, &ret->tm_hour) &&
           take_number(text, (struct place){at + 3, 2, 0, 59}, &ret->tm_min) &&
           take_number(text, (struct place){at + 6, 2, 0, 60}, &ret->tm_sec);
}

static int64_t ns_of(struct tm *utc, int64_t rest_ns)
{
    utc->tm_year -= 1900;
    return (int64_t)timegm(utc) * NS_PER_S + rest_ns;
}

bool moment_parse(struct str text, int64_t *ret_ns)
{
    struct tm utc = {0};
    size_t at = 19;
    int64_t rest_ns = 0, unit_ns = NS_PER_S / 10;
    if (!has_form(text, "0000-00-00T00:00:00") || !take_clock(text, 11, &utc) ||
        !take_number(text, (struct place){0, 4, 1970, 2200}, &utc.tm_year) ||
        !take_number(text, (struct place){5, 2, 1, 12}, &utc.tm_mon) ||
        !take_number(text, (struct place){8, 2, 1, 31}, &utc.tm_mday))
        return false;
    if (at < text.len && text.at[at] == '.')
        for (at++; at < text.len && isdigit((unsigned char)text.at[at]); at++, unit_ns /= 10)
            rest_ns += (text.at[at] - '0') * unit_ns;
    if (!str_is(str_slice(text, at, text.len), "Z"))
        return false;
    utc.tm_mon--;
    *ret_ns = ns_of(&utc, rest_ns);
    return true;
}

bool moment_parse_http(struct str text, int64_t *ret_ns)
{
    struct str months = STR("JanFebMarAprMayJunJulAugSepOctNovDec");
    struct tm utc = {0};
    if (text.len != 29 || !has_form(text, "xxx, 00 xxx 0000 00:00:00 GMT") ||
        !take_number(text, (struct place){5, 2, 1, 31}, &utc.tm_mday) ||
        !take_number(text, (struct place){12, 4, 1970, 2200}, &utc.tm_year) ||
        !take_clock(text, 17, &utc))
        return false;
    ptrdiff_t month = str_find(months, str_slice(text, 8, 11));
    if (month < 0 || month % 3)
        return false;
    utc.tm_mon = (int)month / 3;
    *ret_ns = ns_of(&utc, 0);
    return true;
}

struct str duration_print(struct arena *arena, int64_t duration_ns)
{
    int64_t seconds = duration_ns / NS_PER_S;
    if (duration_ns < NS_PER_S)
        return str_print(arena, "%lld ms", (long long)(duration_ns / NS_PER_MS));
    if (seconds < 60)
        return str_print(arena, "%.1f s", (double)(duration_ns / (NS_PER_S / 10)) / 10);
    if (seconds < 3600)
        return str_print(arena, "%d min %02d s", (int)(seconds / 60), (int)(seconds % 60));
    if (seconds < 86400)
        return str_print(arena, "%d h %02d min", (int)(seconds / 3600), (int)(seconds / 60 % 60));
    return str_print(arena, "%lld d %02d h", (long long)(seconds / 86400),
                     (int)(seconds / 3600 % 24));
}

struct unit {
    const char *name;
    double factor;
};

/* "<decimal number><blanks><unit>" -> number * factor of the unit. */
static bool amount_parse(struct str text, const struct unit *units, size_t count, double *ret)
{
    text = str_trim(text);
    char digits[64];
    size_t len = 0;
    while (len < text.len && len < sizeof digits - 1 &&
           (isdigit((unsigned char)text.at[len]) || text.at[len] == '.'))
        len++;
    if (len == 0 || (len == 1 && text.at[0] == '.'))
        return false;
    memcpy(digits, text.at, len);
    digits[len] = '\0';
    char *end = NULL;
    double number = strtod(digits, &end);
    if (*end || !isfinite(number))
        return false;
    struct str name = str_trim(str_slice(text, len, text.len));
    for (size_t i = 0; i < count; i++) {
        if (str_is(name, units[i].name)) {
            *ret = number * units[i].factor;
            return true;
        }
    }
    return false;
}

bool duration_parse(struct str text, int64_t *ret_ns)
{
    static const struct unit units[] = {
        {"", 1},     {"s", 1},    {"ms", 1e-3}, {"m", 60},
        {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800},
    };
    double seconds;
    if (!amount_parse(text, units, COUNT_OF(units), &seconds) || seconds > (double)LIMIT_TIMEOUT_S)
        return false;
    *ret_ns = (int64_t)(seconds * (double)NS_PER_S);
    return true;
}

bool bytes_parse(struct str text, int64_t *ret_bytes)
{
    static const struct unit units[] = {
        {"", 1},
        {"B", 1},
        {"K", 1024},
        {"KB", 1e3},
        {"kB", 1e3},
        {"KiB", 1024},
        {"M", 1048576},
        {"MB", 1e6},
        {"MiB", 1048576},
        {"G", 1073741824.0},
        {"GB", 1e9},
        {"GiB", 1073741824.0},
        {"T", 1099511627776.0},
        {"TB", 1e12},
        {"TiB", 1099511627776.0},
    };
    double bytes;
    if (!amount_parse(text, units, COUNT_OF(units), &bytes) || bytes > 0x1p62)
        return false;
    *ret_bytes = (int64_t)bytes;
    return true;
}

struct str bytes_print(struct arena *arena, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double amount = (double)bytes;
    size_t unit = 0;
    while (amount >= 1023.95 && unit + 1 < COUNT_OF(units)) {
        amount /= 1024;
        unit++;
    }
    if (unit == 0)
        return str_print(arena, "%lld B", (long long)bytes);
    return str_print(arena, "%.1f %s", amount, units[unit]);
}

struct str count_print(struct arena *arena, int64_t count)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)(count < 0 ? -count : count));
    char out[48];
    int at = 0;
    if (count < 0)
        out[at++] = '-';
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    return str_copy(arena, (struct str){out, (size_t)at});
}
