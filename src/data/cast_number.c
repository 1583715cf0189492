/* Numbers as text to doubles, always the nearest: by exact arithmetic where digits and power of ten
 * allow it (W. D. Clinger, "How to read floating point numbers accurately", 1990), by strtod where
 * they do not. The program keeps the C locale. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cast_private.h"
#include "cast_swar.h"

enum {
    DIGITS_EXACT = 19,   /* fit uint64 */
    DIGITS_DECIDE = 800, /* of more none but the last, "something follows", changes a double */
    EXPONENT_SURE = 27,  /* 10^27 is exact in 64 bits of mantissa */
    EXPONENT_MOST = 400000000,
};

/* [+-]? digits, point, digits, exponent, taken apart. */
struct parts {
    bool is_negative;
    const char *whole;
    size_t whole_len;
    const char *fraction;
    size_t fraction_len;
    int64_t exponent;
};

static size_t count_digits(const char *at, const char *end)
{
    const char *start = at;
    while (end - at >= 8 && swar_is_digits(swar_load(at)))
        at += 8;
    while (at < end && (unsigned char)(*at - '0') < 10)
        at++;
    return (size_t)(at - start);
}

/* Behind the E; far beyond what any double holds the value no longer matters. */
static bool read_exponent(const char *at, const char *end, int64_t *ret)
{
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    size_t len = count_digits(at, end);
    int64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = MIN_OF(value * 10 + (at[i] - '0'), EXPONENT_MOST);
    *ret = is_negative ? -value : value;
    return len > 0 && at + len == end;
}

static bool read_parts(struct str text, struct parts *ret)
{
    const char *at = text.at, *end = text.at + text.len;
    struct parts parts = {.is_negative = text.len && *at == '-'};
    if (text.len && (*at == '-' || *at == '+'))
        at++;
    parts.whole = at;
    parts.whole_len = count_digits(at, end);
    at += parts.whole_len;
    if (at < end && *at == '.') {
        parts.fraction = ++at;
        parts.fraction_len = count_digits(at, end);
        at += parts.fraction_len;
    }
    if (!parts.whole_len && !parts.fraction_len)
        return false;
    if (at < end && (*at | 0x20) == 'e') {
        if (!read_exponent(at + 1, end, &parts.exponent))
            return false;
        at = end;
    }
    *ret = parts;
    return at == end;
}

static void add_digits(const char *at, size_t len, uint64_t *digits)
{
    for (; len >= 8; len -= 8, at += 8)
        *digits = *digits * 100000000 + swar_number(swar_load(at));
    for (size_t i = 0; i < len; i++)
        *digits = *digits * 10 + (uint64_t)(at[i] - '0');
}

/* digits * 10^exponent. The quotient or product has at most one rounding error of the long format;
 * where that could change the double, the answer is no. */
