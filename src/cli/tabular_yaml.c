#include "mlops/codec/doc.h"

#include "tabular_private.h"

static bool is_branch(const struct doc_node *node)
{
    return (node->kind == DOC_MAP || node->kind == DOC_LIST) && node->first;
}

static void add_scalar(struct buf *out, const struct doc_node *node)
{
    if (node->kind == DOC_MAP)
        buf_add_text(out, "{}");
    else if (node->kind == DOC_LIST)
        buf_add_text(out, "[]");
    else if (node->kind != DOC_STR)
        buf_add_str(out, node->text);
    else if (!doc_add_text(out, node->text))
        buf_add_text(out, "null");
}

static void add_node(struct buf *out, const struct doc_node *node, size_t indent, bool is_begun);

/* What stands behind a key or a dash. */
static void add_value(struct buf *out, const struct doc_node *node, size_t indent)
{
    if (!is_branch(node)) {
        buf_add_char(out, ' ');
        add_scalar(out, node);
        buf_add_char(out, '\n');
        return;
    }
    buf_add_char(out, '\n');
    add_node(out, node, indent, false);
}

/* Block style, two blanks a level; `is_begun`: the first line's indent is there already. */
static void add_node(struct buf *out, const struct doc_node *node, size_t indent, bool is_begun)
{
    for (const struct doc_node *at = node->first; at; at = at->next, is_begun = false) {
        buf_add_repeated(out, ' ', is_begun ? 0 : indent);
        if (node->kind == DOC_MAP) {
            add_scalar(out, at->key);
            buf_add_char(out, ':');
            add_value(out, at, indent + 2);
        } else if (at->kind == DOC_MAP && at->first) {
            buf_add_text(out, "- ");
            add_node(out, at, indent + 2, true);
        } else {
            buf_add_char(out, '-');
            add_value(out, at, indent + 2);
        }
    }
}

void tabular_yaml(struct buf *out, const struct doc_node *node)
{
    add_node(out, node, 0, false);
}
