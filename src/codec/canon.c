#include "mlops/base/check.h"

#include <math.h>

#include "canon_private.h"

/* Below this magnitude every integer is a double and every integral double is an integer. */
static const double INTEGRAL_MOST = 9007199254740992.0; /* 2^53 */

static const unsigned char KIND_TAGS[] = {
    [CANON_NULL] = 'n', [CANON_INT] = 'i',  [CANON_REAL] = 'r', [CANON_BIGINT] = 'g',
    [CANON_STR] = 's',  [CANON_LIST] = 'l', [CANON_MAP] = 'm',  [CANON_DIGEST] = 'h',
};

static void add_tag(struct buf *out, enum canon_kind kind)
{
    buf_add_char(out, (char)KIND_TAGS[kind]);
}

/* Unsigned LEB128: 7 bits a byte, least significant first, the top bit says that more follow. */
static void add_count(struct buf *out, uint64_t count)
{
    unsigned char bytes[10];
    size_t len = 0;
    do {
        unsigned char low = count & 0x7F;
        count >>= 7;
        bytes[len++] = (unsigned char)(low | (count ? 0x80 : 0));
    } while (count);
    buf_add(out, bytes, len);
}

static void add_eight(struct buf *out, enum canon_kind kind, uint64_t value)
{
    unsigned char bytes[9] = {KIND_TAGS[kind]};
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (unsigned char)(value >> (56 - 8 * i));
    buf_add(out, bytes, sizeof bytes);
}

static void add_bytes(struct buf *out, enum canon_kind kind, struct str bytes)
{
    add_tag(out, kind);
    add_count(out, bytes.len);
    buf_add(out, bytes.at, bytes.len);
}

void canon_null(struct buf *out)
{
    add_tag(out, CANON_NULL);
}

void canon_bool(struct buf *out, bool value)
{
    buf_add_char(out, value ? 't' : 'f');
}

void canon_int(struct buf *out, int64_t value)
{
    add_eight(out, CANON_INT, (uint64_t)value);
}

bool canon_is_integral(double value)
{
    return fabs(value) < INTEGRAL_MOST && trunc(value) >= value && trunc(value) <= value;
}

void canon_real(struct buf *out, double value)
{
    if (canon_is_integral(value)) {
        canon_int(out, (int64_t)value);
        return;
    }
    uint64_t bits = CANON_QUIET_NAN;
    if (!isnan(value))
        memcpy(&bits, &value, sizeof bits);
    add_eight(out, CANON_REAL, bits);
}

bool canon_is_plain_integer(struct str digits)
{
    size_t at = digits.len && digits.at[0] == '-';
    if (at == digits.len || digits.at[at] == '0')
        return false;
    while (at < digits.len && digits.at[at] >= '0' && digits.at[at] <= '9')
        at++;
    return at == digits.len;
}

void canon_bigint(struct buf *out, struct str digits)
{
    check(canon_is_plain_integer(digits));
    add_bytes(out, CANON_BIGINT, digits);
}

void canon_str(struct buf *out, struct str bytes)
{
    add_bytes(out, CANON_STR, bytes);
}

void canon_digest(struct buf *out, struct digest digest)
{
    add_tag(out, CANON_DIGEST);
    buf_add(out, digest.at, sizeof digest.at);
}

void canon_list(struct buf *out, size_t count)
{
    add_tag(out, CANON_LIST);
    add_count(out, count);
}

void canon_map(struct buf *out, size_t count)
{
    add_tag(out, CANON_MAP);
    add_count(out, count);
}
