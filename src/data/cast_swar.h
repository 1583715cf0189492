/* Numbers and times of usual length, eight bytes at a time. Each reader says false for what it is
 * not made for, which then goes the long way; it never says true for what the long way refuses. */
#pragma once

#include "mlops/base/str.h"

#include <stdint.h>

#include <stdbool.h>
#include <string.h>

#define SWAR_INLINE static inline __attribute__((always_inline))
#define SWAR_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The byte at the lowest address becomes the lowest of the number. */
SWAR_INLINE uint64_t swar_load(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

SWAR_INLINE bool swar_is_digits(uint64_t word)
{
    return (((word + SWAR_EACH(0x46)) | (word - SWAR_EACH(0x30))) & SWAR_EACH(0x80)) == 0;
}

/* Eight digits, the first at the lowest address. */
SWAR_INLINE uint64_t swar_number(uint64_t word)
{
    word -= SWAR_EACH('0');
    word = word * 10 + (word >> 8);
    return (((word & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064)) +
            (((word >> 16) & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x0000271000000001))) >>
           32;
}

/* The highest bit of each byte that is `byte`, exactly. */
SWAR_INLINE uint64_t swar_find(uint64_t word, uint8_t byte)
{
    uint64_t other = word ^ SWAR_EACH(byte);
    return ~(((other & SWAR_EACH(0x7f)) + SWAR_EACH(0x7f)) | other) & SWAR_EACH(0x80);
}

/* The last 16 bytes of a text that ends at `end` and is `len` long, zeros ('0') before it. */
struct swar_pair {
    uint64_t left, right;
};

/* Bytes kept of the left and the right word for each length. */
SWAR_INLINE uint64_t swar_kept(size_t len)
{
    return len >= 8 ? UINT64_MAX : ~(UINT64_MAX >> (8 * len));
}

SWAR_INLINE struct swar_pair swar_pair(const char *end, size_t len)
{
    uint64_t left = swar_kept(len > 8 ? len - 8 : 0), right = swar_kept(len);
    return (struct swar_pair){
        .left = (swar_load(end - 16) & left) | (SWAR_EACH('0') & ~left),
        .right = (swar_load(end - 8) & right) | (SWAR_EACH('0') & ~right),
    };
}

/* The last eight bytes of a text of up to eight, zeros before it; both of one length most often. */
SWAR_INLINE uint64_t swar_short(const char *end, size_t len)
{
    uint64_t fill = (UINT64_MAX >> 8 * (len - 1)) >> 8;
    return (swar_load(end - 8) & ~fill) | (SWAR_EACH('0') & fill);
}

/* -?digits, up to 16 of them; `text` has 16 bytes or more before its end. */
SWAR_INLINE bool swar_integer(struct str text, int64_t *ret)
{
    bool is_negative = text.at[0] == '-';
    size_t len = text.len - is_negative;
    uint64_t value = 0;
    if (len - 1 < 8) {
        uint64_t word = swar_short(text.at + text.len, len);
        if (!swar_is_digits(word))
            return false;
        value = swar_number(word);
    } else {
        struct swar_pair pair = swar_pair(text.at + text.len, len);
        if (len - 1 >= 16 || !swar_is_digits(pair.left) || !swar_is_digits(pair.right))
            return false;
        value = swar_number(pair.left) * 100000000 + swar_number(pair.right);
    }
    *ret = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Takes out the point that `found` marks, what stands before it moving up by a byte and `carry`
 * into its place; how many digits follow the point. */
SWAR_INLINE size_t swar_close(uint64_t *word, uint64_t found, uint64_t carry)
{
    unsigned shift = (unsigned)__builtin_ctzll(found) & ~7U;
    uint64_t before = (UINT64_C(1) << shift) - 1;
    *word = (*word & ~(before | UINT64_C(0xff) << shift)) | (*word & before) << 8 | carry;
    return 7 - shift / 8;
}

/* Exact, because both the digits as an integer and the power of ten are. */
SWAR_INLINE double swar_quotient(uint64_t digits, size_t places, bool is_negative)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    double value = (double)(int64_t)digits / powers[places];
    return is_negative ? -value : value;
}

/* -?digits with or without a point and up to 7 digits behind it, 16 bytes in all. */
SWAR_INLINE bool swar_decimal(struct str text, double *ret, bool *ret_has_point)
{
    bool is_negative = text.at[0] == '-';
    size_t len = text.len - is_negative, places = 0;
    uint64_t digits = 0, found = 0;
    if (len - 1 < 8) {
        uint64_t word = swar_short(text.at + text.len, len);
        found = swar_find(word, '.');
        if (found)
            places = swar_close(&word, found, '0');
        if (!swar_is_digits(word) || (found && len == 1))
            return false;
        digits = swar_number(word);
    } else {
        struct swar_pair pair = swar_pair(text.at + text.len, len);
        found = swar_find(pair.right, '.');
        if (found) {
            places = swar_close(&pair.right, found, pair.left >> 56);
            pair.left = pair.left << 8 | '0';
        }
        if (len - 1 >= 16 || !swar_is_digits(pair.left) || !swar_is_digits(pair.right))
            return false;
        digits = swar_number(pair.left) * 100000000 + swar_number(pair.right);
        if (digits > UINT64_C(1) << 53)
            return false;
    }
    *ret = swar_quotient(digits, places, is_negative);
    *ret_has_point = found != 0;
    return true;
}
