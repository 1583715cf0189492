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

static bool is_next(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Length of the sequence of two or three bytes that most text beyond ASCII is made of, if it is
 * well-formed whatever follows its lead; else 0. */
static size_t common_len(const char *at, size_t len)
{
    unsigned char lead = (unsigned char)*at;
    if (lead >= 0xc2 && lead <= 0xdf)
        return len >= 2 && is_next(at[1]) ? 2 : 0;
    bool is_three = lead > 0xe0 && lead <= 0xef && lead != 0xed;
    return is_three && len >= 3 && is_next(at[1]) && is_next(at[2]) ? 3 : 0;
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
        while (at < len && (unsigned char)text[at] < 0x80)
            at++;
        size_t used = at < len ? common_len(text + at, len - at) : 0;
        if (at < len && used == 0)
            used = utf8_decode(text + at, len - at, &code);
        if (at < len && used == 0)
            return at;
        at += used;
    }
    return at;
}
