/* Changes of lines: TOML's tables, and what Python's modules and classes assign. Where a value
 * stands follows from the place of its key, which the document knows. */
#include "edit_private.h"

static FALLIBLE refuse(struct edited *edited, size_t at, const char *why)
{
    return error_hint(doc_error_at(edited->doc, at, "'%.*s' can't be changed here: %s",
                                   STR_FMT(edited->edit->key), why),
                      "change the file by hand");
}

static size_t offset_of(struct edited *edited, const struct doc_node *node)
{
    struct cursor *cursor = &edited->place;
    bool is_behind =
        cursor->line > node->line || (cursor->line == node->line && cursor->column > node->column);
    if (!cursor->line || is_behind)
        *cursor = cursor_of(edited->bytes);
    while (!cursor_at_end(cursor)) {
        bool is_inner = ((unsigned char)cursor_peek(cursor) & 0xC0) == 0x80;
        if (!is_inner && cursor->line == node->line && cursor->column == node->column)
            break;
        cursor->at++;
        cursor_count(cursor);
    }
    return cursor->at;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || (unsigned char)c >= 0x80;
}

static size_t behind_key(struct edited *edited, size_t at)
{
    struct str bytes = edited->bytes;
    if (at < bytes.len && (bytes.at[at] == '"' || bytes.at[at] == '\''))
        return edit_skip_string(edited, at);
    while (at < bytes.len && is_name(bytes.at[at]))
        at++;
    return at;
}

/* Behind the "=" that follows a key; false: it is part of a table's name, or names a class. */
static bool find_value(struct edited *edited, size_t at, size_t *ret)
{
    struct str bytes = edited->bytes;
    size_t end = 0;
    at = edited->language == LOAD_TOML ? edit_skip_blanks(bytes, at) : edit_skip_gap(edited, at);
    if (edited->language == LOAD_PYTHON && at < bytes.len && bytes.at[at] == ':')
        at = edit_skip_item(edited, at + 1, "=\r\n;", &end);
    if (at >= bytes.len || bytes.at[at] != '=')
        return false;
    *ret = edited->language == LOAD_TOML ? edit_skip_blanks(bytes, at + 1)
                                         : edit_skip_gap(edited, at + 1);
    return true;
}

static bool is_class(struct edited *edited, size_t at)
{
    struct str before = str_trim(str_slice(edited->bytes, edit_line_start(edited->bytes, at), at));
    return edited->language == LOAD_PYTHON && str_is(before, "class");
}

struct span *edit_table_child(struct edited *edited, const struct doc_node *node)
{
    struct span *span = arena_new(edited->arena, struct span);
    size_t at = offset_of(edited, node->key ? node->key : node);
    size_t key_to = behind_key(edited, at), from = 0, to = 0;
    const char *ends = edited->language == LOAD_TOML ? "\r\n" : "\r\n;";
    if (!node->key || is_class(edited, at) || !find_value(edited, key_to, &from)) {
        *span = (struct span){.style = SPAN_TABLE, .is_map = node->kind == DOC_MAP};
        span->from = span->content = span->key_from = at;
        span->to = span->key_to = key_to;
        return span;
    }
    (void)edit_skip_item(edited, from, ends, &to);
    span = edit_flow_span(edited, from, to);
    span->is_keyed = true;
    span->key_from = at;
    span->key_to = key_to;
    return span;
}

/* ---- Removing ---- */

static struct splice splice_at(struct edited *edited, size_t from, size_t to)
{
    return (struct splice){from, to, buf_in(edited->arena)};
}

/* Above the comment that stands right above a line, which belongs to it. */
static size_t above_comment(struct str bytes, size_t line)
{
    while (line > 0) {
        size_t before = edit_line_start(bytes, line - 1);
        before = before == line - 1 && line > 1 && bytes.at[line - 2] == '\r'
                     ? edit_line_start(bytes, line - 2)
                     : before;
        size_t at = edit_skip_blanks(bytes, before);
        if (at >= bytes.len || bytes.at[at] != '#')
            break;
        line = before;
    }
    return line;
}

