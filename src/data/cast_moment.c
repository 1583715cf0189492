/* Dates, times and both in the forms of Table Schema: yyyy-mm-dd, hh:mm:ss, XSD dateTime. */
#include "cast_private.h"

enum { DAY_S = 86400, YEAR_DIGITS_MOST = 9 };

/* Days since 1970-01-01 in the proleptic Gregorian calendar, in eras of 400 years that begin in
 * March (H. Hinnant, "chrono-compatible low-level date algorithms"). */
int64_t days_of_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool date_is_real(int64_t year, int month, int day)
{
    static const char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= lengths[month - 1] + (month == 2 && is_leap(year));
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

bool two_digits(struct str text, size_t at, int *ret)
{
    if (at + 2 > text.len || !is_digit(text.at[at]) || !is_digit(text.at[at + 1]))
        return false;
    *ret = (text.at[at] - '0') * 10 + (text.at[at + 1] - '0');
    return true;
}

static bool has_char(struct str text, size_t at, char c)
{
    return at < text.len && text.at[at] == c;
}

/* -?yyyy with more digits if there are, the first then being no zero (XSD); how many bytes. */
static size_t read_year(struct str text, int64_t *ret)
{
    bool is_negative = has_char(text, 0, '-');
    size_t at = is_negative, len = 0;
    int64_t year = 0;
    for (; at + len < text.len && len <= YEAR_DIGITS_MOST && is_digit(text.at[at + len]); len++)
        year = year * 10 + (text.at[at + len] - '0');
    if (len < 4 || len > YEAR_DIGITS_MOST || (len > 4 && text.at[at] == '0'))
        return 0;
    *ret = is_negative ? -year : year;
    return at + len;
}

/* -mm-dd behind a year. */
static bool read_month_day(struct str text, int64_t year, int64_t *ret_days)
{
    int month = 0, day = 0;
    if (text.len != 6 || text.at[0] != '-' || text.at[3] != '-' || !two_digits(text, 1, &month) ||
        !two_digits(text, 4, &day) || !date_is_real(year, month, day))
        return false;
    *ret_days = days_of_date(year, month, day);
    return true;
}

bool date_read(struct str text, struct cast_moment *ret)
{
    int64_t year = 0;
    *ret = (struct cast_moment){0};
    return text.len == 10 && read_year(text, &year) == 4 &&
           read_month_day(str_slice(text, 4, 10), year, &ret->days);
}

/* hh:mm:ss; 24:00:00 is the end of the day, which XSD says is the start of the next. */
static bool read_clock(struct str text, int64_t *ret_seconds)
{
    int hour = 0, minute = 0, second = 0;
    if (text.len != 8 || text.at[2] != ':' || text.at[5] != ':' || !two_digits(text, 0, &hour) ||
        !two_digits(text, 3, &minute) || !two_digits(text, 6, &second))
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    return minute < 60 && second < 60 && (hour < 24 || *ret_seconds == DAY_S);
}

bool time_read(struct str text, struct cast_moment *ret)
{
    *ret = (struct cast_moment){0};
    if (!read_clock(text, &ret->seconds))
        return false;
    ret->seconds %= DAY_S;
    return true;
}

bool zone_read(struct str text, int64_t *ret_offset_s)
{
    int hour = 0, minute = 0;
    if (text.len == 1 && text.at[0] == 'Z') {
        *ret_offset_s = 0;
        return true;
    }
    if (text.len != 6 || (text.at[0] != '+' && text.at[0] != '-') || text.at[3] != ':' ||
        !two_digits(text, 1, &hour) || !two_digits(text, 4, &minute) || minute > 59 ||
        hour * 60 + minute > 14 * 60)
        return false;
    int64_t offset = hour * 3600 + minute * 60;
    *ret_offset_s = text.at[0] == '-' ? -offset : offset;
    return true;
}

/* +hhmm, the basic form of ISO 8601: what programs write that ask for %z. XML Schema lacks it;
 * published data whose schemas say `datetime` do not. */
static bool basic_zone_read(struct str text, int64_t *ret_offset_s)
{
    char whole[6] = {0};
    if (text.len != 5)
        return false;
    memcpy(whole, text.at, 3);
    whole[3] = ':';
    memcpy(whole + 4, text.at + 3, 2);
    return zone_read((struct str){whole, sizeof whole}, ret_offset_s);
}

/* ".digits" at the front of *rest is taken off; false if a point stands alone. */
static bool take_fraction(struct str *rest, struct str *ret)
{
    size_t len = 0;
    *ret = (struct str){0};
    if (!has_char(*rest, 0, '.'))
        return true;
    while (len + 1 < rest->len && is_digit(rest->at[len + 1]))
        len++;
    struct str digits = str_slice(*rest, 1, len + 1);
    *rest = str_slice(*rest, len + 1, rest->len);
    while (digits.len && digits.at[digits.len - 1] == '0')
        digits.len--;
    *ret = digits;
    return len > 0;
}

/* hh:mm:ss(.f+)?(zone)? */
static bool read_time_zone(struct str text, struct cast_moment *ret)
{
    struct str rest = str_slice(text, MIN_OF(text.len, 8), text.len);
    int64_t offset = 0;
    if (!read_clock(str_slice(text, 0, 8), &ret->seconds) || !take_fraction(&rest, &ret->fraction))
        return false;
    if (ret->seconds == DAY_S && ret->fraction.len)
        return false;
    if (rest.len && !zone_read(rest, &offset) && !basic_zone_read(rest, &offset))
        return false;
    ret->seconds -= offset;
    return true;
}

bool datetime_read(struct str text, struct cast_moment *ret)
{
    int64_t year = 0;
    size_t at = read_year(text, &year);
    *ret = (struct cast_moment){0};
    return at && has_char(text, at + 6, 'T') &&
           read_month_day(str_slice(text, at, at + 6), year, &ret->days) &&
           read_time_zone(str_slice(text, at + 7, text.len), ret);
}

/* 0.DIGITS */
static double fraction_value(struct str digits)
{
    double value = 0, unit = 1;
    for (size_t i = 0; i < digits.len && i < 15; i++) {
        value = value * 10 + (digits.at[i] - '0');
        unit *= 10;
    }
    return value / unit;
}

double moment_value(enum field_type type, const struct cast_moment *moment)
{
    if (type == TYPE_DATE)
        return (double)moment->days;
    double seconds = (double)(moment->days * DAY_S + moment->seconds);
    return moment->fraction.len ? seconds + fraction_value(moment->fraction) : seconds;
}

bool moment_read(const struct caster *caster, struct str text, struct cast_moment *ret)
{
    bool is_read = false;
    if (caster->format == FORMAT_PATTERN)
        is_read = pattern_read(caster->pattern, text, ret);
    else if (caster->format == FORMAT_ANY)
        is_read = any_read(caster->type, text, ret);
    else if (caster->type == TYPE_DATE)
        is_read = date_read(text, ret);
    else if (caster->type == TYPE_TIME)
        is_read = time_read(text, ret);
    else
        is_read = datetime_read(text, ret);
    if (caster->type == TYPE_DATE)
        *ret = (struct cast_moment){.days = ret->days};
    else if (caster->type == TYPE_TIME)
        ret->days = 0;
    return is_read;
}

/* Digits behind a point, without zeros at the end. */
int fraction_compare(struct str a, struct str b)
{
    return str_compare(a, b);
}

int moment_compare(const struct cast_moment *a, const struct cast_moment *b)
{
    int64_t a_s = a->days * DAY_S + a->seconds, b_s = b->days * DAY_S + b->seconds;
    if (a_s != b_s)
        return a_s < b_s ? -1 : 1;
    return fraction_compare(a->fraction, b->fraction);
}

bool parse_moment(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret)
{
    struct cast_moment moment;
    (void)scratch;
    if (!moment_read(caster, text, &moment))
        return false;
    ret->number = moment_value(caster->type, &moment);
    return true;
}
