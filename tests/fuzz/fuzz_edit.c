/* Edits: a file's name, an action, a key and a value, a line each, and then the file. Whatever they
 * are, there is an error or a text that reads back with that value; a value set again changes
 * nothing. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/edit.h"
#include "mlops/codec/load.h"

#include "replay.h"

static void check_value(struct arena *arena, struct str name, struct str text,
                        const struct edit *edit)
{
    struct doc *doc = NULL;
    struct doc_node *value = NULL;
    struct buf meant = buf_in(arena), found = buf_in(arena);
    struct error *error = doc_load(arena, name, text, DOC_NATIVE, &doc);
    check(!error);
    const struct doc_node *node = doc_find_path(doc->root, edit->key);
    if (edit->action == EDIT_REMOVE || !node)
        return; /* of a list another item may be there now; "-1" is another item after an addition
                 */
    error = edit_value(arena, edit->value, DOC_NATIVE, &value);
    check(!error);
    doc_encode(value, arena, &meant);
    doc_encode(node, arena, &found);
    check(edit->action == EDIT_ADD || str_equal(buf_str(&meant), buf_str(&found)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str rest = {(const char *)data, size}, lines[4] = {{0}};
    static const struct str names[] = {STR_ROW("p.yaml"), STR_ROW("p.json"), STR_ROW("p.toml"),
                                       STR_ROW("p.py")};
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        if (!rest.at || !str_split(&rest, '\n', &lines[i]))
            return 0;
    struct str name = names[lines[0].len % COUNT_OF(names)];
    for (size_t i = 0; i < COUNT_OF(names); i++)
        name = str_equal(lines[0], names[i]) ? names[i] : name;
    const struct edit edit = {str_is(lines[1], "add")      ? EDIT_ADD
                              : str_is(lines[1], "remove") ? EDIT_REMOVE
                                                           : EDIT_SET,
                              lines[2], lines[3], NULL};
    struct str bytes = rest.at ? rest : STR(""), result = {0};
    struct error *error = edit_apply(&arena, name, bytes, DOC_NATIVE, &edit, &result);
    bool is_fine = !error;
    error_drop(error);
    if (is_fine)
        check_value(&arena, name, result, &edit);
    return 0;
}
