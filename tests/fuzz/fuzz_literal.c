/* Literals of Python files: any bytes give a tree or an error with a place; a tree can be encoded
 * and shown. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/literal.h"

#include "replay.h"

/* The count of each map and list is that of its children; recursion is bounded by depth. */
static void check_node(const struct doc_node *node, int depth)
{
    size_t count = 0;
    check(depth <= 64 && node->line >= 1 && node->column >= 1);
    if (node->kind != DOC_LIST && node->kind != DOC_MAP)
        return;
    for (const struct doc_node *child = node->first; child; child = child->next, count++) {
        check((child->key != NULL) == (node->kind == DOC_MAP));
        check_node(child, depth + 1);
    }
    check(count == node->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct doc *doc = NULL;
    struct buf encoded = buf_in(&arena);
    struct error *error =
        literal_parse(&arena, STR("fuzz"), (struct str){(const char *)data, size}, &doc);
    for (const struct error *one = error; one; one = one->next)
        check(one->mark.line >= 1 && one->mark.column >= 1);
    error_drop(error);
    if (!doc)
        return 0;
    check(doc->root->kind == DOC_MAP);
    check_node(doc->root, 0);
    doc_encode(doc->root, &arena, &encoded);
    doc_show(&arena, doc->root);
    return 0;
}
