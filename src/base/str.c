#include "mlops/base/str.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <stdarg.h>

#include <stdio.h>

int str_compare(struct str a, struct str b)
{
    size_t len = MIN_OF(a.len, b.len);
    int order = len ? memcmp(a.at, b.at, len) : 0;
    if (order)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

int str_compare_items(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

bool str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len && str_equal((struct str){text.at, prefix.len}, prefix);
}

bool str_ends(struct str text, struct str suffix)
{
    return text.len >= suffix.len &&
           str_equal(str_slice(text, text.len - suffix.len, text.len), suffix);
}

ptrdiff_t str_find_char(struct str text, char c)
{
    const char *found = text.len ? memchr(text.at, c, text.len) : NULL;
    return found ? found - text.at : -1;
}

ptrdiff_t str_find_last_char(struct str text, char c)
{
    const char *found = text.len ? memrchr(text.at, c, text.len) : NULL;
    return found ? found - text.at : -1;
}

ptrdiff_t str_find(struct str text, struct str needle)
{
    if (needle.len == 0)
        return 0;
    const char *found = text.len ? memmem(text.at, text.len, needle.at, needle.len) : NULL;
    return found ? found - text.at : -1;
}

struct str str_slice(struct str text, size_t from, size_t to)
{
    to = MIN_OF(to, text.len);
    from = MIN_OF(from, to);
    return (struct str){text.at ? text.at + from : NULL, to - from};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str text)
{
    size_t from = 0;
    size_t to = text.len;
    while (from < to && is_blank(text.at[from]))
        from++;
    while (to > from && is_blank(text.at[to - 1]))
        to--;
    return str_slice(text, from, to);
}

bool str_split(struct str *rest, char separator, struct str *ret_part)
{
    if (!rest->at)
        return false;
    ptrdiff_t cut = str_find_char(*rest, separator);
    if (cut < 0) {
        *ret_part = *rest;
        *rest = (struct str){0};
        return true;
    }
    *ret_part = (struct str){rest->at, (size_t)cut};
    *rest = (struct str){rest->at + cut + 1, rest->len - (size_t)cut - 1};
    return true;
}

struct str str_copy(struct arena *arena, struct str text)
{
    return (struct str){arena_copy(arena, text.at, text.len), text.len};
}

const char *str_terminate(struct arena *arena, struct str text)
{
    check(str_find_char(text, '\0') < 0);
    return arena_copy(arena, text.at, text.len);
}

struct str str_print(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    check(len >= 0);
    char *at = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(at, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){at, (size_t)len};
}

enum { DISTANCE_LEN_MOST = 64 };

static int min3(int a, int b, int c)
{
    return MIN_OF(a, MIN_OF(b, c));
}

int str_distance(struct str a, struct str b)
{
    if (a.len >= DISTANCE_LEN_MOST || b.len >= DISTANCE_LEN_MOST)
        return DISTANCE_LEN_MOST;
    int rows[3][DISTANCE_LEN_MOST + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= a.len; i++) {
        int *row = rows[i % 3];
        const int *above = rows[(i + 2) % 3];
        const int *above2 = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= b.len; j++) {
            int cost = a.at[i - 1] != b.at[j - 1];
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            bool swapped =
                i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1];
            if (swapped)
                row[j] = MIN_OF(row[j], above2[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

static size_t utf8_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if ((lead & 0xF0) == 0xE0)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

size_t utf8_decode(const char *at, size_t len, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char lead_mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    if (len == 0)
        return 0;
    unsigned char lead = (unsigned char)at[0];
    size_t used = utf8_length(lead);
    if (used == 0 || used > len)
        return 0;
    uint32_t code = lead & lead_mask[used];
    for (size_t i = 1; i < used; i++) {
        unsigned char next = (unsigned char)at[i];
        if ((next & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3FU);
    }
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < least[used] || code > 0x10FFFF || surrogate)
        return 0;
    *ret_code = code;
    return used;
}

bool str_is_utf8(struct str text)
{
    size_t at = 0;
    while (at < text.len) {
        uint32_t code;
        size_t used = utf8_decode(text.at + at, text.len - at, &code);
        if (used == 0)
            return false;
        at += used;
    }
    return true;
}
