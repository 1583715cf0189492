/* Where values in brackets stand in JSON, TOML and Python, whose values end by themselves.
 * codec/load has read the file before, so brackets fit and depth is bounded. */
#include "edit_private.h"

/* Over a string of any of these languages, its prefix not included. */
static size_t skip_string(struct str bytes, size_t at, bool has_long)
{
    char quote = bytes.at[at];
    const char triple[] = {quote, quote, quote, '\0'};
    bool is_long = has_long && str_starts(str_slice(bytes, at, bytes.len), str_of(triple));
    bool is_literal = quote == '\'' && !has_long;
    for (at += is_long ? 3 : 1; at < bytes.len; at++) {
        if (bytes.at[at] == '\\' && !is_literal)
            at++;
        else if (is_long && str_starts(str_slice(bytes, at, bytes.len), str_of(triple)))
            return at + 3;
        else if (!is_long && bytes.at[at] == quote)
            return at + 1;
    }
    return bytes.len;
}

static bool has_comments(const struct edited *edited)
{
    return edited->language != LOAD_JSON;
}

size_t edit_skip_string(const struct edited *edited, size_t at)
{
    struct str bytes = edited->bytes;
    bool has_long = edited->language != LOAD_JSON;
    /* TOML's single quotes take a backslash as it is. */
    if (edited->language == LOAD_TOML && bytes.at[at] == '\'') {
        bool is_long = str_starts(str_slice(bytes, at, bytes.len), STR("'''"));
        struct str rest = str_slice(bytes, at + (is_long ? 3 : 1), bytes.len);
        ptrdiff_t end = str_find(rest, is_long ? STR("'''") : STR("'"));
        at = end < 0 ? bytes.len : (size_t)(rest.at - bytes.at) + (size_t)end + (is_long ? 3 : 1);
    } else
        at = skip_string(bytes, at, has_long);
    /* Up to two quotes may stand in front of those that end a text of several lines. */
    return at;
}

/* Blanks, joined lines and a comment; breaks too, with what is the same in the next lines. */
static size_t skip_gap(const struct edited *edited, size_t at, bool has_breaks)
{
    struct str bytes = edited->bytes;
    for (; at < bytes.len; at++) {
        char c = bytes.at[at];
        bool is_joint = c == '\\' && edited->language == LOAD_PYTHON && at + 1 < bytes.len &&
                        strchr("\r\n", bytes.at[at + 1]);
        if (is_joint)
            at = edit_behind_line(bytes, at) - 1;
        else if (c == '#' && has_comments(edited))
            at = edit_line_end(bytes, at) - 1;
        else if (!c || !strchr(has_breaks ? " \t\f\r\n" : " \t\f", c))
            break;
    }
    return at;
}

size_t edit_skip_gap(const struct edited *edited, size_t at)
{
    return skip_gap(edited, at, true);
}

/* Over one value or key up to a character of `ends` outside of brackets; *ret_end is behind its
 * last character that is no blank or comment. */
size_t edit_skip_item(const struct edited *edited, size_t at, const char *ends, size_t *ret_end)
{
    struct str bytes = edited->bytes;
    int depth = 0;
    *ret_end = at;
    while (at < bytes.len) {
        char c = bytes.at[at];
        size_t gap = skip_gap(edited, at, depth > 0 || !strchr(ends, '\n'));
        if (depth == 0 && c && strchr(ends, c))
            break;
        if (gap > at) {
            at = gap;
            continue;
        }
        depth += c == '(' || c == '[' || c == '{';
        depth -= c == ')' || c == ']' || c == '}';
        if (depth < 0)
            break;
        at = c == '"' || c == '\'' ? edit_skip_string(edited, at) : at + 1;
        *ret_end = at;
    }
    return at;
}

static bool is_bracket(char c)
{
    return c == '(' || c == '[' || c == '{';
}

/* Whether a value is one pair of brackets and nothing else. */
static bool is_enclosed(struct edited *edited, size_t from, size_t to)
{
    size_t end = from + 1;
    if (from >= to || !is_bracket(edited->bytes.at[from]))
        return false;
    for (;;) {
        size_t at = edit_skip_item(edited, end, ",:=", &end);
        if (at >= to || strchr(")]}", edited->bytes.at[at]))
            return at + 1 == to;
        end = at + 1;
    }
}

struct span *edit_flow_span(struct edited *edited, size_t from, size_t to)
{
    struct span *span = arena_new(edited->arena, struct span);
    *span = (struct span){.from = from, .content = from, .to = to};
    if (is_enclosed(edited, from, to))
        span->style = SPAN_FLOW;
    return span;
}

/* Line and column of places that come in order. */
static void place(struct cursor *cursor, struct span *span, size_t at)
{
    cursor->at = at;
    cursor_count(cursor);
    span->line = cursor->line;
    span->column = cursor->column;
}

static void append(struct span *parent, struct span *span)
{
    span->before = parent->last;
    if (parent->last)
        parent->last->next = span;
    else
        parent->first = span;
    parent->last = span;
    parent->count++;
}

void edit_flow_open(struct edited *edited, struct span *span)
{
    struct cursor cursor = cursor_of(edited->bytes);
    char sign = edited->language == LOAD_TOML ? '=' : ':';
    const char ends[] = {',', sign, '\0'};
    bool is_braces = edited->bytes.at[span->from] == '{';
    if (span->style != SPAN_FLOW || span->first || edited->language == LOAD_YAML)
        return;
    span->is_map = is_braces;
    for (size_t at = span->from + 1;;) {
        size_t from = edit_skip_gap(edited, at), to = from, key_from = from, key_to = from;
        if (from + 1 >= span->to)
            return;
        at = edit_skip_item(edited, from, is_braces ? ends : ",", &to);
        bool is_keyed = at < span->to && edited->bytes.at[at] == sign && is_braces;
        if (is_keyed) {
            key_to = to;
            from = to = edit_skip_gap(edited, at + 1);
            at = edit_skip_item(edited, from, ",", &to);
        } else
            span->is_map = false;
        struct span *item = edit_flow_span(edited, from, to);
        item->is_keyed = is_keyed;
        item->key_from = key_from;
        item->key_to = key_to;
        place(&cursor, item, key_from);
        append(span, item);
        if (at + 1 >= span->to)
            return;
        at++; /* the comma */
    }
}
