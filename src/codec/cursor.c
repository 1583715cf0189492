#include "mlops/base/buf.h"

#include "cursor_private.h"

bool cursor_take(struct cursor *cursor, const char *text)
{
    size_t len = strlen(text);
    if (!str_starts(cursor_rest(cursor), (struct str){text, len}))
        return false;
    cursor->at += len;
    return true;
}

void cursor_count(struct cursor *cursor)
{
    for (; cursor->counted < cursor->at; cursor->counted++) {
        unsigned char byte = (unsigned char)cursor->bytes.at[cursor->counted];
        bool is_break =
            byte == '\n' || (byte == '\r' && (cursor->counted + 1 >= cursor->bytes.len ||
                                              cursor->bytes.at[cursor->counted + 1] != '\n'));
        cursor->line += is_break;
        cursor->column = is_break ? 1 : cursor->column + ((byte & 0xC0) != 0x80);
    }
}

size_t cursor_break_len(const struct cursor *cursor)
{
    char c = cursor_peek(cursor);
    if (c == '\r')
        return cursor_peek_at(cursor, 1) == '\n' ? 2 : 0;
    return c == '\n';
}

bool cursor_take_hex(struct cursor *cursor, size_t count, uint32_t *ret)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) {
        char c = cursor_peek_at(cursor, i);
        char low = (char)(c | 0x20);
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (low < 'a' || low > 'f'))
            return false;
        value = value << 4 | (uint32_t)(is_digit ? c - '0' : low - 'a' + 10);
    }
    cursor->at += count;
    *ret = value;
    return true;
}

void cursor_add_utf8(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_add_char(out, (char)code);
        return;
    }
    if (code < 0x800)
        buf_add_char(out, (char)(0xC0 | code >> 6));
    else if (code < 0x10000)
        buf_add_char(out, (char)(0xE0 | code >> 12));
    else {
        buf_add_char(out, (char)(0xF0 | code >> 18));
        buf_add_char(out, (char)(0x80 | (code >> 12 & 0x3F)));
    }
    if (code >= 0x800)
        buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
    buf_add_char(out, (char)(0x80 | (code & 0x3F)));
}
