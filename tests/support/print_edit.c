/* Edits files of parameters, so that tests can compare what others read of them before and after.
 * Standard input: lines of JSON, {"name": "x.yaml", "hex": "...", "action": "set"|"add"|"remove",
 * "key": K, "value": V}. Standard output, a line for each: {"hex": "..."} or {"error": text,
 * "line": N, "column": N}. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/edit.h"
#include "mlops/codec/json.h"

#include <stdio.h>
#include <stdlib.h>

static struct str member(const struct doc_node *map, const char *name)
{
    const struct doc_node *node = doc_find(map, str_of(name));
    return node ? node->text : STR("");
}

static enum edit_action action_of(struct str name)
{
    return str_is(name, "add") ? EDIT_ADD : str_is(name, "remove") ? EDIT_REMOVE : EDIT_SET;
}

static void answer(struct arena *arena, const struct doc_node *request, struct buf *out)
{
    struct json_writer json = {.out = out};
    struct buf hex = buf_in(arena);
    struct str bytes = {0}, result = {0};
    const struct edit edit = {action_of(member(request, "action")), member(request, "key"),
                              member(request, "value"), NULL};
    enum doc_dialect dialect = str_is(member(request, "dialect"), "dvc") ? DOC_DVC : DOC_NATIVE;
    check(doc_hex_parse(arena, member(request, "hex"), &bytes));
    struct error *error =
        edit_apply(arena, member(request, "name"), bytes, dialect, &edit, &result);
    json_open_object(&json);
    if (error) {
        json_name(&json, "error");
        json_text(&json, error->text);
        json_name(&json, "line");
        json_int(&json, error->mark.line);
        json_name(&json, "column");
        json_int(&json, error->mark.column);
    } else {
        doc_add_hex(&hex, result);
        json_name(&json, "hex");
        json_str(&json, buf_str(&hex));
    }
    json_close_object(&json);
    error_drop(error);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; (len = getline(&line, &room, stdin)) > 0;) {
        AUTO(arena_drop) struct arena arena = {0};
        struct doc *doc = NULL;
        struct buf out = buf_in(&arena);
        struct error *error =
            json_parse(&arena, STR("request"), (struct str){line, (size_t)len}, &doc);
        check(!error);
        answer(&arena, doc->root, &out);
        printf("%.*s\n", STR_FMT(buf_str(&out)));
    }
    free(line);
    return 0;
}
