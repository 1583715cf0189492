/* Dates and times of the usual form, eight bytes at a time. */
#pragma once

#include "cast_swar.h"

/* Each byte becomes the two-digit number that it begins with the next one. */
SWAR_INLINE uint64_t swar_twos(uint64_t digits)
{
    digits -= SWAR_EACH('0');
    return digits * 10 + (digits >> 8);
}

SWAR_INLINE uint64_t swar_byte(uint64_t word, int at)
{
    return word >> (8 * at) & 0xff;
}

/* yyyy-mm-dd as days since 1970, from its first eight bytes and its day; false if it is no day. */
SWAR_INLINE bool swar_days(uint64_t word, uint64_t day, int64_t *ret)
{
    static const uint16_t before[] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const uint8_t lengths[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t hyphens = UINT64_C(0xff0000ff00000000), marks = UINT64_C(0x2d00002d00000000);
    if ((word & hyphens) != marks)
        return false;
    word = (word & ~hyphens) | (UINT64_C(0x3000003000000000));
    uint64_t twos = swar_twos(word);
    uint64_t year = swar_byte(twos, 0) * 100 + swar_byte(twos, 2), month = swar_byte(twos, 5);
    if (!swar_is_digits(word) || month - 1 >= 12 || year == 0)
        return false;
    bool is_leap = year % 4 == 0 && (year % 25 != 0 || year % 16 == 0);
    if (day - 1 >= (uint64_t)lengths[month] + (month == 2 && is_leap))
        return false;
    uint64_t past = year - 1, centuries = past / 100;
    *ret = (int64_t)(past * 365 + past / 4 - centuries + centuries / 4 + before[month] +
                     (month > 2 && is_leap) + day) -
           719163;
    return true;
}

SWAR_INLINE bool swar_date(struct str text, double *ret)
{
    int64_t days = 0;
    if (text.len != 10)
        return false;
    uint64_t tens = (uint64_t)(text.at[8] - '0') & 0xff, ones = (uint64_t)(text.at[9] - '0') & 0xff;
    if (tens > 9 || ones > 9 || !swar_days(swar_load(text.at), tens * 10 + ones, &days))
        return false;
    *ret = (double)days;
    return true;
}

/* yyyy-mm-ddThh:mm:ss, perhaps with a Z behind it, as seconds since 1970. */
SWAR_INLINE bool swar_datetime(struct str text, double *ret)
{
    int64_t days = 0;
    if (text.len != 19 && (text.len != 20 || text.at[19] != 'Z'))
        return false;
    uint64_t middle = swar_load(text.at + 8),
             last = swar_load(text.at + 11); /* ddThh:mm hh:mm:ss */
    uint64_t marks = UINT64_C(0x0000ff0000ff0000);
    if ((middle & marks) != UINT64_C(0x00003a0000540000) ||
        (last & marks) != UINT64_C(0x00003a00003a0000))
        return false;
    middle = (middle & ~marks) | UINT64_C(0x0000300000300000);
    last = (last & ~marks) | UINT64_C(0x0000300000300000);
    if (!swar_is_digits(middle) || !swar_is_digits(last))
        return false;
    uint64_t twos = swar_twos(last), day = swar_byte(swar_twos(middle), 0);
    uint64_t hour = swar_byte(twos, 0), minute = swar_byte(twos, 3), second = swar_byte(twos, 6);
    if (hour > 23 || minute > 59 || second > 59 || !swar_days(swar_load(text.at), day, &days))
        return false;
    *ret = (double)(days * 86400 + (int64_t)(hour * 3600 + minute * 60 + second));
    return true;
}
