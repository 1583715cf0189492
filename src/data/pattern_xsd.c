#include "pattern_private.h"

/* What PCRE2 lacks: name characters (XML 1.0, fifth edition, NameStartChar and NameChar) and
 * classes that take away from each other (XML Schema Part 2, appendix F). */

#define NAME_START                                                                                 \
    "_:A-Za-z\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{2ff}\\x{370}-\\x{37d}\\x{37f}-\\x{1fff}"    \
    "\\x{200c}\\x{200d}\\x{2070}-\\x{218f}\\x{2c00}-\\x{2fef}\\x{3001}-\\x{d7ff}"                  \
    "\\x{f900}-\\x{fdcf}\\x{fdf0}-\\x{fffd}\\x{10000}-\\x{effff}"
#define NAME_CHAR NAME_START "\\-.0-9\\x{b7}\\x{300}-\\x{36f}\\x{203f}\\x{2040}"

struct translation {
    struct str rest;
    struct buf *out;
    int depth; /* of classes that take away */
};

static char take(struct translation *at)
{
    char c = at->rest.at[0];
    at->rest = str_slice(at->rest, 1, at->rest.len);
    return c;
}

static void escape(struct translation *at, bool in_class)
{
    char c = at->rest.len ? take(at) : '\0';
    const char *set = c == 'i' ? NAME_START : c == 'c' ? NAME_CHAR : NULL;
    const char *other = c == 'I' ? NAME_START : c == 'C' ? NAME_CHAR : NULL;
    if (set && in_class) {
        buf_add_text(at->out, set);
    } else if (set || (other && !in_class)) {
        buf_print(at->out, "[%s%s]", other ? "^" : "", set ? set : other);
    } else {
        buf_add_char(at->out, '\\');
        if (c)
            buf_add_char(at->out, c);
    }
}

static bool takes_away(const struct translation *at)
{
    return str_starts(at->rest, STR("-["));
}

/* What stands between `[` and `]`, without them; `-[...]` at its end goes to *away. */
static void class_body(struct translation *at, struct buf *away);

/* `[a-z-[aeiou]]` becomes `(?:(?![aeiou])[a-z])`: one character is looked at twice. */
static void class_whole(struct translation *at)
{
    AUTO(buf_drop) struct buf body = {0};
    AUTO(buf_drop) struct buf away = {0};
    struct buf *out = at->out;
    at->out = &body;
    class_body(at, &away);
    at->out = out;
    if (away.len)
        buf_print(out, "(?:(?!%.*s)[%.*s])", STR_FMT(buf_str(&away)), STR_FMT(buf_str(&body)));
    else
        buf_print(out, "[%.*s]", STR_FMT(buf_str(&body)));
}

static void named_class(struct translation *at)
{
    ptrdiff_t end = str_find(at->rest, STR(":]"));
    size_t len = end < 0 ? 0 : (size_t)end + 2;
    buf_add_char(at->out, '[');
    buf_add_str(at->out, str_slice(at->rest, 0, len));
    at->rest = str_slice(at->rest, len, at->rest.len);
}

static void class_body(struct translation *at, struct buf *away)
{
    bool is_first = true;
    while (at->rest.len) {
        bool may_take = takes_away(at) && !is_first && at->depth < 8;
        char c = take(at);
        if (c == ']' && !is_first)
            return;
        if (may_take) {
            struct buf *out = at->out;
            take(at);
            at->out = away;
            at->depth++;
            class_whole(at);
            at->depth--;
            at->out = out;
        } else if (c == '\\') {
            escape(at, true);
        } else if (c == '[' && str_starts(at->rest, STR(":"))) {
            named_class(at);
        } else {
            if (c == '[')
                buf_add_char(at->out, '\\');
            buf_add_char(at->out, c);
        }
        is_first = is_first && c == '^';
    }
    buf_add_char(at->out, '\\'); /* the class never ends: PCRE2 says so */
}

void pattern_translate(struct str text, struct buf *out)
{
    struct translation at = {text, out, 0};
    while (at.rest.len) {
        char c = take(&at);
        if (c == '\\')
            escape(&at, false);
        else if (c == '[')
            class_whole(&at);
        else
            buf_add_char(out, c);
    }
}
