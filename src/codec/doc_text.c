/* Scalars as YAML text. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/doc.h"

#include <strings.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Words that some version of YAML takes for something else than a string. */
static bool is_reserved(struct str text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (text.len == strlen(words[i]) && strncasecmp(text.at, words[i], text.len) == 0)
            return true;
    return false;
}

static bool is_plain(struct str text)
{
    if (text.len == 0 || !(is_letter(text.at[0]) || text.at[0] == '_' || text.at[0] == '/'))
        return false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.at[i];
        if (!is_letter(c) && !is_digit(c) && (c == '\0' || !strchr("_./-+=@% ", c)))
            return false;
    }
    return text.at[text.len - 1] != ' ' && !is_reserved(text);
}

/* Code points that YAML wants escaped, or that a reader or an editor would not show. */
static bool is_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF || code == 0xFFFE ||
           code == 0xFFFF || (code & 0xFFFE) == 0xFFFE;
}

static void add_code(struct buf *out, uint32_t code, struct str bytes)
{
    if (code == '"' || code == '\\')
        buf_print(out, "\\%c", (char)code);
    else if (code == '\n')
        buf_add_text(out, "\\n");
    else if (code == '\t')
        buf_add_text(out, "\\t");
    else if (!is_hidden(code))
        buf_add_str(out, bytes);
    else if (code < 0x80)
        buf_print(out, "\\x%02X", (unsigned)code);
    else
        buf_print(out, code < 0x10000 ? "\\u%04X" : "\\U%08X", (unsigned)code);
}

/* Length of the run of bytes from `at` on that need no look: printable ASCII but `"` and `\`. */
static size_t easy_len(struct str text, size_t at)
{
    size_t end = at;
    while (end < text.len && text.at[end] >= 0x20 && text.at[end] < 0x7F && text.at[end] != '"' &&
           text.at[end] != '\\')
        end++;
    return end - at;
}

bool doc_add_quoted(struct buf *out, struct str text)
{
    size_t len_before = out->len;
    buf_add_char(out, '"');
    for (size_t at = 0; at < text.len;) {
        size_t used = easy_len(text, at);
        uint32_t code = 0;
        if (used) {
            buf_add(out, text.at + at, used);
        } else {
            used = utf8_decode(text.at + at, text.len - at, &code);
            if (used == 0 || code == 0) {
                out->len = len_before;
                return false;
            }
            add_code(out, code, (struct str){text.at + at, used});
        }
        at += used;
    }
    buf_add_char(out, '"');
    return true;
}

bool doc_add_text(struct buf *out, struct str text)
{
    if (!is_plain(text))
        return doc_add_quoted(out, text);
    buf_add_str(out, text);
    return true;
}

void doc_add_hex(struct buf *out, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *to = buf_reserve(out, bytes.len * 2);
    for (size_t i = 0; i < bytes.len; i++) {
        *to++ = digits[(unsigned char)bytes.at[i] >> 4];
        *to++ = digits[(unsigned char)bytes.at[i] & 15];
    }
    out->len += bytes.len * 2;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool doc_hex_parse(struct arena *arena, struct str hex, struct str *ret)
{
    if (hex.len % 2)
        return false;
    char *at = arena_alloc(arena, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = hex_value(hex.at[i]), low = hex_value(hex.at[i + 1]);
        if (high < 0 || low < 0)
            return false;
        at[i / 2] = (char)(high << 4 | low);
    }
    *ret = (struct str){at, hex.len / 2};
    return true;
}
