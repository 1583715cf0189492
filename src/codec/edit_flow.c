/* Values in brackets: of YAML, JSON, TOML and Python. Of the last three this file also finds out
 * where their items stand; codec/load has read them before, so brackets fit and depth is bounded.
 */
#include "cursor_private.h"
#include "edit_private.h"

/* ---- Where things stand ---- */

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

/* ---- Changes ---- */

/* A tuple of Python stays one. */
static FALLIBLE print_tuple(struct edited *edited, struct buf *out)
{
    buf_add_char(out, '(');
    for (const struct doc_node *item = edited->value->first; item; item = item->next) {
        TRY(edit_print_value(edited, item, out));
        buf_add_text(out, item->next ? ", " : edited->value->count == 1 ? "," : "");
    }
    buf_add_char(out, ')');
    return NULL;
}

FALLIBLE edit_flow_set(struct edited *edited, struct span *item, struct splice *ret)
{
    if (item->style == SPAN_TABLE)
        return error_hint(doc_error_at(edited->doc, item->from,
                                       "'%.*s' can't be changed as a whole here",
                                       STR_FMT(edited->edit->key)),
                          "change its keys one by one");
    *ret = (struct splice){item->content, item->to, buf_in(edited->arena)};
    bool was_tuple = item->style == SPAN_FLOW && edited->bytes.at[item->content] == '(';
    if (was_tuple && edited->value->kind == DOC_LIST)
        return print_tuple(edited, &ret->text);
    return edit_print_value(edited, edited->value, &ret->text);
}

static size_t start_of(const struct span *item)
{
    return item->is_keyed ? item->key_from : item->from;
}

/* Behind the comma that follows an item, or behind the item. */
static size_t behind_comma(const struct edited *edited, const struct span *item)
{
    size_t at = edit_skip_gap(edited, item->to);
    return at < edited->bytes.len && edited->bytes.at[at] == ',' ? at + 1 : item->to;
}

/* Whether nothing but the item, its comma and a comment stand in its lines. */
static bool has_own_lines(const struct edited *edited, const struct span *item)
{
    struct str bytes = edited->bytes;
    size_t from = edit_line_start(bytes, start_of(item));
    size_t end = edit_skip_blanks(bytes, behind_comma(edited, item));
    return from > 0 && edit_is_blank(bytes, from, start_of(item)) &&
           (end == bytes.len || strchr("#\r\n", bytes.at[end]));
}

/* Of two items of a tuple one stays, and a comma with it. */
static struct splice leave_one(struct edited *edited, const struct span *item)
{
    struct splice splice = {start_of(item), item->to, buf_in(edited->arena)};
    if (item->next) {
        splice.to = item->next->to;
        buf_add_str(&splice.text, str_slice(edited->bytes, item->next->from, item->next->to));
    } else
        splice.from = item->before->to;
    buf_add_char(&splice.text, ',');
    return splice;
}

FALLIBLE edit_flow_remove(struct edited *edited, struct span *owner, struct span *item,
                          struct splice *ret)
{
    struct str bytes = edited->bytes;
    size_t from = start_of(item), to = item->to;
    bool has_comma = behind_comma(edited, item) > item->to;
    bool ends_with_comma = behind_comma(edited, owner->last) > owner->last->to;
    if (owner->count == 2 && bytes.at[owner->content] == '(' && !ends_with_comma) {
        *ret = leave_one(edited, item);
        return NULL;
    }
    if (owner->count == 1) {
        from = owner->content + 1;
        to = owner->to - 1;
    } else if (has_own_lines(edited, item) && (has_comma || edited->language != LOAD_JSON)) {
        from = edit_line_start(bytes, from);
        to = edit_behind_line(bytes, behind_comma(edited, item));
    } else if (item->next)
        to = start_of(item->next);
    else
        from = item->before->to;
    *ret = (struct splice){from, to, buf_in(edited->arena)};
    return NULL;
}

