/* Changes of YAML in block style: lines and indentation. */
#include "edit_private.h"

static struct splice splice_at(struct edited *edited, size_t from, size_t to)
{
    return (struct splice){from, to, buf_in(edited->arena)};
}

static FALLIBLE refuse(struct edited *edited, size_t at, const char *why)
{
    return error_hint(doc_error_at(edited->doc, at, "'%.*s' can't be changed here: %s",
                                   STR_FMT(edited->edit->key), why),
                      "change the file by hand");
}

/* Behind the colon of an item's key. */
static bool find_colon(struct str bytes, const struct span *item, size_t *ret)
{
    size_t at = edit_skip_blanks(bytes, item->key_to);
    if (at >= bytes.len || bytes.at[at] != ':')
        return false;
    *ret = at + 1;
    return true;
}

/* A block becomes a value behind its key or dash; a comment behind those stays. */
static FALLIBLE replace_block(struct edited *edited, struct span *item, struct str text,
                              struct splice *ret)
{
    size_t from = item->key_to;
    if (item->has_anchor)
        return refuse(edited, item->from, "it has an anchor");
    if (item->is_keyed && !find_colon(edited->bytes, item, &from))
        return refuse(edited, item->from, "its key is written with '?'");
    *ret = splice_at(edited, from, item->to);
    size_t end = edit_line_end(edited->bytes, from);
    buf_add_char(&ret->text, ' ');
    buf_add_str(&ret->text, text);
    if (end < item->from && !edit_is_blank(edited->bytes, from, end))
        buf_add_str(&ret->text, str_slice(edited->bytes, from, end));
    return NULL;
}

/* The comment behind the "|" of a text of several lines, and the blanks in front of it. */
static struct str header_comment(struct str bytes, size_t at)
{
    size_t end = edit_line_end(bytes, at);
    while (at < end && !strchr(" \t", bytes.at[at]))
        at++;
    return edit_is_blank(bytes, at, end) ? (struct str){0} : str_slice(bytes, at, end);
}

static FALLIBLE replace(struct edited *edited, struct span *item, struct str text,
                        struct splice *ret)
{
    struct str bytes = edited->bytes;
    if (item->style == SPAN_BLOCK)
        return replace_block(edited, item, text, ret);
    /* A tag goes with the value that it was for. */
    *ret = splice_at(edited, item->has_anchor ? item->content : item->from, item->to);
    bool is_nothing = item->from == item->to && item->from > 0;
    char before = is_nothing ? bytes.at[item->from - 1] : ' ';
    if (is_nothing && item->is_keyed && item->key_to == item->from)
        buf_add_text(&ret->text, ": "); /* {a, b} */
    else if (!strchr(" \t\r\n", before) || (item->has_anchor && item->content == item->to))
        buf_add_char(&ret->text, ' ');
    buf_add_str(&ret->text, text);
    if (item->content < item->to && strchr("|>", bytes.at[item->content]))
        buf_add_str(&ret->text, header_comment(bytes, item->content));
    if (is_nothing && item->to < bytes.len && bytes.at[item->to] == '#')
        buf_add_char(&ret->text, ' ');
    return NULL;
}

/* In the quotes it had, if the text allows them. */
static void keep_quotes(struct edited *edited, const struct span *item, struct buf *text)
{
    struct str value = edited->value->text;
    char quote = item->content < item->to ? edited->bytes.at[item->content] : ' ';
    if (item->style != SPAN_SCALAR || edited->value->kind != DOC_STR ||
        (quote != '"' && quote != '\''))
        return;
    bool is_plain = text->len && text->at[0] != '"';
    bool is_short = text->len == value.len + 2;
    if (!is_plain && (quote == '"' || !is_short || str_find_char(value, '\'') >= 0))
        return;
    buf_clear(text);
    buf_add_char(text, quote);
    buf_add_str(text, value);
    buf_add_char(text, quote);
}

/* A date that stood there without quotes keeps being one for readers of YAML 1.1. */
static bool is_date(struct str text)
{
    static const char form[] = "0000-00-00";
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (i >= text.len ||
            (form[i] == '-' ? text.at[i] != '-' : text.at[i] < '0' || text.at[i] > '9'))
            return false;
    return text.len == sizeof form - 1;
}

FALLIBLE edit_block_set(struct edited *edited, struct span *item, struct splice *ret)
{
    struct buf text = buf_in(edited->arena);
    const struct doc_node *value = edited->value;
    struct str old = str_slice(edited->bytes, item->content, item->to);
    if (value->kind == DOC_STR && !value->is_quoted && is_date(value->text) && is_date(old))
        buf_add_str(&text, value->text);
    else
        TRY(edit_print_value(edited, value, &text));
    keep_quotes(edited, item, &text);
    return replace(edited, item, buf_str(&text), ret);
}

/* The last one goes: what held it becomes empty brackets. */
static FALLIBLE remove_only(struct edited *edited, struct span *owner, struct splice *ret)
{
    struct str text = owner->is_map ? STR("{}") : STR("[]");
    if (owner != edited->root)
        return replace(edited, owner, text, ret);
    *ret = splice_at(edited, owner->from, owner->to);
    buf_add_str(&ret->text, text);
    return NULL;
}

