/* Dates and times (RFC 3339): told apart from numbers and checked, kept as text. */
#include "toml_private.h"

/* Reads `count` digits at *at. */
static bool take_number(struct str text, size_t *at, size_t count, int *ret)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        char c = *at + i < text.len ? text.at[*at + i] : '\0';
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *at += count;
    *ret = value;
    return true;
}

static bool take_char(struct str text, size_t *at, const char *any_of)
{
    if (*at >= text.len || !memchr(any_of, text.at[*at], strlen(any_of)))
        return false;
    (*at)++;
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static bool take_date(struct str text, size_t *at)
{
    int year = 0, month = 0, day = 0;
    return take_number(text, at, 4, &year) && take_char(text, at, "-") &&
           take_number(text, at, 2, &month) && take_char(text, at, "-") &&
           take_number(text, at, 2, &day) && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_of(year, month);
}

static bool take_hour_and_minute(struct str text, size_t *at)
{
    int hour = 0, minute = 0;
    return take_number(text, at, 2, &hour) && take_char(text, at, ":") &&
           take_number(text, at, 2, &minute) && hour < 24 && minute < 60;
}

static bool take_time(struct str text, size_t *at)
{
    int second = 0, digit = 0;
    if (!take_hour_and_minute(text, at) || !take_char(text, at, ":") ||
        !take_number(text, at, 2, &second) || second > 59)
        return false;
    if (!take_char(text, at, "."))
        return true;
    if (!take_number(text, at, 1, &digit))
        return false;
    while (take_number(text, at, 1, &digit))
        ;
    return true;
}

bool toml_is_moment(struct str text)
{
    size_t at = 0;
    if (take_time(text, &at))
        return at == text.len;
    at = 0;
    if (!take_date(text, &at))
        return false;
    if (at == text.len)
        return true;
    if (!take_char(text, &at, "Tt ") || !take_time(text, &at))
        return false;
    if (take_char(text, &at, "Zz") || at == text.len)
        return at == text.len;
    return take_char(text, &at, "+-") && take_hour_and_minute(text, &at) && at == text.len;
}
