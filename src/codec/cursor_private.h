/* A place in bytes that moves forward, with its line and column: what the readers of JSON, TOML and
 * Python share. */
#pragma once

#include "mlops/base/str.h"

struct buf;

struct cursor {
    struct str bytes;
    size_t at;
    size_t counted; /* up to here line and column are known */
    int line;
    int column;
};

static inline struct cursor cursor_of(struct str bytes)
{
    return (struct cursor){.bytes = bytes, .line = 1, .column = 1};
}

static inline bool cursor_at_end(const struct cursor *cursor)
{
    return cursor->at >= cursor->bytes.len;
}

/* The byte ahead; 0 at the end (a NUL byte is part of none of these languages). */
static inline char cursor_peek(const struct cursor *cursor)
{
    return cursor_at_end(cursor) ? '\0' : cursor->bytes.at[cursor->at];
}

/* The byte `ahead` bytes further on, 0 beyond the end. */
static inline char cursor_peek_at(const struct cursor *cursor, size_t ahead)
{
    return ahead < cursor->bytes.len - cursor->at ? cursor->bytes.at[cursor->at + ahead] : '\0';
}

static inline struct str cursor_rest(const struct cursor *cursor)
{
    return str_slice(cursor->bytes, cursor->at, cursor->bytes.len);
}

/* Moves over `text` if it stands there. */
bool cursor_take(struct cursor *cursor, const char *text);

/* Brings line and column up to `at`; linear over the whole file. */
void cursor_count(struct cursor *cursor);

/* Bytes of the line break ahead: 1 for LF, 2 for CRLF, else 0. */
size_t cursor_break_len(const struct cursor *cursor);

/* Reads exactly `count` hex digits; false (and stays) if there are fewer. */
bool cursor_take_hex(struct cursor *cursor, size_t count, uint32_t *ret);

/* Appends a code point (not a surrogate, at most U+10FFFF) as UTF-8. */
void cursor_add_utf8(struct buf *out, uint32_t code);
