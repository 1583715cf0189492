/* JSON: any bytes give a tree or an error with a place; a tree is written as JSON that reads back
 * to the same canonical bytes. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/json.h"

#include "replay.h"

static struct str encode(struct arena *arena, const struct doc_node *node)
{
    struct buf bytes = buf_in(arena);
    doc_encode(node, arena, &bytes);
    return buf_str(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct doc *doc = NULL;
    struct doc *again = NULL;
    struct str bytes = {(const char *)data, size};
    struct error *error = json_parse(&arena, STR("fuzz.json"), bytes, &doc);
    if (error) {
        check(error->mark.line >= 1 && error->mark.column >= 1);
        error_drop(error);
        return 0;
    }
    struct buf text = buf_in(&arena);
    struct json_writer json = {.out = &text, .indent = size % 2};
    json_node(&json, doc->root);
    error = json_parse(&arena, STR("again.json"), buf_str(&text), &again);
    check(!error);
    check(str_equal(encode(&arena, doc->root), encode(&arena, again->root)));
    return 0;
}
