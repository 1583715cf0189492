/* XSD gYear and gYearMonth: the year may be negative or long, a zone may follow. */
#include "cast_private.h"

enum { YEAR_DIGITS_MOST = 9 };

/* The digits of a year at the front; how many bytes it takes, 0: none. */
static size_t take_year(struct str text, int64_t *ret)
{
    bool is_negative = text.len && text.at[0] == '-';
    size_t from = is_negative, at = from;
    int64_t year = 0;
    for (; at < text.len && (unsigned char)(text.at[at] - '0') < 10; at++) {
        if (at - from >= YEAR_DIGITS_MOST)
            return 0;
        year = year * 10 + (text.at[at] - '0');
    }
    if (at - from < 4 || (at - from > 4 && text.at[from] == '0'))
        return 0;
    *ret = is_negative ? -year : year;
    return at;
}

static bool is_zone(struct str text)
{
    int64_t offset = 0;
    return !text.len || zone_read(text, &offset);
}

bool year_read(struct str text, int64_t *ret_years)
{
    size_t at = take_year(text, ret_years);
    return at && is_zone(str_slice(text, at, text.len));
}

bool yearmonth_read(struct str text, int64_t *ret_months)
{
    int64_t year = 0;
    int month = 0;
    size_t at = take_year(text, &year);
    if (!at || at >= text.len || text.at[at] != '-' || !two_digits(text, at + 1, &month) ||
        month < 1 || month > 12 || !is_zone(str_slice(text, at + 3, text.len)))
        return false;
    *ret_months = year * 12 + month - 1;
    return true;
}

bool parse_year(const struct caster *caster, struct arena *scratch, struct str text,
                struct cast_value *ret)
{
    int64_t years = 0;
    (void)caster, (void)scratch;
    if (!year_read(text, &years))
        return false;
    ret->number = (double)years;
    return true;
}

bool parse_yearmonth(const struct caster *caster, struct arena *scratch, struct str text,
                     struct cast_value *ret)
{
    static const int64_t start = 1970 * 12;
    int64_t months = 0;
    (void)caster, (void)scratch;
    if (!yearmonth_read(text, &months))
        return false;
    ret->number = (double)(months - start);
    return true;
}
