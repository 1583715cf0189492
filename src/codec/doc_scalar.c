/* What a plain scalar means: YAML 1.2's core schema, and the table of DVC's reader (ruamel.yaml),
 * which adds underscores, 0b, signs before a radix, and wants a sign in the exponent of ".5e+3". */
#include "mlops/base/check.h"

#include <math.h>
#include <stdlib.h>

#include "doc_private.h"

struct dialect_row {
    bool underscores;
    bool binary;
    bool signed_radix;
    bool bare_point_wants_sign;
};

static const struct dialect_row DIALECTS[] = {
    [DOC_NATIVE] = {0},
    [DOC_DVC] = {.underscores = true,
                 .binary = true,
                 .signed_radix = true,
                 .bare_point_wants_sign = true},
};

struct word_row {
    const char *text;
    enum doc_kind kind;
    double value;
};

static const struct word_row WORDS[] = {
    {"~", DOC_NULL, 0},
    {"null", DOC_NULL, 0},
    {"Null", DOC_NULL, 0},
    {"NULL", DOC_NULL, 0},
    {"true", DOC_BOOL, 1},
    {"True", DOC_BOOL, 1},
    {"TRUE", DOC_BOOL, 1},
    {"false", DOC_BOOL, 0},
    {"False", DOC_BOOL, 0},
    {"FALSE", DOC_BOOL, 0},
    {".inf", DOC_REAL, (double)INFINITY},
    {".Inf", DOC_REAL, (double)INFINITY},
    {".INF", DOC_REAL, (double)INFINITY},
    {"+.inf", DOC_REAL, (double)INFINITY},
    {"+.Inf", DOC_REAL, (double)INFINITY},
    {"+.INF", DOC_REAL, (double)INFINITY},
    {"-.inf", DOC_REAL, -(double)INFINITY},
    {"-.Inf", DOC_REAL, -(double)INFINITY},
    {"-.INF", DOC_REAL, -(double)INFINITY},
    {".nan", DOC_REAL, (double)NAN},
    {".NaN", DOC_REAL, (double)NAN},
    {".NAN", DOC_REAL, (double)NAN},
};

static bool resolve_word(struct doc_node *node)
{
    for (size_t i = 0; i < COUNT_OF(WORDS); i++) {
        if (!str_is(node->text, WORDS[i].text))
            continue;
        node->kind = WORDS[i].kind;
        if (node->kind == DOC_BOOL)
            node->truth = WORDS[i].value > 0;
        else if (node->kind == DOC_REAL)
            node->real = WORDS[i].value;
        return true;
    }
    return false;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
        return (c | 0x20) - 'a' + 10;
    return 99;
}

/* Parts of an integer's text. */
struct integer {
    bool is_negative;
    bool is_signed;
    int radix;
    struct str digits; /* underscores included */
};

static struct integer split_integer(struct str text)
{
    struct integer integer = {.radix = 10};
    if (text.len && (text.at[0] == '-' || text.at[0] == '+')) {
        integer.is_signed = true;
        integer.is_negative = text.at[0] == '-';
        text = str_slice(text, 1, text.len);
    }
    if (text.len > 2 && text.at[0] == '0') {
        integer.radix = text.at[1] == 'x' ? 16 : text.at[1] == 'o' ? 8 : text.at[1] == 'b' ? 2 : 10;
        if (integer.radix != 10)
            text = str_slice(text, 2, text.len);
    }
    integer.digits = text;
    return integer;
}

static bool has_only_digits(const struct integer *integer, bool underscores)
{
    size_t count = 0;
    for (size_t i = 0; i < integer->digits.len; i++) {
        if (digit_value(integer->digits.at[i]) < integer->radix)
            count++;
        else if (!underscores || integer->digits.at[i] != '_')
            return false;
    }
    return count > 0;
}

