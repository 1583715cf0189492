/* Regular expressions of XML Schema in the syntax of PCRE2. They are near relatives; what differs
 * and is translated: \i and \c (first and further characters of XML names) and their opposites, and
 * subtraction in classes, [a-z-[aeiou]]. `^` and `$` stay anchors, as people mean them, although
 * XML Schema has none; the escapes that it lacks stay what they are in PCRE2. */
#include "mlops/base/buf.h"

#include "tableschema_private.h"

#define NAME_FIRST "_:\\p{L}"
#define NAME_FURTHER "\\-._:\\p{L}\\p{N}\\p{M}"

/* The members of an escape of XML names, or NULL. */
static const char *name_class(char letter)
{
    switch (letter) {
    case 'i':
    case 'I':
        return NAME_FIRST;
    case 'c':
    case 'C':
        return NAME_FURTHER;
    default:
        return NULL;
    }
}

/* An escape at `at`, outside or inside of brackets; gives how many bytes it took. */
static size_t add_escape(struct buf *out, struct str pattern, size_t at, bool is_in_class)
{
    char letter = at + 1 < pattern.len ? pattern.at[at + 1] : '\0';
    const char *members = name_class(letter);
    bool is_opposite = letter == 'I' || letter == 'C';
    if (!members || (is_in_class && is_opposite)) {
        buf_add_str(out, str_slice(pattern, at, at + 2));
        return MIN_OF(pattern.len - at, 2);
    }
    if (is_in_class)
        buf_add_text(out, members);
    else
        buf_print(out, "[%s%s]", is_opposite ? "^" : "", members);
    return 2;
}

/* The end of the class that begins at `at`, behind its bracket, and where in it a class is
 * subtracted (0: none); 0 if it does not end. */
static size_t class_end(struct str pattern, size_t at, size_t *ret_minus)
{
    size_t depth = 0;
    *ret_minus = 0;
    for (size_t i = at; i < pattern.len; i++) {
        bool is_first = i == at + 1 || (i == at + 2 && pattern.at[at + 1] == '^');
        if (pattern.at[i] == '\\')
            i++;
        else if (pattern.at[i] == '[' && i == at)
            depth++;
        else if (pattern.at[i] == '[' && pattern.at[i - 1] == '-' && !is_first) {
            *ret_minus = *ret_minus ? *ret_minus : i - 1;
            depth++;
        } else if (pattern.at[i] == ']' && !is_first && --depth == 0)
            return i + 1;
    }
    return 0;
}

enum { CLASS_DEPTH_MOST = 16 };

static void add_class(struct buf *out, struct str pattern, size_t at, size_t end, size_t minus,
                      int depth)
{
    size_t stop = minus ? minus : end - 1, inner = 0;
    if (minus && depth < CLASS_DEPTH_MOST) {
        size_t inner_end = class_end(pattern, minus + 1, &inner);
        buf_add_text(out, "(?:(?!");
        if (inner_end)
            add_class(out, pattern, minus + 1, inner_end, inner, depth + 1);
        buf_add_char(out, ')');
    }
    for (size_t i = at; i < stop;)
        if (pattern.at[i] == '\\')
            i += add_escape(out, pattern, i, true);
        else
            buf_add_char(out, pattern.at[i++]);
    buf_add_text(out, minus && depth < CLASS_DEPTH_MOST ? "])" : "]");
}

struct str tableschema_pattern(struct arena *arena, struct str pattern)
{
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < pattern.len;) {
        size_t minus = 0;
        size_t end = pattern.at[i] == '[' ? class_end(pattern, i, &minus) : 0;
        if (end)
            add_class(&out, pattern, i, end, minus, 0);
        if (end)
            i = end;
        else if (pattern.at[i] == '\\')
            i += add_escape(&out, pattern, i, false);
        else
            buf_add_char(&out, pattern.at[i++]);
    }
    return buf_str(&out);
}
