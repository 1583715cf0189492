/* XSD durations: -?PnYnMnDTnHnMnS, each part once and in order, at least one, seconds with
 * fractions. */
#include "cast_private.h"

static const int64_t amount_most = INT64_C(1000000000000);

/* Digits at the front of *rest are taken off; false if there are none or too many. */
static bool take_amount(struct str *rest, int64_t *ret)
{
    size_t len = 0;
    int64_t value = 0;
    for (; len < rest->len && (unsigned char)(rest->at[len] - '0') < 10; len++) {
        value = value * 10 + (rest->at[len] - '0');
        if (value > amount_most)
            return false;
    }
    *rest = str_slice(*rest, len, rest->len);
    *ret = value;
    return len > 0;
}

static bool take_fraction(struct str *rest, struct str *ret)
{
    size_t len = 0;
    if (!rest->len || rest->at[0] != '.')
        return true;
    while (len + 1 < rest->len && (unsigned char)(rest->at[len + 1] - '0') < 10)
        len++;
    *ret = str_slice(*rest, 1, len + 1);
    *rest = str_slice(*rest, len + 1, rest->len);
    while (ret->len && ret->at[ret->len - 1] == '0')
        ret->len--;
    /* A fraction belongs to seconds. */
    return len > 0 && rest->len && rest->at[0] == 'S';
}

/* Adds an amount of the unit at the front of *rest, which must stand behind `*last` in `units`. */
static bool take_unit(struct str *rest, const char *units, ptrdiff_t *last, int64_t amount,
                      const int64_t *months, const int64_t *seconds, struct cast_duration *ret)
{
    ptrdiff_t unit = rest->len ? str_find_char(str_of(units), rest->at[0]) : -1;
    if (unit <= *last)
        return false;
    *last = unit;
    ret->months += amount * months[unit];
    ret->seconds += amount * seconds[unit];
    *rest = str_slice(*rest, 1, rest->len);
    return true;
}

/* Parts with these units up to the end or a T; false if there are none. */
static bool take_parts(struct str *rest, bool is_time, struct cast_duration *ret)
{
    static const int64_t date_months[] = {12, 1, 0}, date_seconds[] = {0, 0, 86400};
    static const int64_t time_months[] = {0, 0, 0}, time_seconds[] = {3600, 60, 1};
    ptrdiff_t last = -1;
    while (rest->len && rest->at[0] != 'T') {
        int64_t amount = 0;
        if (!take_amount(rest, &amount) || (is_time && !take_fraction(rest, &ret->fraction)) ||
            !take_unit(rest, is_time ? "HMS" : "YMD", &last, amount,
                       is_time ? time_months : date_months, is_time ? time_seconds : date_seconds,
                       ret))
            return false;
    }
    return last >= 0;
}

bool duration_read(struct str text, struct cast_duration *ret)
{
    struct str rest = text;
    *ret = (struct cast_duration){.is_negative = text.len && text.at[0] == '-'};
    rest = str_slice(rest, ret->is_negative, rest.len);
    if (!rest.len || rest.at[0] != 'P')
        return false;
    rest = str_slice(rest, 1, rest.len);
    bool has_date = rest.len && rest.at[0] != 'T';
    if (has_date && !take_parts(&rest, false, ret))
        return false;
    if (!rest.len)
        return has_date;
    rest = str_slice(rest, 1, rest.len);
    return take_parts(&rest, true, ret) && !rest.len;
}

/* A month counts 30.436875 days, the mean of 400 years. */
double duration_value(const struct cast_duration *duration)
{
    double value = (double)duration->seconds + (double)duration->months * 30.436875 * 86400;
    double unit = 1;
    for (size_t i = 0; i < duration->fraction.len && i < 15; i++)
        value += (duration->fraction.at[i] - '0') * (unit /= 10);
    return duration->is_negative ? -value : value;
}

bool parse_duration(const struct caster *caster, struct arena *scratch, struct str text,
                    struct cast_value *ret)
{
    struct cast_duration duration;
    (void)caster, (void)scratch;
    if (!duration_read(text, &duration))
        return false;
    ret->number = duration_value(&duration);
    return true;
}
