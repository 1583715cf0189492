/* Borrowed text: a pointer and a length, not NUL-terminated unless made by str_copy or str_print.
 * Zero is the empty string. Bytes are compared as unsigned. */
#pragma once

#include "mlops/base/lang.h"

#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>
#include <string.h>

struct arena;

struct str {
    const char *at;
    size_t len;
};

/* A literal as struct str, usable in initialisers of locals; STR_ROW in static tables. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ROW(literal)                                                                           \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
/* For printf: "%.*s", STR_FMT(s). Evaluates `s` twice: nothing with an effect of its own. */
#define STR_FMT(s) (int)(s).len, (s).at ? (s).at : ""

static inline struct str str_of(const char *text)
{
    return text ? (struct str){text, strlen(text)} : (struct str){0};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
    return str_equal(a, str_of(text));
}

/* <0, 0, >0 by unsigned bytes, the shorter first. */
int str_compare(struct str a, struct str b);

/* For qsort over an array of struct str. */
int str_compare_items(const void *a, const void *b);

bool str_starts(struct str text, struct str prefix);
bool str_ends(struct str text, struct str suffix);

/* Index of the first / last byte `c`, or -1. */
ptrdiff_t str_find_char(struct str text, char c);
ptrdiff_t str_find_last_char(struct str text, char c);

/* Index of the first occurrence, or -1; an empty needle is at 0. */
ptrdiff_t str_find(struct str text, struct str needle);

/* text[from..to), clamped to its ends. */
struct str str_slice(struct str text, size_t from, size_t to);

/* Without blanks (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str text);

/* Takes the part of *rest before `separator`, moves *rest behind it; false when *rest.at is NULL.
 * The last part leaves *rest zero. An empty but non-NULL rest gives one empty part. */
bool str_split(struct str *rest, char separator, struct str *ret_part);

/* NUL-terminated copy in the arena. */
struct str str_copy(struct arena *arena, struct str text);

/* The same as a C string; `text` must hold no NUL byte (checked). */
const char *str_terminate(struct arena *arena, struct str text);

/* printf into the arena. */
struct str str_print(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* Number of edits (insert, delete, replace, swap of neighbours) between two short texts; texts
 * longer than 64 bytes count as far apart (returns 64). Damerau-Levenshtein, restricted. */
int str_distance(struct str a, struct str b);

/* True if the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool str_is_utf8(struct str text);

/* Decodes one code point at `at` (of `len` bytes); returns bytes used, 0 if malformed. */
size_t utf8_decode(const char *at, size_t len, uint32_t *ret_code);