/* Whole lines. A file that ended without a break still does. */
static struct splice remove_lines(struct edited *edited, size_t from, size_t to)
{
    struct str bytes = edited->bytes;
    size_t end = edit_behind_line(bytes, to);
    bool ends_open = end == bytes.len && end > 0 && bytes.at[end - 1] != '\n';
    if (ends_open && from > 0)
        from -= from > 1 && bytes.at[from - 1] == '\n' && bytes.at[from - 2] == '\r' ? 2 : 1;
    return splice_at(edited, from, end);
}

FALLIBLE edit_block_remove(struct edited *edited, struct span *owner, struct span *item,
                           struct splice *ret)
{
    struct str bytes = edited->bytes;
    size_t from = edit_line_start(bytes, item->key_from);
    if (owner->count == 1)
        return remove_only(edited, owner, ret);
    if (edit_is_blank(bytes, from, item->key_from)) {
        *ret = remove_lines(edited, from, item->to);
        return NULL;
    }
    if (!item->next)
        return refuse(edited, item->from, "it shares its line with others");
    /* The first of a mapping that starts behind a dash: the next one takes its place, or, where a
     * comment lies between them, the line below the dash does. */
    size_t end = edit_line_end(bytes, item->to);
    struct str between = str_slice(bytes, end, item->next->key_from);
    *ret = splice_at(edited, item->key_from,
                     str_find_char(between, '#') < 0 ? item->next->key_from : end);
    return NULL;
}

static void add_line(struct edited *edited, struct buf *text, size_t indent)
{
    buf_add_str(text, edited->line_break);
    buf_add_repeated(text, ' ', indent);
}

/* Blanks by which the file indents. */
static size_t indent_step(const struct span *root)
{
    const struct span *outer = root;
    while (outer && outer->style == SPAN_BLOCK && outer->first) {
        const struct span *inner = NULL;
        for (const struct span *child = outer->first; child && !inner; child = child->next)
            if (child->style == SPAN_BLOCK && child->is_map && child->first && child->is_keyed)
                inner = child;
        if (!inner)
            break;
        if (inner->first->column > inner->column)
            return (size_t)(inner->first->column - inner->column);
        outer = inner;
    }
    return 2;
}

/* `key: value`, the maps of further keys each on a line of its own. */
static FALLIBLE add_pairs(struct edited *edited, struct str keys, size_t indent, struct buf *text)
{
    size_t step = indent_step(edited->root);
    for (;;) {
        struct str rest = {0};
        TRY(edit_print_key(edited, edit_first_key(keys, &rest), text));
        buf_add_char(text, ':');
        if (!rest.len)
            break;
        keys = rest;
        indent += step;
        add_line(edited, text, indent);
    }
    buf_add_char(text, ' ');
    return edit_print_value(edited, edited->value, text);
}

/* Below what is empty so far: the file, or `key:`. */
static FALLIBLE add_first(struct edited *edited, struct span *owner, struct str keys,
                          struct splice *ret)
{
    struct str bytes = edited->bytes;
    size_t at = owner ? edit_line_end(bytes, owner->to) : bytes.len;
    *ret = splice_at(edited, at, at);
    if (owner) {
        size_t indent = (size_t)owner->column - 1 + indent_step(edited->root);
        add_line(edited, &ret->text, indent);
        return add_pairs(edited, keys, indent, &ret->text);
    }
    if (bytes.len && bytes.at[bytes.len - 1] != '\n')
        buf_add_str(&ret->text, edited->line_break);
    TRY(add_pairs(edited, keys, 0, &ret->text));
    buf_add_str(&ret->text, edited->line_break);
    return NULL;
}

static FALLIBLE add_in_braces(struct edited *edited, struct span *owner, struct str keys,
                              struct splice *ret)
{
    struct buf text = buf_in(edited->arena);
    struct str key = edit_first_key(keys, &(struct str){0});
    buf_add_char(&text, '{');
    TRY(edit_print_key(edited, key, &text));
    buf_add_text(&text, ": ");
    TRY(edit_print_below(edited, keys, &text));
    buf_add_char(&text, '}');
    return replace(edited, owner, buf_str(&text), ret);
}

static size_t column_of(struct str bytes, size_t at)
{
    return at - edit_line_start(bytes, at);
}

FALLIBLE edit_block_add(struct edited *edited, struct span *owner, struct str keys,
                        struct splice *ret)
{
    struct str bytes = edited->bytes;
    if (!owner || (owner->from == owner->to && owner->is_keyed))
        return add_first(edited, owner, keys, ret);
    if (owner->style != SPAN_BLOCK)
        return add_in_braces(edited, owner, keys, ret);
    size_t at = edit_line_end(bytes, owner->to);
    size_t indent = column_of(bytes, owner->first->key_from);
    *ret = splice_at(edited, at, at);
    add_line(edited, &ret->text, indent);
    if (owner->is_map)
        return add_pairs(edited, keys, indent, &ret->text);
    buf_add_text(&ret->text, "- ");
    return edit_print_below(edited, keys, &ret->text);
}
