#include "mlops/codec/template.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/vec.h"

#include <stdarg.h>

#include "doc_private.h"

VEC(piece_vec, struct template_piece);
VEC(word_vec, struct str);

/* Bytes of the expression at text[at] ("${" to "}"), 0 if it is never closed. */
static size_t expression_len(struct str text, size_t at)
{
    for (size_t i = at + 2; i < text.len && text.at[i] != '\n'; i++) {
        if (text.at[i] == '}')
            return i + 1 - at;
    }
    return 0;
}

/* The next expression from `from` on: its start and length; false if there is none. */
static bool next_expression(struct str text, size_t from, size_t *ret_at, size_t *ret_len)
{
    for (;;) {
        ptrdiff_t found = str_find(str_slice(text, from, text.len), STR("${"));
        if (found < 0)
            return false;
        size_t at = from + (size_t)found;
        bool is_escaped = at > 0 && text.at[at - 1] == '\\';
        size_t len = is_escaped ? 0 : expression_len(text, at);
        if (len) {
            *ret_at = at;
            *ret_len = len;
            return true;
        }
        from = at + 2;
    }
}

bool template_has_expression(struct str text)
{
    size_t at;
    size_t len;
    return next_expression(text, 0, &at, &len);
}

bool template_is_possible(struct str text)
{
    return str_find_char(text, '$') >= 0 && str_find(text, STR("${")) >= 0;
}

/* Whether the bytes of the file at `offset` are where the scalar's text at `skipped` stands. */
struct place {
    int line;
    int column;
};

/* Of the occurrences of `wanted` behind the node's place the one with that number. */
static bool find_place(const struct doc_node *node, struct str wanted, int number,
                       struct place *ret)
{
    enum { LINES_MOST = 1000 }; /* a line of a scalar adds a character at least */
    int count = MIN_OF(LINES_MOST, (int)MIN_OF(node->text.len, (size_t)LINES_MOST) + 2);
    for (int line = node->line; line < node->line + count; line++) {
        struct str text = doc_line(node->doc, line);
        size_t at = 0;
        int column = 1;
        for (; line == node->line && at < text.len && column < node->column; at++)
            column += at + 1 < text.len && ((unsigned char)text.at[at + 1] & 0xC0) != 0x80;
        for (ptrdiff_t found; (found = str_find(str_slice(text, at, text.len), wanted)) >= 0;) {
            at += (size_t)found;
            if (number-- == 0) {
                int columns = 1;
                for (size_t i = 0; i < at; i++)
                    columns += ((unsigned char)text.at[i] & 0xC0) != 0x80;
                *ret = (struct place){line, columns};
                return true;
            }
            at += wanted.len;
        }
        if (text.at + text.len >= node->doc->bytes.at + node->doc->bytes.len)
            return false;
    }
    return false;
}

/* How many texts equal to `wanted` the scalar holds before `end`. */
static int count_before(struct str text, const char *end, struct str wanted)
{
    int count = 0;
    size_t at = 0;
    for (ptrdiff_t found; (found = str_find(str_slice(text, at, text.len), wanted)) >= 0;) {
        at += (size_t)found;
        if (text.at + at >= end)
            break;
        count++;
        at += wanted.len;
    }
    return count;
}

/* An error `skipped` bytes behind the start of the expression whose inside is `inner`, a slice of
 * node->text. */
static FALLIBLE error_inside(const struct doc_node *node, struct str inner, size_t skipped,
                             const char *text)
{
    const char *start = inner.at - 2;
    struct str whole = {start, inner.len + 3};
    struct place place;
    (void)doc_line(node->doc, node->line);
    struct doc_place latest = *node->doc->place;
    bool is_found = find_place(node, whole, count_before(node->text, start, whole), &place);
    *node->doc->place =
        latest; /* the next error is looked for from here, not from the first line */
    if (!is_found)
        return doc_error(node, "%s", text);
    for (size_t i = 0; i < skipped; i++)
        place.column += ((unsigned char)start[i] & 0xC0) != 0x80;
    return doc_error_place(node->doc, place.line, place.column, "%s", text);
}

