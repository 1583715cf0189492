/* Lines and blanks around a place of a text. */
#include "edit_private.h"

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

size_t edit_line_start(struct str bytes, size_t at)
{
    while (at > 0 && !is_break(bytes.at[at - 1]))
        at--;
    return at;
}

size_t edit_line_end(struct str bytes, size_t at)
{
    while (at < bytes.len && !is_break(bytes.at[at]))
        at++;
    return at;
}

size_t edit_behind_line(struct str bytes, size_t at)
{
    at = edit_line_end(bytes, at);
    if (at + 1 < bytes.len && bytes.at[at] == '\r' && bytes.at[at + 1] == '\n')
        return at + 2;
    return at < bytes.len ? at + 1 : at;
}

size_t edit_skip_blanks(struct str bytes, size_t at)
{
    while (at < bytes.len && (bytes.at[at] == ' ' || bytes.at[at] == '\t'))
        at++;
    return at;
}

bool edit_is_blank(struct str bytes, size_t from, size_t to)
{
    return edit_skip_blanks(bytes, from) >= to;
}

struct str edit_first_key(struct str keys, struct str *ret_rest)
{
    ptrdiff_t dot = str_find_char(keys, '.');
    *ret_rest = dot < 0 ? (struct str){0} : str_slice(keys, (size_t)dot + 1, keys.len);
    return dot < 0 ? keys : str_slice(keys, 0, (size_t)dot);
}
