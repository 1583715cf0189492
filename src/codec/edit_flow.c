/* Changes of values in brackets: of YAML, JSON, TOML and Python. */
#include "edit_private.h"
#include "toml_private.h"

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
    struct str old = str_slice(edited->bytes, item->content, item->to);
    if (edited->language == LOAD_TOML && !edited->value->is_quoted &&
        edited->value->kind == DOC_STR && toml_is_moment(edited->value->text) &&
        toml_is_moment(old)) { /* a date stays one */
        buf_add_str(&ret->text, edited->value->text);
        return NULL;
    }
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
