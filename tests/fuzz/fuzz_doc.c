/* YAML: any bytes give a tree or errors with a place; a tree encodes to canonical bytes that read
 * back as one item and is written as JSON that reads back to the same bytes. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/doc.h"
#include "mlops/codec/json.h"

#include "replay.h"

static void check_error(struct error *error)
{
    AUTO(buf_drop) struct buf text = {0};
    error_print(error, &text);
    for (const struct error *at = error; at; at = at->next)
        check(!at->mark.file || (at->mark.line >= 1 && at->mark.column >= 1));
    error_drop(error);
}

static void check_tree(struct arena *arena, const struct doc_node *node)
{
    struct buf bytes = buf_in(arena);
    struct buf text = buf_in(arena);
    struct str item;
    doc_encode(node, arena, &bytes);
    struct canon_reader reader = canon_reader_of(buf_str(&bytes));
    check(!canon_read_item(&reader, &item) && item.len == bytes.len);
    struct json_writer json = {.out = &text, .indent = true};
    json_node(&json, node);
    struct doc *again = NULL;
    struct error *error = json_parse(arena, STR("json"), buf_str(&text), &again);
    check(!error);
    (void)doc_show(arena, node);
    (void)doc_find_path(node, STR("a.b.0.c"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int i = 0; i < 2; i++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct doc *doc = NULL;
        struct doc_options options = {.dialect = i ? DOC_DVC : DOC_NATIVE, .refuse_anchors = i};
        struct str bytes = {(const char *)data, size};
        struct error *error = doc_parse(&arena, STR("fuzz.yaml"), bytes, &options, &doc);
        if (error)
            check_error(error);
        else
            check_tree(&arena, doc->root);
    }
    return 0;
}
