#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/json.h"

#include <stdlib.h>

#include "doc_private.h"

static int compare_keys(const void *a, const void *b)
{
    const struct doc_node *const *one = a;
    const struct doc_node *const *other = b;
    return str_compare((*one)->key->text, (*other)->key->text);
}

static void encode_map(const struct doc_node *map, struct arena *scratch, struct buf *out)
{
    const struct doc_node **sorted = arena_array(scratch, map->count, sizeof(struct doc_node *));
    size_t count = 0;
    for (const struct doc_node *child = map->first; child; child = child->next)
        sorted[count++] = child;
    check(count == map->count);
    if (count > 1)
        qsort(sorted, count, sizeof sorted[0], compare_keys);
    canon_map(out, count);
    for (size_t i = 0; i < count; i++) {
        canon_str(out, sorted[i]->key->text);
        doc_encode(sorted[i], scratch, out);
    }
}

/* Recursion is bounded by LIMIT_DOCUMENT_DEPTH. */
void doc_encode(const struct doc_node *node, struct arena *scratch, struct buf *out)
{
    switch (node->kind) {
    case DOC_NULL:
        canon_null(out);
        break;
    case DOC_BOOL:
        canon_bool(out, node->truth);
        break;
    case DOC_INT:
        canon_int(out, node->integer);
        break;
    case DOC_BIGINT:
        canon_bigint(out, doc_bigint_digits(scratch, node->text));
        break;
    case DOC_REAL:
        canon_real(out, node->real);
        break;
    case DOC_STR:
        canon_str(out, node->text);
        break;
    case DOC_LIST:
        canon_list(out, node->count);
        for (const struct doc_node *item = node->first; item; item = item->next)
            doc_encode(item, scratch, out);
        break;
    case DOC_MAP:
        encode_map(node, scratch, out);
        break;
    }
}

struct str doc_show(struct arena *arena, const struct doc_node *node)
{
    if (node->kind == DOC_NULL && !node->text.len)
        return STR("null");
    if (node->kind != DOC_LIST && node->kind != DOC_MAP)
        return node->text;
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    json_node(&json, node);
    return buf_str(&out);
}
