#include "mlops/base/buf.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUF_BYTES_FIRST = 64 };

struct buf buf_in(struct arena *arena)
{
    return (struct buf){.arena = arena};
}

void buf_drop(struct buf *buf)
{
    if (!buf->arena)
        free(buf->at);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->at)
        buf->at[0] = '\0';
}

static void buf_grow(struct buf *buf, size_t needed)
{
    size_t cap = buf->cap ? buf->cap * 2 : BUF_BYTES_FIRST;
    cap = MAX_OF(cap, needed);
    if (buf->arena) {
        char *moved = arena_alloc(buf->arena, cap);
        if (buf->len)
            memcpy(moved, buf->at, buf->len);
        buf->at = moved;
    } else {
        buf->at = memory_grow(buf->at, cap);
    }
    buf->cap = cap;
}

char *buf_reserve(struct buf *buf, size_t more)
{
    check(more < SIZE_MAX / 4);
    if (buf->cap - buf->len < more + 1)
        buf_grow(buf, buf->len + more + 1);
    return buf->at + buf->len;
}

void buf_add(struct buf *buf, const void *at, size_t len)
{
    char *to = buf_reserve(buf, len);
    if (len)
        memcpy(to, at, len);
    buf->len += len;
    buf->at[buf->len] = '\0';
}

void buf_add_str(struct buf *buf, struct str text)
{
    buf_add(buf, text.at, text.len);
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add_str(buf, str_of(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_add_repeated(struct buf *buf, char c, size_t count)
{
    memset(buf_reserve(buf, count), c, count);
    buf->len += count;
    buf->at[buf->len] = '\0';
}

void buf_print_list(struct buf *buf, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    check(len >= 0);
    vsnprintf(buf_reserve(buf, (size_t)len), (size_t)len + 1, format, again);
    va_end(again);
    buf->len += (size_t)len;
}

void buf_print(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(buf, format, arguments);
    va_end(arguments);
}

static bool is_invisible(uint32_t code)
{
    return (code >= 0x200B && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x2069) || code == 0xFEFF || code == 0x061C;
}

void buf_add_escaped(struct buf *buf, struct str text, bool keep_lines)
{
    size_t at = 0;
    while (at < text.len) {
        uint32_t code = 0;
        size_t used = utf8_decode(text.at + at, text.len - at, &code);
        bool line = code == '\n' || code == '\t';
        if (used == 0)
            buf_add_text(buf, "\xEF\xBF\xBD"); /* U+FFFD */
        else if (is_invisible(code))
            buf_print(buf, "\\u{%x}", (unsigned)code);
        else if ((code < 0x20 && !(line && keep_lines)) || (code >= 0x7F && code < 0xA0))
            buf_print(buf, "\\x%02x", (unsigned)code);
        else
            buf_add(buf, text.at + at, used);
        at += used ? used : 1;
    }
}