static bool scale(uint64_t digits, int64_t exponent, double *ret)
{
    static const long double powers[EXPONENT_SURE + 1] = {
        1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
        1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
        1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    if (exponent < -EXPONENT_SURE || exponent > EXPONENT_SURE || LDBL_MANT_DIG < 64)
        return false;
    long double value = (long double)digits;
    value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
    double low = (double)(value * (1 - 2 * LDBL_EPSILON));
    double high = (double)(value * (1 + 2 * LDBL_EPSILON));
    if (low != high)
        return false;
    *ret = low;
    return true;
}

/* Zeros in front do not count as digits. */
static void strip_zeros(struct parts *parts)
{
    while (parts->whole_len && *parts->whole == '0')
        parts->whole++, parts->whole_len--;
    while (!parts->whole_len && parts->fraction_len && *parts->fraction == '0')
        parts->fraction++, parts->fraction_len--, parts->exponent--;
}

static bool exact_value(const struct parts *parts, double *ret)
{
    uint64_t digits = 0;
    if (parts->whole_len + parts->fraction_len > DIGITS_EXACT)
        return false;
    add_digits(parts->whole, parts->whole_len, &digits);
    add_digits(parts->fraction, parts->fraction_len, &digits);
    int64_t exponent = parts->exponent - (int64_t)parts->fraction_len;
    if (digits == 0) {
        *ret = 0;
        return true;
    }
    return scale(digits, exponent, ret);
}

/* Whatever the length, with bounded memory: behind DIGITS_DECIDE digits a 1 stands for the rest. */
static double strtod_value(const struct parts *parts)
{
    char text[DIGITS_DECIDE + 40];
    size_t len = 0, total = parts->whole_len + parts->fraction_len;
    size_t kept = MIN_OF(total, (size_t)DIGITS_DECIDE);
    for (size_t i = 0; i < kept; i++)
        text[len++] =
            i < parts->whole_len ? parts->whole[i] : parts->fraction[i - parts->whole_len];
    if (kept < total)
        text[len++] = '1';
    int64_t exponent = parts->exponent + (int64_t)parts->whole_len - (int64_t)len;
    snprintf(text + len, sizeof text - len, "e%lld", (long long)exponent);
    return strtod(text, NULL);
}

static double parts_value(struct parts parts)
{
    double value = 0;
    strip_zeros(&parts);
    if (!exact_value(&parts, &value))
        value = strtod_value(&parts);
    return parts.is_negative ? -value : value;
}

static bool is_word(struct str text, const char *lower)
{
    size_t len = strlen(lower);
    for (size_t i = 0; i < len && text.len == len; i++)
        if ((text.at[i] | 0x20) != lower[i])
            return false;
    return text.len == len;
}

static bool special_value(struct str text, double *ret)
{
    bool is_negative = text.len == 4 && text.at[0] == '-';
    if (is_word(text, "nan"))
        *ret = (double)NAN;
    else if (is_word(str_slice(text, is_negative, text.len), "inf"))
        *ret = is_negative ? -(double)INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

bool number_parse(struct str text, double *ret)
{
    struct parts parts;
    if (!text.len)
        return false;
    if (!read_parts(text, &parts))
        return special_value(text, ret);
    *ret = parts_value(parts);
    return true;
}

bool integer_parse(struct str text, struct cast_value *ret)
{
    struct parts parts;
    uint64_t digits = 0;
    size_t sign = text.len && (text.at[0] == '-' || text.at[0] == '+');
    if (text.len == sign || count_digits(text.at + sign, text.at + text.len) + sign != text.len ||
        !read_parts(text, &parts))
        return false;
    strip_zeros(&parts);
    if (parts.whole_len <= DIGITS_EXACT)
        add_digits(parts.whole, parts.whole_len, &digits);
    bool is_beyond = parts.whole_len > DIGITS_EXACT || digits > (uint64_t)INT64_MAX;
    ret->number = parts_value(parts) + 0.0; /* there is one zero */
    ret->integer = is_beyond ? INT64_MAX : (int64_t)digits;
    if (parts.is_negative)
        ret->integer = is_beyond ? INT64_MIN : -ret->integer;
    return true;
}

/* The text between what is no part of a number: from the first digit, with the sign and point that
 * touch it, to the last. A minus that does not touch it ("-EUR 5") leaves its meaning open. */
static struct str strip_foreign(struct str text, struct str point)
{
    size_t from = 0, to = text.len;
    while (from < text.len && count_digits(text.at + from, text.at + from + 1) == 0)
        from++;
    while (to > from && count_digits(text.at + to - 1, text.at + to) == 0)
        to--;
    if (from == text.len)
        return (struct str){0};
    if (from >= point.len && str_equal(str_slice(text, from - point.len, from), point))
        from -= point.len;
    if (from && (text.at[from - 1] == '-' || text.at[from - 1] == '+'))
        from--;
    bool is_doubtful = str_find_char(str_slice(text, 0, from), '-') >= 0;
    return is_doubtful ? (struct str){0} : str_slice(text, from, to);
}

static bool is_digit_at(struct str text, size_t at)
{
    return at < text.len && (unsigned char)(text.at[at] - '0') < 10;
}

/* Takes a group character at `at`, which must stand between digits and before the point. */
static bool takes_group(const struct caster *caster, struct str text, size_t at, bool has_point)
{
    struct str group = caster->group_char;
    return group.len && !has_point && at && str_starts(str_slice(text, at, text.len), group) &&
           is_digit_at(text, at - 1) && is_digit_at(text, at + group.len);
}

bool number_normalize(const struct caster *caster, struct arena *scratch, struct str text,
                      struct str *ret)
{
    struct str point = caster->decimal_char.len ? caster->decimal_char : STR(".");
    if (!caster->field->bare_number)
        text = strip_foreign(text, point);
    struct buf out = buf_in(scratch);
    bool has_point = false;
    for (size_t i = 0; i < text.len;) {
        if (takes_group(caster, text, i, has_point))
            i += caster->group_char.len;
        else if (str_starts(str_slice(text, i, text.len), point)) {
            buf_add_char(&out, '.');
            has_point = true;
            i += point.len;
        } else if (text.at[i] == '.')
            return false;
        else
            buf_add_char(&out, text.at[i++]);
    }
    *ret = buf_str(&out);
    return true;
}

bool parse_number(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret)
{
    if (!caster->is_plain && !number_normalize(caster, scratch, text, &text))
        return false;
    return number_parse(text, &ret->number);
}

bool parse_integer(const struct caster *caster, struct arena *scratch, struct str text,
                   struct cast_value *ret)
{
    if (!caster->is_plain && !number_normalize(caster, scratch, text, &text))
        return false;
    return integer_parse(text, ret);
}
