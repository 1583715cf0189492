/* Decimal numbers of any length, exactly: compared and encoded without being calculated. */
#include "cast_private.h"

static char digit_at(const struct decimal *decimal, size_t at)
{
    return at < decimal->whole.len ? decimal->whole.at[at]
                                   : decimal->fraction.at[at - decimal->whole.len];
}

static size_t digit_count(const struct decimal *decimal)
{
    return decimal->whole.len + decimal->fraction.len;
}

/* Zeros at both ends say nothing but where the point is. */
static void strip(struct decimal *decimal)
{
    decimal->exponent += (int64_t)decimal->whole.len;
    while (decimal->whole.len && decimal->whole.at[0] == '0')
        decimal->whole = str_slice(decimal->whole, 1, decimal->whole.len), decimal->exponent--;
    while (!decimal->whole.len && decimal->fraction.len && decimal->fraction.at[0] == '0')
        decimal->fraction = str_slice(decimal->fraction, 1, decimal->fraction.len),
        decimal->exponent--;
    while (decimal->fraction.len && decimal->fraction.at[decimal->fraction.len - 1] == '0')
        decimal->fraction.len--;
    while (!decimal->fraction.len && decimal->whole.len &&
           decimal->whole.at[decimal->whole.len - 1] == '0')
        decimal->whole.len--;
    if (!digit_count(decimal))
        *decimal = (struct decimal){0};
}

/* What is beyond 18 digits is as good as infinite; it stays in order and far from overflow. */
static int64_t exponent_of(struct str text)
{
    static const int64_t most = INT64_C(1000000000000000000);
    int64_t value = 0;
    bool is_negative = text.len && text.at[0] == '-';
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] >= '0')
            value = value > most / 10 - 1 ? most : value * 10 + (text.at[i] - '0');
    return is_negative ? -value : value;
}

bool decimal_read(struct str text, struct decimal *ret)
{
    double value = 0;
    if (!number_parse(text, &value))
        return false;
    struct decimal decimal = {.is_negative = text.at[0] == '-'};
    struct str rest = text.at[0] == '-' || text.at[0] == '+' ? str_slice(text, 1, text.len) : text;
    if ((rest.at[0] | 0x20) == 'n' || (rest.at[0] | 0x20) == 'i') {
        decimal.kind = (rest.at[0] | 0x20) == 'n' ? DECIMAL_NAN : DECIMAL_INFINITE;
        *ret = decimal;
        return true;
    }
    size_t mantissa = 0;
    while (mantissa < rest.len && (rest.at[mantissa] | 0x20) != 'e')
        mantissa++;
    struct str digits = str_slice(rest, 0, mantissa);
    ptrdiff_t point = str_find_char(digits, '.');
    decimal.whole = point < 0 ? digits : str_slice(digits, 0, (size_t)point);
    decimal.fraction =
        point < 0 ? (struct str){0} : str_slice(digits, (size_t)point + 1, digits.len);
    decimal.exponent = exponent_of(str_slice(rest, mantissa + 1, rest.len));
    strip(&decimal);
    *ret = decimal;
    return true;
}

bool decimal_is_integral(const struct decimal *decimal)
{
    return decimal->kind == DECIMAL_FINITE &&
           (!digit_count(decimal) || decimal->exponent >= (int64_t)digit_count(decimal));
}

/* -1, 0 or 1, both being positive and no zero. */
static int compare_digits(const struct decimal *a, const struct decimal *b)
{
    size_t a_len = digit_count(a), b_len = digit_count(b);
    if (a->exponent != b->exponent)
        return a->exponent < b->exponent ? -1 : 1;
    for (size_t i = 0; i < a_len && i < b_len; i++)
        if (digit_at(a, i) != digit_at(b, i))
            return digit_at(a, i) < digit_at(b, i) ? -1 : 1;
    return a_len < b_len ? -1 : a_len > b_len;
}

/* -INF -3, negative -2, zero 0, positive 2, INF 3, NaN 4 */
static int rank(const struct decimal *decimal)
{
    if (decimal->kind == DECIMAL_NAN)
        return 4;
    int rank = decimal->kind == DECIMAL_INFINITE ? 3 : digit_count(decimal) ? 2 : 0;
    return decimal->is_negative ? -rank : rank;
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    int rank_a = rank(a), rank_b = rank(b);
    if (rank_a != rank_b)
        return rank_a < rank_b ? -1 : 1;
    if (rank_a != 2 && rank_a != -2)
        return 0;
    return rank_a < 0 ? -compare_digits(a, b) : compare_digits(a, b);
}

void encode_count(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_add_char(out, (char)(value | 0x80));
    buf_add_char(out, (char)value);
}

/* 'n', rank, and of what is finite and no zero: exponent, number of digits, digits. */
void decimal_encode(const struct decimal *decimal, struct buf *out)
{
    int order = rank(decimal);
    buf_add_char(out, 'n');
    buf_add_char(out, (char)('4' + order));
    if (order != 2 && order != -2)
        return;
    encode_count(out, (uint64_t)decimal->exponent << 1 ^ (uint64_t)(decimal->exponent >> 63));
    encode_count(out, digit_count(decimal));
    buf_add_str(out, decimal->whole);
    buf_add_str(out, decimal->fraction);
}
