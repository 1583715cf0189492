#include "mlops/model/name.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <string.h>

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_invisible(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1F},     {0x7F, 0x9F},       {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},
        {0x115F, 0x1160}, {0x17B4, 0x17B5},   {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E},
        {0x2060, 0x206F}, {0x3164, 0x3164},   {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},
        {0xFFF0, 0xFFFB}, {0xE0000, 0xE0FFF},
    };
    if (code >= 0x20 && code < 0x7F) /* nearly all there are */
        return false;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    }
    return false;
}

static const char *dvc_name_fault(struct str name)
{
    size_t at = 0;
    while (at < name.len) {
        uint32_t code;
        size_t used = utf8_decode(name.at + at, name.len - at, &code);
        if (used == 0)
            return "is not UTF-8";
        if (is_invisible(code))
            return "holds a control, bidi or invisible character";
        at += used;
    }
    return NULL;
}

static const char *native_name_fault(struct str name)
{
    if (!is_letter_or_digit(name.at[0]) && name.at[0] != '_')
        return "does not start with a letter, a digit or _";
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (!is_letter_or_digit(c) && (c == '\0' || !strchr("_.@/ -", c)))
            return "holds more than letters, digits, blanks and _ . - @ /";
    }
    if (name.at[name.len - 1] == ' ')
        return "ends in a blank";
    return NULL;
}

const char *name_fault(struct str name, bool is_dvc)
{
    if (name.len == 0)
        return "is empty";
    if (is_dvc && name.len > (size_t)LIMIT_DVC_NAME_BYTES)
        return "is longer than 1024 bytes";
    if (!is_dvc && name.len > (size_t)LIMIT_NAME_BYTES)
        return "is longer than 128 bytes";
    return is_dvc ? dvc_name_fault(name) : native_name_fault(name);
}

enum { NAME_FILE_PART_BYTES = 40, NAME_FILE_HEX = 8 };

struct str name_file(struct arena *arena, size_t number, struct str name)
{
    char part[NAME_FILE_PART_BYTES];
    size_t len = MIN_OF(name.len, (size_t)NAME_FILE_PART_BYTES);
    for (size_t i = 0; i < len; i++)
        part[i] = is_letter_or_digit(name.at[i]) || name.at[i] == '_' ? name.at[i] : '-';
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest_of(name.at, name.len), hex);
    return str_print(arena, "%zu-%.*s-%.*s", number, (int)len, part, NAME_FILE_HEX, hex);
}

/* Crockford's base 32, as https://github.com/ulid/spec has it. */
static const char ulid_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { ULID_LEN = 26, ULID_TIME_LEN = 10, ULID_SHORT_LEN = 8, ULID_RANDOM_BYTES = 10 };

static void ulid_print_random(const unsigned char *random, char *to)
{
    unsigned bits = 0;
    int have = 0;
    for (int i = 0; i < ULID_RANDOM_BYTES; i++) {
        bits = (bits << 8 | random[i]) & 0xFFFFU;
        for (have += 8; have >= 5; have -= 5)
            *to++ = ulid_digits[bits >> (have - 5) & 31U];
    }
}

struct str ulid_print(struct arena *arena, int64_t moment_ns, const unsigned char random[static 10])
{
    char *text = arena_alloc(arena, ULID_LEN + 1);
    uint64_t ms = (uint64_t)MAX_OF(moment_ns, 0) / 1000000U;
    for (int i = ULID_TIME_LEN - 1; i >= 0; i--, ms >>= 5)
        text[i] = ulid_digits[ms & 31U];
    ulid_print_random(random, text + ULID_TIME_LEN);
    return (struct str){text, ULID_LEN};
}

bool ulid_is_valid(struct str text)
{
    if (text.len != ULID_LEN || text.at[0] > '7')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\0' || !strchr(ulid_digits, text.at[i]))
            return false;
    }
    return true;
}

struct str ulid_short(struct str ulid)
{
    return str_slice(ulid, ulid.len - MIN_OF(ulid.len, (size_t)ULID_SHORT_LEN), ulid.len);
}
