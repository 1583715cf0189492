/* Growing bytes. Zero is an empty heap buffer, given back by buf_drop; one made by buf_in lives in
 * an arena and needs no drop. Always NUL-terminated behind `len` once anything was added. */
#pragma once

#include "mlops/base/lang.h"
#include "mlops/base/str.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct buf {
    char *at;
    size_t len;
    size_t cap;
    struct arena *arena; /* NULL: heap */
};

struct buf buf_in(struct arena *arena);
void buf_drop(struct buf *buf);

/* Empties it, keeps the memory. */
void buf_clear(struct buf *buf);

/* Makes room for `more` bytes and returns where they go; the caller then adds to len. */
char *buf_reserve(struct buf *buf, size_t more);

void buf_add(struct buf *buf, const void *at, size_t len);
void buf_add_str(struct buf *buf, struct str text);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_repeated(struct buf *buf, char c, size_t count);
void buf_print(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_print_list(struct buf *buf, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

/* Others' text made safe for a terminal, a log line or a message: control characters as \xNN,
 * malformed UTF-8 bytes and bidi or zero-width characters as \u{...}; newline and tab too unless
 * `keep_lines`. */
void buf_add_escaped(struct buf *buf, struct str text, bool keep_lines);

static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->at, buf->len};
}
