/* Years and months: YYYY and YYYY-MM, perhaps with a zone. XSD's gYear also has years before Christ
 * and of more than four digits; no other reader of Table Schema takes them, and where a year is
 * meant they are slips ("20000", "-2000"). */
#include "cast_private.h"

/* Four digits at the front; how many bytes it takes, 0: there are none, or more. */
static size_t take_year(struct str text, int64_t *ret)
{
    int century = 0, year = 0, more = 0;
    if (!two_digits(text, 0, &century) || !two_digits(text, 2, &year) || two_digits(text, 3, &more))
        return 0;
    *ret = century * 100 + year;
    return 4;
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