/* False if it does not fit. */
static bool read_value(const struct integer *integer, int64_t *ret)
{
    int64_t value = 0; /* negative all along: INT64_MIN has no positive counterpart */
    for (size_t i = 0; i < integer->digits.len; i++) {
        int digit = digit_value(integer->digits.at[i]);
        if (digit >= integer->radix)
            continue; /* an underscore */
        if (__builtin_mul_overflow(value, integer->radix, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!integer->is_negative && value == INT64_MIN)
        return false;
    *ret = integer->is_negative ? value : -value;
    return true;
}

bool doc_read_decimal(struct str digits, int64_t *ret)
{
    struct integer integer = split_integer(digits);
    return integer.radix == 10 && has_only_digits(&integer, false) && read_value(&integer, ret);
}

enum doc_integer doc_read_integer(struct str text, int64_t *ret)
{
    struct integer integer = split_integer(text);
    if (!has_only_digits(&integer, true))
        return DOC_INTEGER_NONE;
    return read_value(&integer, ret) ? DOC_INTEGER_FITS : DOC_INTEGER_HUGE;
}

/* Longer ones in another radix are strings: turning them into decimal takes quadratic time. */
enum { RADIX_DIGITS_MOST = 256 };

static bool resolve_integer(struct doc_node *node, const struct dialect_row *dialect)
{
    struct integer integer = split_integer(node->text);
    if (!has_only_digits(&integer, dialect->underscores) ||
        (integer.radix == 2 && !dialect->binary) ||
        (integer.radix != 10 && integer.is_signed && !dialect->signed_radix) ||
        (integer.radix != 10 && integer.digits.len > RADIX_DIGITS_MOST))
        return false;
    node->kind = read_value(&integer, &node->integer) ? DOC_INT : DOC_BIGINT;
    return true;
}

static size_t skip_digits(struct str text, size_t at, bool underscores, bool *ret_any)
{
    while (at < text.len &&
           (digit_value(text.at[at]) < 10 || (underscores && text.at[at] == '_'))) {
        *ret_any |= text.at[at] != '_';
        at++;
    }
    return at;
}

static size_t skip_sign(struct str text, size_t at)
{
    return at + (at < text.len && (text.at[at] == '-' || text.at[at] == '+'));
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, with the dialect's differences. */
static bool is_real(struct str text, const struct dialect_row *dialect)
{
    bool has_whole = false;
    bool has_fraction = false;
    bool has_power = false;
    size_t at = skip_digits(text, skip_sign(text, 0), dialect->underscores, &has_whole);
    if (at < text.len && text.at[at] == '.')
        at = skip_digits(text, at + 1, dialect->underscores, &has_fraction);
    if (!has_whole && !has_fraction)
        return false;
    if (at == text.len)
        return true;
    if (text.at[at] != 'e' && text.at[at] != 'E')
        return false;
    size_t power = skip_sign(text, at + 1);
    if (!has_whole && power == at + 1 && dialect->bare_point_wants_sign)
        return false;
    return skip_digits(text, power, false, &has_power) == text.len && has_power;
}

bool doc_read_real(struct arena *scratch, struct str text, double *ret)
{
    char room[64];
    char *copy = text.len < sizeof room ? room : arena_alloc(scratch, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '_')
            copy[len++] = text.at[i];
    copy[len] = '\0';
    double value = strtod(copy, NULL);
    if (isinf(value))
        return false;
    *ret = value;
    return true;
}

bool doc_resolve(struct doc_node *node, enum doc_dialect dialect, struct arena *scratch)
{
    static const char first[] = "-+.0123456789~ntfNTF"; /* of whatever is not a string */
    const struct dialect_row *row = &DIALECTS[dialect];
    struct str text = node->text;
    node->kind = DOC_STR;
    if (!text.len)
        node->kind = DOC_NULL;
    else if (memchr(first, text.at[0], sizeof first - 1) && !resolve_word(node) &&
             !resolve_integer(node, row) && is_real(text, row)) {
        node->kind = DOC_REAL;
        return doc_read_real(scratch, text, &node->real);
    }
    return true;
}

/* Schoolbook conversion, digit by digit, of at most RADIX_DIGITS_MOST digits. */
static struct str to_decimal(struct arena *arena, const struct integer *integer)
{
    size_t room = integer->digits.len * 2 + 1; /* a hex digit takes 1.21 decimal ones */
    unsigned char *decimal = arena_alloc(arena, room);
    for (size_t i = 0; i < integer->digits.len; i++) {
        int carry = digit_value(integer->digits.at[i]);
        if (carry >= integer->radix)
            continue;
        for (size_t j = room; j-- > 0;) {
            carry += decimal[j] * integer->radix;
            decimal[j] = (unsigned char)(carry % 10);
            carry /= 10;
        }
    }
    for (size_t j = 0; j < room; j++)
        decimal[j] = (unsigned char)(decimal[j] + '0');
    return (struct str){(char *)decimal, room};
}

struct str doc_bigint_digits(struct arena *arena, struct str text)
{
    struct integer integer = split_integer(text);
    struct str digits = integer.digits;
    if (integer.radix != 10)
        digits = to_decimal(arena, &integer);
    char *out = arena_alloc(arena, digits.len + 2);
    size_t len = 0;
    if (integer.is_negative)
        out[len++] = '-';
    bool leading = true;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] == '_' || (leading && digits.at[i] == '0'))
            continue;
        leading = false;
        out[len++] = digits.at[i];
    }
    check(!leading);
    return (struct str){out, len};
}