/* The line of the first header from `at` on, or the end. */
static size_t next_header(struct edited *edited, size_t at)
{
    struct str bytes = edited->bytes;
    size_t end = 0;
    for (at = edit_skip_gap(edited, at); at < bytes.len && bytes.at[at] != '[';
         at = edit_skip_gap(edited, at)) {
        size_t next = edit_skip_item(edited, at, "\r\n", &end);
        at = next > at ? next : at + 1;
    }
    return at < bytes.len ? edit_line_start(bytes, at) : bytes.len;
}

/* The name in a header's brackets, as it is written. */
static struct str header_name(struct edited *edited, size_t line)
{
    struct str bytes = edited->bytes;
    size_t from = edit_skip_blanks(bytes, line), to = 0;
    while (from < bytes.len && bytes.at[from] == '[')
        from++;
    (void)edit_skip_item(edited, from, "]\r\n", &to);
    return str_trim(str_slice(bytes, from, to));
}

static bool is_below(struct str name, struct str above)
{
    return str_starts(name, above) && name.len > above.len && name.at[above.len] == '.';
}

/* A table with its header and those below it, up to the next one. */
static FALLIBLE remove_table(struct edited *edited, const struct span *item, struct splice *ret)
{
    struct str bytes = edited->bytes;
    size_t at = edit_skip_blanks(bytes, item->key_to);
    size_t from = edit_line_start(bytes, item->from);
    if (edited->language != LOAD_TOML || at >= bytes.len || bytes.at[at] != ']')
        return refuse(edited, item->from, "it is no value of its own");
    struct str name = header_name(edited, from);
    size_t end = next_header(edited, edit_line_end(bytes, at));
    while (end < bytes.len && is_below(header_name(edited, end), name))
        end = next_header(edited, edit_line_end(bytes, end));
    *ret = splice_at(edited, from, end < bytes.len ? above_comment(bytes, end) : end);
    return NULL;
}

/* Whether the lines around leave a block of Python without a statement. */
static bool is_alone_in_block(struct edited *edited, size_t from, size_t to)
{
    struct str bytes = edited->bytes;
    size_t indent = edit_skip_blanks(bytes, from) - from;
    size_t before = from, after = edit_skip_gap(edited, to);
    while (before > 0 && strchr(" \t\r\n", bytes.at[before - 1]))
        before--;
    size_t next_indent = after - edit_line_start(bytes, after);
    return edited->language == LOAD_PYTHON && indent > 0 && before > 0 &&
           bytes.at[before - 1] == ':' && (after == bytes.len || next_indent < indent);
}

FALLIBLE edit_table_remove(struct edited *edited, const struct doc_node *owner,
                           const struct span *item, struct splice *ret)
{
    struct str bytes = edited->bytes;
    size_t from = edit_line_start(bytes, item->key_from), to = edit_behind_line(bytes, item->to);
    if (item->style == SPAN_TABLE)
        return remove_table(edited, item, ret);
    struct str before = str_slice(bytes, from, item->key_from);
    struct str path = str_trim(before);
    struct str after = str_trim(str_slice(bytes, item->to, edit_line_end(bytes, item->to)));
    bool is_dotted = path.len && path.at[path.len - 1] == '.';
    if ((path.len && !is_dotted) || (after.len && after.at[0] != '#'))
        return refuse(edited, item->from, "it shares its line with others");
    *ret = splice_at(edited, from, to);
    if (is_alone_in_block(edited, from, to))
        buf_print(&ret->text, "%.*spass%.*s", (int)(edit_skip_blanks(bytes, from) - from),
                  bytes.at + from, STR_FMT(edited->line_break));
    else if (is_dotted && edited->language == LOAD_TOML && owner->count == 1) {
        before.len -= (size_t)(before.at + before.len - (path.at + path.len - 1));
        *ret = splice_at(edited, from, item->to); /* the last of a table that only dots make */
        buf_print(&ret->text, "%.*s = {}", STR_FMT(before));
    }
    return NULL;
}

/* ---- Adding ---- */

static FALLIBLE print_name(struct edited *edited, struct str key, struct buf *out)
{
    if (edited->language == LOAD_TOML)
        return edit_print_key(edited, key, out);
    buf_add_str(out, key);
    return NULL;
}

