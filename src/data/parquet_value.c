/* Values as statistics hold them: numbers in little endian, decimals of bytes in big endian. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"

#include <endian.h>
#include <math.h>

#include "parquet_private.h"

__extension__ typedef __int128 wide;

static bool take_decimal(struct str stored, wide *ret)
{
    wide value = stored.len && (signed char)stored.at[0] < 0 ? -1 : 0;
    if (stored.len == 0 || stored.len > sizeof value)
        return false;
    for (size_t i = 0; i < stored.len; i++)
        value = value * 256 + (unsigned char)stored.at[i];
    *ret = value;
    return true;
}

static bool take_integer(const struct parquet_kind *kind, struct str stored, wide *ret)
{
    uint32_t narrow = 0;
    uint64_t large = 0;
    if (kind->physical == PHYSICAL_BOOLEAN && stored.len == 1) {
        *ret = stored.at[0] != 0;
        return true;
    }
    if (kind->physical == PHYSICAL_INT32 && stored.len == sizeof narrow) {
        memcpy(&narrow, stored.at, sizeof narrow);
        narrow = le32toh(narrow);
        *ret = kind->is_signed ? (wide)(int32_t)narrow : (wide)narrow;
        return true;
    }
    if (kind->physical == PHYSICAL_INT64 && stored.len == sizeof large) {
        memcpy(&large, stored.at, sizeof large);
        large = le64toh(large);
        *ret = kind->is_signed ? (wide)(int64_t)large : (wide)large;
        return true;
    }
    bool is_bytes = kind->physical == PHYSICAL_BYTES || kind->physical == PHYSICAL_FIXED;
    return is_bytes && kind->logical == LOGICAL_DECIMAL && take_decimal(stored, ret);
}

static double half_of(unsigned bits)
{
    int exponent = (int)(bits >> 10 & 0x1f), mantissa = (int)(bits & 0x3ff);
    double value = exponent == 0    ? ldexp(mantissa, -24)
                   : exponent == 31 ? mantissa ? (double)NAN : (double)INFINITY
                                    : ldexp(mantissa + 1024, exponent - 25);
    return bits >> 15 ? -value : value;
}

static bool take_real(const struct parquet_kind *kind, struct str stored, double *ret)
{
    float narrow = 0;
    uint32_t bits = 0;
    uint64_t large = 0;
    if (kind->physical == PHYSICAL_FLOAT && stored.len == sizeof bits) {
        memcpy(&bits, stored.at, sizeof bits);
        bits = le32toh(bits);
        memcpy(&narrow, &bits, sizeof narrow);
        *ret = (double)narrow;
    } else if (kind->physical == PHYSICAL_DOUBLE && stored.len == sizeof large) {
        memcpy(&large, stored.at, sizeof large);
        large = le64toh(large);
        memcpy(ret, &large, sizeof large);
    } else if (kind->logical == LOGICAL_FLOAT16 && stored.len == 2) {
        *ret = half_of((unsigned char)stored.at[0] | (unsigned)(unsigned char)stored.at[1] << 8);
    } else {
        return false;
    }
    return !isnan(*ret);
}

static bool is_text(const struct parquet_kind *kind)
{
    bool is_bytes = kind->physical == PHYSICAL_BYTES || kind->physical == PHYSICAL_FIXED;
    return is_bytes && kind->logical != LOGICAL_DECIMAL && kind->logical != LOGICAL_INTERVAL &&
           kind->logical != LOGICAL_FLOAT16 && kind->logical != LOGICAL_OTHER;
}

bool parquet_compare(const struct parquet_kind *kind, struct str a, struct str b, int *ret)
{
    wide whole_a, whole_b;
    double real_a, real_b;
    if (is_text(kind))
        *ret = str_compare(a, b);
    else if (take_integer(kind, a, &whole_a) && take_integer(kind, b, &whole_b))
        *ret = (whole_a > whole_b) - (whole_a < whole_b);
    else if (take_real(kind, a, &real_a) && take_real(kind, b, &real_b))
        *ret = (real_a > real_b) - (real_a < real_b);
    else
        return false;
    return true;
}

bool parquet_number(const struct parquet_kind *kind, struct str stored, double *ret)
{
    wide whole;
    if (take_real(kind, stored, ret))
        return true;
    if (is_text(kind) || !take_integer(kind, stored, &whole))
        return false;
    *ret = (double)whole;
    if (kind->logical == LOGICAL_DECIMAL && kind->scale)
        *ret = (double)((long double)whole / powl(10, (long double)kind->scale));
    if (kind->logical == LOGICAL_TIME || kind->logical == LOGICAL_TIMESTAMP)
        *ret = (double)((long double)whole / (long double)kind->unit);
    return true;
}

static struct str decimal_text(struct arena *arena, wide value, int64_t scale)
{
    char digits[128], *at = digits + sizeof digits;
    bool is_negative = value < 0;
    int64_t count = 0;
    do { /* digit by digit: the least value has no positive counterpart */
        if (scale && count == scale)
            *--at = '.';
        int digit = (int)(value % 10);
        *--at = (char)('0' + (digit < 0 ? -digit : digit));
        value /= 10;
        count++;
    } while (value != 0 || (scale && count <= scale));
    if (is_negative)
        *--at = '-';
    return str_copy(arena, (struct str){at, (size_t)(digits + sizeof digits - at)});
}

