/* Well-formed UTF-8, a word at a time where it is ASCII. */
#include "table_private.h"

static bool is_ascii_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return (word & 0x8080808080808080u) == 0;
}

bool text_is_ascii(const char *text, size_t len)
{
    uint64_t all = 0, word;
    size_t at = 0;
    for (; len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        all |= word;
    }
    for (; at < len; at++)
        all |= (unsigned char)text[at];
    return (all & 0x8080808080808080u) == 0;
}

size_t utf8_valid(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        uint32_t code;
        if (len - at >= sizeof(uint64_t) && is_ascii_word(text + at)) {
            at += sizeof(uint64_t);
            continue;
        }
        size_t used = utf8_decode(text + at, len - at, &code);
        if (used == 0)
            return at;
        at += used;
    }
    return at;
}
