/* Words of the command line, and texts of a file, taken apart with their places. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <stdarg.h>

#include "sweep_private.h"

/* Code points before `at`. */
static int column_of(struct str word, const char *at)
{
    int count = 0;
    for (const char *c = word.at; c < at; c++)
        count += ((unsigned char)*c & 0xC0) != 0x80;
    return count;
}

ERROR_MADE wording_fault(const struct wording *wording, const char *at, const char *format, ...)
{
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    int column = column_of(wording->word, at);
    if (!wording->node) {
        struct mark mark = {"-S", 1, column + 1};
        return error_recode(error_at(mark, wording->word, "%s", text.at ? text.at : ""),
                            ERROR_USAGE);
    }
    struct doc_node node = *wording->node;
    /* Escapes and folded lines move what follows them: then the text as a whole is pointed at. */
    bool is_as_written = !node.is_quoted && str_find_char(wording->word, '\n') < 0;
    node.column += is_as_written ? column : 0;
    struct error *error = doc_error(&node, "%s", text.at ? text.at : "");
    return error ? error : error_new(ERROR_BUG, "an error got lost");
}

struct splitter {
    struct str text;
    size_t at;
    int depth;
    bool at_start; /* of a scalar: only there a quote opens */
};

size_t wording_quote_end(struct str text, size_t at)
{
    char quote = text.at[at++];
    for (; at < text.len; at++) {
        if (quote == '"' && text.at[at] == '\\')
            at++;
        else if (text.at[at] == quote && quote == '\'' && at + 1 < text.len &&
                 text.at[at + 1] == quote)
            at++;
        else if (text.at[at] == quote)
            return at + 1;
    }
    return text.len;
}

/* One step; true at a comma between two parts. */
static bool step(struct splitter *splitter)
{
    char c = splitter->text.at[splitter->at];
    if (splitter->at_start && (c == '"' || c == '\'')) {
        splitter->at = wording_quote_end(splitter->text, splitter->at);
        splitter->at_start = false;
        return false;
    }
    splitter->at++;
    if (c == '[' || c == '{')
        splitter->depth += splitter->at_start || splitter->depth > 0;
    else if ((c == ']' || c == '}') && splitter->depth > 0)
        splitter->depth--;
    bool is_blank = c == ' ' || c == '\t' || c == '\n';
    if (!is_blank)
        splitter->at_start = c == ',' || c == '[' || c == '{' || (c == ':' && splitter->depth > 0);
    return c == ',' && splitter->depth == 0;
}

void wording_split(struct arena *arena, struct str text, struct str_parts *ret)
{
    struct splitter splitter = {.text = text, .at_start = true};
    size_t from = 0;
    while (splitter.at < text.len) {
        if (!step(&splitter))
            continue;
        *vec_push(arena, ret) = str_trim(str_slice(text, from, splitter.at - 1));
        from = splitter.at;
    }
    struct str last = {text.at + MIN_OF(from, text.len), text.len - MIN_OF(from, text.len)};
    *vec_push(arena, ret) = str_trim(last);
}

/* The text as the only item of a YAML list, the context in which a flow value has to hold. */
FALLIBLE wording_check_value(struct arena *arena, const struct wording *wording, struct str text,
                             struct str *ret_encoded)
{
    struct doc *doc = NULL;
    struct doc_options options = {.dialect = DOC_NATIVE, .refuse_anchors = true};
    struct str list = str_print(arena, "[%.*s]", STR_FMT(text));
    if (!text.len)
        return wording_fault(wording, text.at, "a value is missing here (\"\" is an empty text)");
    struct error *error = str_find_char(text, '\0') < 0
                              ? doc_parse(arena, STR("value"), list, &options, &doc)
                              : error_new(ERROR_USAGE, "it holds a NUL byte");
    if (error || doc->root->kind != DOC_LIST || doc->root->count != 1) {
        struct error *fault = wording_fault(wording, text.at, "'%.*s' is no value: %s",
                                            STR_FMT(str_slice(text, 0, 64)),
                                            error ? error->text : "it holds several");
        error_drop(error);
        return error_hint(fault, "quote a text that holds one of , [ ] { } # : as YAML does: "
                                 "'\"...\"'");
    }
    struct buf encoded = buf_in(arena);
    doc_encode(doc->root->first, arena, &encoded);
    *ret_encoded = buf_str(&encoded);
    return NULL;
}

static void add_flow(struct buf *out, const struct doc_node *node)
{
    if (node->kind == DOC_STR) {
        if (!doc_add_text(out, node->text))
            buf_add_text(out, "\"\"");
    } else if (node->kind == DOC_NULL)
        buf_add_text(out, "null");
    else if (node->kind != DOC_LIST && node->kind != DOC_MAP)
        buf_add_str(out, node->text);
    else {
        buf_add_char(out, node->kind == DOC_LIST ? '[' : '{');
        for (const struct doc_node *child = node->first; child; child = child->next) {
            if (node->kind == DOC_MAP) {
                add_flow(out, child->key);
                buf_add_text(out, ": ");
            }
            add_flow(out, child);
            buf_add_text(out, child->next ? ", " : "");
        }
        buf_add_char(out, node->kind == DOC_LIST ? ']' : '}');
    }
}

struct str node_flow(struct arena *arena, const struct doc_node *node)
{
    struct buf out = buf_in(arena);
    add_flow(&out, node);
    return buf_str(&out);
}
