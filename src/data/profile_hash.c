#include "profile_private.h"

const uint64_t profile_seeds[4] = {UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db),
                                   UINT64_C(0x8ebc6af09c88c6e3), UINT64_C(0x589965cc75374cc3)};

/* Which bytes of the last 16 in memory belong to a text of so many. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LAST(count) ((count) == 0 ? 0 : ~UINT64_C(0) << (64 - 8 * (count)) % 64)
#else
#define LAST(count) ((count) == 0 ? 0 : ~UINT64_C(0) >> (64 - 8 * (count)) % 64)
#endif
#define ROW(len)                                                                                   \
    {                                                                                              \
        LAST((len) > 8 ? (len)-8 : 0), LAST((len) > 8 ? 8 : (len))                                 \
    }

const uint64_t profile_masks[TEXT_SHORT + 1][2] = {
    ROW(0), ROW(1),  ROW(2),  ROW(3),  ROW(4),  ROW(5),  ROW(6),  ROW(7), ROW(8),
    ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15), ROW(16)};

struct text_key text_key_long(struct str text)
{
    struct text_key key = {profile_seeds[2], profile_seeds[3], 0, (uint32_t)text.len};
    const char *last = text.at + text.len - TEXT_SHORT;
    for (const char *at = text.at; at < last; at += TEXT_SHORT) {
        uint64_t a = bits_load(at), b = bits_load(at + 8);
        key.a = bits_fold(a ^ profile_seeds[0], b ^ key.a);
        key.b = bits_fold(b ^ profile_seeds[1], a ^ key.b);
    }
    uint64_t a = bits_load(last), b = bits_load(last + 8);
    key.a = bits_fold(a ^ profile_seeds[0], b ^ key.a);
    key.b = bits_fold(b ^ profile_seeds[1], a ^ key.b);
    return key;
}
