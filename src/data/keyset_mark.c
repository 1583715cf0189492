#include "mlops/base/check.h"
#include "mlops/host/clock.h"

#include <pthread.h>

#include "keyset_private.h"

/* SipHash-2-4 with 128 bits of output: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
 */

enum { INLINE_MOST = 15, INLINE_TAG = 0x40, HASH_TAG = 0x80 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t process_key[4];

static void draw_key(void)
{
    random_bytes(process_key, sizeof process_key);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t turn(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

static inline uint64_t load_le(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline void rounds(struct sip *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v1 = turn(s->v1, 13) ^ s->v0;
        s->v0 = turn(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = turn(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = turn(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = turn(s->v1, 17) ^ s->v2;
        s->v2 = turn(s->v2, 32);
    }
}

static inline void absorb(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

void key_siphash(const uint64_t key[2], const unsigned char *at, size_t len, uint64_t ret[2])
{
    struct sip s = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d ^ 0xee,
                    key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    size_t whole = len & ~(size_t)7;
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = 0; i < whole; i += 8)
        absorb(&s, load_le(at + i));
    for (size_t i = whole; i < len; i++)
        last |= (uint64_t)at[i] << (8 * (i - whole));
    absorb(&s, last);
    s.v2 ^= 0xee;
    rounds(&s, 4);
    ret[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    s.v1 ^= 0xdd;
    rounds(&s, 4);
    ret[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static inline uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93;
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93;
    return value ^ value >> 32;
}

/* Marks are sorted by their digits: two rounds of a keyed Feistel network, which is a permutation
 * whatever `mix` is, spread short keys evenly without two of them becoming one. */
static inline void spread(uint64_t word[2])
{
    word[1] ^= mix(word[0] ^ process_key[2]);
    word[0] ^= mix(word[1] ^ process_key[3]);
}

struct key_mark key_mark_of(const void *at, size_t len)
{
    struct key_mark mark = {0};
    uint64_t word[2] = {0};
    check(pthread_once(&once, draw_key) == 0);
    if (len <= INLINE_MOST) {
        if (len)
            memcpy(mark.at, at, len);
        mark.at[INLINE_MOST] = (unsigned char)(INLINE_TAG | len);
    } else {
        key_siphash(process_key, at, len, word);
        memcpy(mark.at, word, sizeof word);
        mark.at[INLINE_MOST] |= HASH_TAG;
    }
    memcpy(word, mark.at, sizeof word);
    spread(word);
    memcpy(mark.at, word, sizeof word);
    return mark;
}
