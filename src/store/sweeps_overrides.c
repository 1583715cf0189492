/* What a trial changes as the text of its row: docs/formats.md, "lineage.db", trial. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"

#include "sweeps_private.h"

static const char *const action_names[] = {
    [EDIT_SET] = NULL,
    [EDIT_ADD] = "add",
    [EDIT_REMOVE] = "remove",
};

static void print_one(struct json_writer *json, const struct override *override)
{
    json_open_object(json);
    json_name(json, "file");
    json_str(json, override->file);
    json_name(json, "key");
    json_str(json, override->key);
    if (override->action != EDIT_REMOVE) {
        json_name(json, "value");
        json_str(json, override->text);
    }
    if (override->action != EDIT_SET) {
        json_name(json, "action");
        json_text(json, action_names[override->action]);
    }
    json_close_object(json);
}

struct str overrides_print(struct arena *arena, const struct override_vec *overrides)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    json_open_list(&json);
    vec_each (const struct override, override, overrides)
        print_one(&json, override);
    json_close_list(&json);
    return buf_str(&out);
}

static struct str member(const struct doc_node *node, const char *name)
{
    const struct doc_node *found = doc_find(node, str_of(name));
    return found && found->kind == DOC_STR ? found->text : (struct str){0};
}

static FALLIBLE parse_one(const struct doc_node *node, struct override *ret)
{
    struct str action = member(node, "action");
    *ret = (struct override){
        .file = member(node, "file"), .key = member(node, "key"), .text = member(node, "value")};
    if (str_is(action, action_names[EDIT_ADD]))
        ret->action = EDIT_ADD;
    else if (str_is(action, action_names[EDIT_REMOVE]))
        ret->action = EDIT_REMOVE;
    else if (action.len || node->kind != DOC_MAP || ret->key.len == 0)
        return error_new(ERROR_STORED, "the overrides of a trial are damaged");
    return NULL;
}

FALLIBLE overrides_parse(struct arena *arena, struct str json, struct override_vec *ret)
{
    struct doc *doc = NULL;
    struct error *error = json_parse(arena, STR("overrides"), json, &doc);
    if (error)
        return error_recode(error, ERROR_STORED);
    for (const struct doc_node *node = doc->root->first; node; node = node->next)
        TRY(parse_one(node, vec_push(arena, ret)));
    return NULL;
}
