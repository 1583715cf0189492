#include "profile_private.h"

__extension__ typedef unsigned __int128 wide;

enum { SHORT_BYTES = 16 };

static const uint64_t seeds[] = {UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db),
                                 UINT64_C(0x8ebc6af09c88c6e3), UINT64_C(0x589965cc75374cc3)};

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static uint64_t read_8(const char *at)
{
    uint64_t word = 0;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t read_4(const char *at)
{
    uint32_t word = 0;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The first and the last bytes, which overlap: together with the length they are the text. */
static struct text_key short_key(const char *at, size_t len)
{
    struct text_key key = {.len = (uint32_t)len};
    if (len >= 8) {
        key.a = read_8(at);
        key.b = read_8(at + len - 8);
    } else if (len >= 4) {
        key.a = read_4(at);
        key.b = read_4(at + len - 4);
    } else if (len > 0) {
        key.a = (uint64_t)(unsigned char)at[0] << 16 | (uint64_t)(unsigned char)at[len / 2] << 8 |
                (unsigned char)at[len - 1];
    }
    return key;
}

static struct text_key long_key(const char *at, size_t len)
{
    struct text_key key = {seeds[2], seeds[3], 0, (uint32_t)len};
    size_t done = 0;
    for (; done + SHORT_BYTES < len; done += SHORT_BYTES) {
        uint64_t a = read_8(at + done), b = read_8(at + done + 8);
        key.a = fold(a ^ seeds[0], b ^ key.a);
        key.b = fold(b ^ seeds[1], a ^ key.b);
    }
    uint64_t a = read_8(at + len - SHORT_BYTES), b = read_8(at + len - 8);
    key.a = fold(a ^ seeds[0], b ^ key.a);
    key.b = fold(b ^ seeds[1], a ^ key.b);
    return key;
}

/* After wyhash (W. Yi): not keyed, as equal files have equal profiles. */
struct text_key text_key_of(const char *at, size_t len)
{
    struct text_key key = len <= SHORT_BYTES ? short_key(at, len) : long_key(at, len);
    key.hash = fold(seeds[1] ^ len, fold(key.a ^ seeds[0], key.b ^ seeds[2]));
    return key;
}
