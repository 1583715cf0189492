/* Expressions: until templating is built, `${` is refused and `\${` is the shell's own `${`. The
 * rule is DVC's: an expression is an unescaped `${`, the shortest run without newline, and `}`;
 * escaped means that the byte before is a backslash. */
#include "mlops/base/arena.h"

#include "pipeline_private.h"

/* Bytes of the expression at text[at] ("${" to "}"), 0 if it is never closed. */
static size_t expression_len(struct str text, size_t at)
{
    for (size_t i = at + 2; i < text.len && text.at[i] != '\n'; i++) {
        if (text.at[i] == '}')
            return i + 1 - at;
    }
    return 0;
}

/* The first expression, escaped or not as asked; empty if there is none. */
static struct str find_expression(struct str text, bool is_escaped)
{
    struct str rest = text;
    ptrdiff_t found;
    while ((found = str_find(rest, STR("${"))) >= 0) {
        size_t at = (size_t)(rest.at - text.at) + (size_t)found;
        size_t len = expression_len(text, at);
        bool escaped = at > 0 && text.at[at - 1] == '\\';
        if (escaped == is_escaped && (len || is_escaped))
            return str_slice(text, at, at + MAX_OF(len, (size_t)2));
        rest = str_slice(text, at + 2, text.len);
    }
    return (struct str){0};
}

bool text_has_expression(struct str text)
{
    return find_expression(text, false).len > 0;
}

static struct str without_backslashes(struct arena *arena, struct str text)
{
    char *at = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!str_starts(str_slice(text, i, text.len), STR("\\${")))
            at[len++] = text.at[i];
    }
    return (struct str){at, len};
}

struct search {
    const struct doc_node *with_expression; /* the first, in order of the file */
    bool has_escapes;
};

static void search_text(const struct doc_node *node, struct search *search)
{
    if (!search->with_expression && find_expression(node->text, false).len)
        search->with_expression = node;
    if (!search->has_escapes)
        search->has_escapes = find_expression(node->text, true).len > 0;
}

/* Depth is bounded by LIMIT_DOCUMENT_DEPTH. */
static void search_tree(const struct doc_node *node, struct search *search)
{
    if (node->key)
        search_text(node->key, search);
    if (node->kind == DOC_STR)
        search_text(node, search);
    if (node->kind != DOC_LIST && node->kind != DOC_MAP)
        return;
    for (const struct doc_node *child = node->first; child; child = child->next)
        search_tree(child, search);
}

/* The same tree without the backslashes of escaped expressions. */
static struct doc_node *copy_tree(struct arena *arena, const struct doc_node *node)
{
    struct doc_node *copy = arena_new(arena, struct doc_node);
    *copy = *node;
    copy->next = NULL;
    if (node->kind == DOC_STR)
        copy->text = without_backslashes(arena, node->text);
    if (node->key)
        copy->key = copy_tree(arena, node->key);
    if (node->kind != DOC_LIST && node->kind != DOC_MAP)
        return copy;
    struct doc_node **place = &copy->first;
    for (const struct doc_node *child = node->first; child; child = child->next) {
        *place = copy_tree(arena, child);
        place = &(*place)->next;
    }
    return copy;
}

const struct doc_node *pipeline_resolve(struct binding *binding, const struct doc_node *node)
{
    if (!binding->may_hold_expressions)
        return node;
    struct search search = {0};
    search_tree(node, &search);
    if (search.with_expression) {
        binding->has_expression = true;
        struct str found = find_expression(search.with_expression->text, false);
        binding_error(binding, search.with_expression,
                      "'%.*s': expressions are not built yet: write the value, or \\%.*s for the "
                      "shell's own",
                      STR_FMT(found), STR_FMT(found));
    }
    return search.has_escapes ? copy_tree(binding->binder.arena, node) : node;
}