FALLIBLE template_error(const struct template *from, const struct template_piece *piece,
                        const char *format, ...)
{
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    if (!piece || !piece->is_expression)
        return doc_error(from->node, "%s", text.at);
    return error_inside(from->node, piece->text, 0, text.at);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_mark(char c)
{
    return c == '.' || c == '[' || c == ']';
}

static FALLIBLE refuse(const struct doc_node *node, struct str inner, size_t at, const char *reason)
{
    AUTO(buf_drop) struct buf text = {0};
    buf_print(&text, "'${%.*s}': %s", STR_FMT(inner), reason);
    return error_inside(node, inner, at + 2, text.at);
}

/* A word from *at on: at least one character that is no mark. */
static FALLIBLE read_word(struct arena *arena, const struct doc_node *node, struct str inner,
                          size_t *at, struct word_vec *words)
{
    size_t from = *at;
    while (*at < inner.len && !is_mark(inner.at[*at]))
        (*at)++;
    if (*at == from)
        return refuse(node, inner, from,
                      inner.len == 0 ? "an expression names a value, such as ${a.b}"
                                     : "a name is missing here");
    *vec_push(arena, words) = str_trim(str_slice(inner, from, *at));
    return NULL;
}

/* Blanks count only behind a bracket: elsewhere they are part of a word. */
static FALLIBLE read_words(struct arena *arena, const struct doc_node *node, struct str inner,
                           struct word_vec *words)
{
    size_t at = 0;
    TRY(read_word(arena, node, inner, &at, words));
    for (;;) {
        while (at < inner.len && is_blank(inner.at[at]))
            at++;
        if (at == inner.len)
            return NULL;
        char mark = inner.at[at];
        if (mark != '.' && mark != '[')
            return refuse(node, inner, at,
                          mark == ']' ? "this ']' closes no bracket"
                                      : "a '.' or '[' is missing here");
        at++;
        TRY(read_word(arena, node, inner, &at, words));
        if (mark == '[' && (at == inner.len || inner.at[at] != ']'))
            return refuse(node, inner, at, "a ']' is missing here");
        at += mark == '[';
    }
}

static struct str join_words(struct arena *arena, struct str inner, const struct word_vec *words)
{
    if (words->len == 1)
        return inner; /* blanks and all: `${ }` is told as ' ' */
    struct buf out = buf_in(arena);
    vec_each (struct str, word, words) {
        if (out.len)
            buf_add_char(&out, '.');
        buf_add_str(&out, *word);
    }
    return buf_str(&out);
}

static void add_literal(struct arena *arena, struct piece_vec *pieces, struct str text)
{
    if (text.len)
        *vec_push(arena, pieces) = (struct template_piece){.text = text};
}

static FALLIBLE add_expression(struct arena *arena, const struct doc_node *node, struct str inner,
                               struct piece_vec *pieces)
{
    struct word_vec words = {0};
    TRY(read_words(arena, node, inner, &words));
    *vec_push(arena, pieces) = (struct template_piece){
        .text = inner,
        .is_expression = true,
        .words = words.at,
        .word_count = words.len,
        .shown = join_words(arena, inner, &words),
    };
    return NULL;
}

FALLIBLE template_parse(struct arena *arena, const struct doc_node *node, struct template *ret)
{
    struct str text = node->text;
    struct piece_vec pieces = {0};
    size_t from = 0;
    size_t at;
    size_t len;
    while (next_expression(text, from, &at, &len)) {
        add_literal(arena, &pieces, str_slice(text, from, at));
        TRY(add_expression(arena, node, str_slice(text, at + 2, at + len - 1), &pieces));
        from = at + len;
    }
    add_literal(arena, &pieces, str_slice(text, from, text.len));
    *ret = (struct template){
        .node = node,
        .pieces = pieces.at,
        .count = pieces.len,
        .is_whole = pieces.len == 1 && pieces.at[0].is_expression,
    };
    return NULL;
}