/* `key = value`; in TOML further keys follow with dots. */
static FALLIBLE print_pair(struct edited *edited, struct str keys, struct buf *out)
{
    struct str rest = {0};
    TRY(print_name(edited, edit_first_key(keys, &rest), out));
    while (edited->language == LOAD_TOML && rest.len) {
        buf_add_char(out, '.');
        keys = rest;
        TRY(edit_print_key(edited, edit_first_key(keys, &rest), out));
    }
    buf_add_text(out, " = ");
    return edit_print_below(edited, keys, out);
}

/* The line below a place. */
static FALLIBLE add_below(struct edited *edited, size_t place, struct str before, struct str keys,
                          struct splice *ret)
{
    size_t at = edit_line_end(edited->bytes, place);
    *ret = splice_at(edited, at, at);
    if (at > 0)
        buf_add_str(&ret->text, edited->line_break);
    buf_add_str(&ret->text, before);
    return print_pair(edited, keys, &ret->text);
}

/* Below the last line, or in front of the first header. */
static FALLIBLE add_to_root(struct edited *edited, struct str keys, struct splice *ret)
{
    struct str bytes = edited->bytes;
    size_t first = edit_skip_gap(edited, 0);
    bool has_end = !bytes.len || bytes.at[bytes.len - 1] == '\n';
    if (edited->language == LOAD_TOML && first < bytes.len) {
        size_t line = edit_line_start(bytes, first);
        size_t above = above_comment(bytes, line);
        *ret = splice_at(edited, above > 0 ? above : line, above > 0 ? above : line);
        TRY(print_pair(edited, keys, &ret->text));
        buf_add_str(&ret->text, edited->line_break);
        if (bytes.at[first] == '[')
            buf_add_str(&ret->text, edited->line_break);
        return NULL;
    }
    *ret = splice_at(edited, bytes.len, bytes.len);
    buf_add_str(&ret->text, has_end ? STR("") : edited->line_break);
    TRY(print_pair(edited, keys, &ret->text));
    buf_add_str(&ret->text, edited->line_break);
    return NULL;
}

/* A section of its own, at the end. */
static FALLIBLE add_section(struct edited *edited, const struct edit_path *path, struct str keys,
                            struct splice *ret)
{
    struct str bytes = edited->bytes;
    *ret = splice_at(edited, bytes.len, bytes.len);
    if (bytes.len && bytes.at[bytes.len - 1] != '\n')
        buf_add_str(&ret->text, edited->line_break);
    buf_add_str(&ret->text, edited->line_break);
    buf_add_char(&ret->text, '[');
    for (int i = 1; i < path->count; i++) {
        buf_add_text(&ret->text, i > 1 ? "." : "");
        if (path->nodes[i]->key)
            TRY(edit_print_key(edited, path->nodes[i]->key->text, &ret->text));
    }
    buf_print(&ret->text, "]%.*s", STR_FMT(edited->line_break));
    TRY(print_pair(edited, keys, &ret->text));
    buf_add_str(&ret->text, edited->line_break);
    return NULL;
}

FALLIBLE edit_table_add(struct edited *edited, const struct edit_path *path,
                        const struct span *owner, struct str keys, struct splice *ret)
{
    struct str bytes = edited->bytes;
    const struct doc_node *node = path->nodes[path->count - 1];
    const struct span *last = NULL;
    for (const struct doc_node *child = node->kind == DOC_MAP ? node->first : NULL; child;
         child = child->next) {
        const struct span *span = edit_table_child(edited, child);
        last = span->style != SPAN_TABLE && (!last || span->to > last->to) ? span : last;
    }
    if (last) {
        size_t line = edit_line_start(bytes, last->key_from);
        return add_below(edited, last->to, str_slice(bytes, line, last->key_from), keys, ret);
    }
    if (path->count == 1)
        return add_to_root(edited, keys, ret);
    if (edited->language != LOAD_TOML || node->kind != DOC_MAP)
        return refuse(edited, owner->from, "there is no line to put it below");
    size_t at = edit_skip_blanks(bytes, owner->key_to);
    bool is_header = at < bytes.len && bytes.at[at] == ']';
    return is_header ? add_below(edited, at, STR(""), keys, ret)
                     : add_section(edited, path, keys, ret);
}