/* Days since 1970 in the proleptic Gregorian calendar (Howard Hinnant's civil_from_days). */
static struct str date_text(struct arena *arena, int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153, day = of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    year += era * 400 + (month <= 2);
    return str_print(arena, "%04lld-%02lld-%02lld", (long long)year, (long long)month,
                     (long long)day);
}

static struct str clock_text(struct arena *arena, int64_t second, int64_t fraction, int64_t unit)
{
    int digits = unit == 1000 ? 3 : unit == 1000000 ? 6 : 9;
    struct str text = str_print(arena, "%02lld:%02lld:%02lld", (long long)(second / 3600),
                                (long long)(second / 60 % 60), (long long)(second % 60));
    if (fraction == 0)
        return text;
    return str_print(arena, "%.*s.%0*lld", STR_FMT(text), digits, (long long)fraction);
}

static struct str moment_text(struct arena *arena, const struct parquet_kind *kind, int64_t value)
{
    int64_t unit = kind->unit > 0 ? kind->unit : 1, second = value / unit, fraction = value % unit;
    if (fraction < 0) {
        fraction += unit;
        second--;
    }
    int64_t days = second / 86400, of_day = second % 86400;
    if (of_day < 0) {
        of_day += 86400;
        days--;
    }
    struct str clock = clock_text(arena, of_day, fraction, unit);
    if (kind->logical == LOGICAL_TIME)
        return clock;
    return str_print(arena, "%.*sT%.*sZ", STR_FMT(date_text(arena, days)), STR_FMT(clock));
}

static struct str real_text(struct arena *arena, double value)
{
    if (isinf(value))
        return value < 0 ? STR("-INF") : STR("INF");
    struct buf text = buf_in(arena);
    struct json_writer json = {.out = &text};
    json_real(&json, value);
    return buf_str(&text);
}

struct str parquet_text(struct arena *arena, const struct parquet_kind *kind, struct str stored)
{
    wide whole = 0;
    double real = 0;
    if (is_text(kind))
        return str_is_utf8(stored) ? str_copy(arena, stored) : (struct str){0};
    if (take_real(kind, stored, &real))
        return real_text(arena, real);
    if (!take_integer(kind, stored, &whole))
        return (struct str){0};
    if (kind->physical == PHYSICAL_BOOLEAN)
        return whole ? STR("true") : STR("false");
    if (kind->logical == LOGICAL_DATE)
        return date_text(arena, (int64_t)whole);
    if (kind->logical == LOGICAL_TIME || kind->logical == LOGICAL_TIMESTAMP)
        return moment_text(arena, kind, (int64_t)whole);
    return decimal_text(arena, whole, kind->logical == LOGICAL_DECIMAL ? kind->scale : 0);
}