/* What stands between two neighbours, for one more: ", " or a comma, a break and indentation. */
static struct str separator(struct edited *edited, const struct span *owner)
{
    const struct span *last = owner->last;
    size_t from = last->before ? last->before->to : owner->content + 1;
    struct str gap = str_slice(edited->bytes, from, start_of(last));
    bool has_break = str_find_char(gap, '\n') >= 0;
    if (!last->before && !has_break)
        return STR(", ");
    if (has_break) { /* without a comment that may be there */
        size_t line = edit_line_start(edited->bytes, start_of(last));
        return edit_is_blank(edited->bytes, line, start_of(last))
                   ? str_print(edited->arena, ",%.*s%.*s", STR_FMT(edited->line_break),
                               STR_FMT(str_slice(edited->bytes, line, start_of(last))))
                   : STR(", ");
    }
    return str_find_char(gap, '#') < 0 && str_find_char(gap, ',') >= 0
               ? str_slice(gap, (size_t)str_find_char(gap, ','), gap.len)
               : STR(", ");
}

/* What stands between keys and values here. */
static struct str pair_sign(struct edited *edited, const struct span *owner)
{
    struct str usual = edited->language == LOAD_TOML ? STR(" = ") : STR(": ");
    const struct span *last = owner->last;
    if (!last || !last->is_keyed || last->key_to >= last->from)
        return usual;
    struct str sign = str_slice(edited->bytes, last->key_to, last->from);
    for (size_t i = 0; i < sign.len; i++)
        if (!strchr(" :=", sign.at[i]))
            return usual;
    /* In YAML `{"a":1}` may do without the blank only behind a quoted key. */
    return edited->language == LOAD_YAML ? usual : sign;
}

static FALLIBLE print_item(struct edited *edited, const struct span *owner, struct str keys,
                           struct buf *out)
{
    struct str rest = {0};
    struct str key = edit_first_key(keys, &rest);
    if (owner->is_map) {
        TRY(edit_print_key(edited, key, out));
        buf_add_str(out, pair_sign(edited, owner));
    }
    return edit_print_below(edited, keys, out);
}

/* Behind the last item. A comma and a comment that follow it stay with it. */
static FALLIBLE add_last(struct edited *edited, struct span *owner, struct str keys,
                         struct splice *ret)
{
    struct str bytes = edited->bytes;
    struct str between = separator(edited, owner);
    size_t comma = behind_comma(edited, owner->last);
    bool has_comma = comma > owner->last->to;
    size_t end = edit_skip_blanks(bytes, comma);
    bool has_comment = end < bytes.len && bytes.at[end] == '#' && edited->language != LOAD_JSON;
    end = has_comment ? edit_line_end(bytes, end) : comma;
    *ret = (struct splice){owner->last->to, end, buf_in(edited->arena)};
    buf_add_str(&ret->text, has_comma ? STR("") : STR(","));
    buf_add_str(&ret->text, str_slice(bytes, owner->last->to, end));
    if (has_comment && str_find_char(between, '\n') < 0)
        buf_add_str(&ret->text, edited->line_break);
    buf_add_str(&ret->text, str_slice(between, 1, between.len));
    TRY(print_item(edited, owner, keys, &ret->text));
    if (has_comma)
        buf_add_char(&ret->text, ',');
    return NULL;
}

FALLIBLE edit_flow_add(struct edited *edited, struct span *owner, struct str keys,
                       struct splice *ret)
{
    if (owner->last)
        return add_last(edited, owner, keys, ret);
    owner->is_map = edited->bytes.at[owner->content] == '{';
    *ret = (struct splice){owner->content + 1, owner->content + 1, buf_in(edited->arena)};
    TRY(print_item(edited, owner, keys, &ret->text));
    if (edited->bytes.at[owner->content] == '(')
        buf_add_char(&ret->text, ',');
    return NULL;
}
