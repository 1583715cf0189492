/* One change: the place is looked for, the text exchanged, the result read back and compared with
 * what was meant. */
#include "mlops/codec/edit.h"

#include "doc_private.h"
#include "edit_private.h"

/* ---- What is meant ---- */

static struct doc_node *key_node(struct arena *arena, struct str text)
{
    struct doc_node *node = arena_new(arena, struct doc_node);
    *node = (struct doc_node){.kind = DOC_STR, .text = text};
    return node;
}

static void put_last(struct doc_node *owner, struct doc_node *child)
{
    struct doc_node **end = &owner->first;
    while (*end)
        end = &(*end)->next;
    *end = child;
    owner->count++;
}

static void mean_set(struct edited *edited, struct doc_node *node)
{
    struct doc_node *key = node->key, *next = node->next;
    *node = *edited->value;
    node->key = key;
    node->next = next;
}

static void mean_remove(struct doc_node *owner, struct doc_node *node)
{
    struct doc_node **at = &owner->first;
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    owner->count--;
}

static void mean_add(struct edited *edited, struct doc_node *owner, struct str keys)
{
    for (struct str rest = keys; rest.len;) {
        struct str key = edit_first_key(rest, &rest);
        struct doc_node *child = arena_new(edited->arena, struct doc_node);
        if (rest.len)
            child->kind = DOC_MAP;
        else
            *child = *edited->value;
        if (owner->kind != DOC_LIST)
            child->key = key_node(edited->arena, key);
        if (owner->kind == DOC_NULL)
            *owner = (struct doc_node){.kind = DOC_MAP, .key = owner->key, .next = owner->next};
        put_last(owner, child);
        owner = child;
    }
}

/* Reads the new text back. */
static FALLIBLE verify(struct edited *edited, const struct doc_node *place, struct str result)
{
    struct doc *doc = NULL;
    struct buf meant = buf_in(edited->arena), found = buf_in(edited->arena);
    struct error *error = doc_load(edited->arena, edited->name, result, edited->doc->dialect, &doc);
    if (error) {
        error_drop(error);
        return edit_refuse(edited, place, "the file would not be readable any more");
    }
    doc_encode(edited->doc->root, edited->arena, &meant);
    doc_encode(doc->root, edited->arena, &found);
    if (str_equal(buf_str(&meant), buf_str(&found)))
        return NULL;
    return edit_refuse(edited, place,
                       "other values would change with it, or it would not be that value");
}

static bool is_same(struct edited *edited, const struct doc_node *node)
{
    struct buf old = buf_in(edited->arena), new = buf_in(edited->arena);
    doc_encode(node, edited->arena, &old);
    doc_encode(edited->value, edited->arena, &new);
    return str_equal(buf_str(&old), buf_str(&new));
}

static struct str spliced(struct edited *edited, const struct splice *splice)
{
    struct buf out = buf_in(edited->arena);
    buf_add_str(&out, str_slice(edited->bytes, 0, splice->from));
    buf_add_str(&out, buf_str(&splice->text));
    buf_add_str(&out, str_slice(edited->bytes, splice->to, edited->bytes.len));
    return buf_str(&out);
}

/* ---- The three actions ---- */

static FALLIBLE unknown(struct edited *edited)
{
    struct str nearest = edit_nearest(edited->arena, edited->doc->root, edited->edit->key);
    struct mark mark = {.file = edited->doc->name.at};
    struct edit_path path = {0};
    if (nearest.len && edit_find_path(edited->doc->root, nearest, &path))
        mark = (struct mark){edited->doc->name.at, path.nodes[path.count - 1]->key->line,
                             path.nodes[path.count - 1]->key->column};
    if (nearest.len)
        return error_at(mark, mark.line ? doc_line(edited->doc, mark.line) : (struct str){0},
                        "no parameter '%.*s' (did you mean '%.*s'?)", STR_FMT(edited->edit->key),
                        STR_FMT(nearest));
    return error_hint(
        error_at(mark, (struct str){0}, "no parameter '%.*s'", STR_FMT(edited->edit->key)),
        "a new one is added by '+%.*s=VALUE'", STR_FMT(edited->edit->key));
}

static FALLIBLE set(struct edited *edited, struct span *owner, struct span *item,
                    struct str own_key, struct splice *ret)
{
    if (!item && owner->style == SPAN_FLOW)
        return edit_flow_add(edited, owner, own_key, ret);
    if (!item)
        return edit_block_add(edited, owner, own_key, ret);
    return edited->language == LOAD_YAML ? edit_block_set(edited, item, ret)
                                         : edit_flow_set(edited, item, ret);
}

static FALLIBLE remove_item(struct edited *edited, const struct doc_node *owner_node,
                            struct span *owner, struct span *item, struct splice *ret)
{
    if (owner->style == SPAN_TABLE)
        return edit_table_remove(edited, owner_node, item, ret);
    return owner->style == SPAN_BLOCK ? edit_block_remove(edited, owner, item, ret)
                                      : edit_flow_remove(edited, owner, item, ret);
}

static FALLIBLE set_or_remove(struct edited *edited, struct splice *ret, struct doc_node **ret_node)
{
    struct edit_path path = {.nodes = {edited->doc->root}, .count = 1};
    struct span *owner = NULL, *item = NULL;
    if (!edit_find_path(edited->doc->root, edited->edit->key, &path))
        return unknown(edited);
    struct doc_node *node = path.nodes[path.count - 1];
    *ret_node = node;
    if (edited->edit->action == EDIT_SET && is_same(edited, node))
        return NULL;
    TRY(edit_follow(edited, &path, &owner, &item));
    struct doc_node *above = path.nodes[path.count - 2];
    if (edited->edit->action == EDIT_SET) {
        TRY(set(edited, owner, item, node->key ? node->key->text : STR(""), ret));
        mean_set(edited, node);
    } else {
        TRY(remove_item(edited, above, owner, item, ret));
        mean_remove(above, node);
    }
    return NULL;
}

/* The nearest thing above that is there already, and the keys below it. */
static struct str find_above(struct edited *edited, struct edit_path *path)
{
    struct str key = edited->edit->key;
    for (struct str above = key;;) {
        ptrdiff_t dot = str_find_last_char(above, '.');
        *path = (struct edit_path){.nodes = {edited->doc->root}, .count = 1};
        if (dot < 0)
            return key;
        above.len = (size_t)dot;
        if (edit_find_path(edited->doc->root, above, path))
            return str_slice(key, above.len + 1, key.len);
    }
}

static FALLIBLE check_owner(struct edited *edited, const struct doc_node *owner, struct str keys)
{
    int64_t at = -1;
    struct str first = edit_first_key(keys, &(struct str){0});
    struct str key = edited->edit->key;
    if (owner->kind == DOC_MAP || owner->kind == DOC_NULL)
        return NULL;
    if (owner->kind == DOC_LIST && doc_read_decimal(first, &at) && at == (int64_t)owner->count)
        return NULL;
    if (owner->kind == DOC_LIST)
        return doc_error(owner, "'%.*s' can't be added: the list has %zu items, the next is %zu",
                         STR_FMT(key), owner->count, owner->count);
    return doc_error(owner, "'%.*s' can't be added: what is above it is %s, not a mapping",
                     STR_FMT(key), doc_kind_name(owner->kind));
}

static FALLIBLE add(struct edited *edited, struct splice *ret, struct doc_node **ret_node)
{
    struct edit_path path = {.nodes = {edited->doc->root}, .count = 1};
    struct span *above = NULL, *owner = NULL;
    if (edit_find_path(edited->doc->root, edited->edit->key, &path))
        return error_hint(doc_error(path.nodes[path.count - 1]->key
                                        ? path.nodes[path.count - 1]->key
                                        : path.nodes[path.count - 1],
                                    "'%.*s' is there already", STR_FMT(edited->edit->key)),
                          "without '+' it is changed");
    struct str keys = find_above(edited, &path);
    struct doc_node *node = path.nodes[path.count - 1];
    TRY(check_owner(edited, node, keys));
    TRY(edit_follow(edited, &path, &above, &owner));
    if (owner)
        edit_flow_open(edited, owner);
    if (owner && owner->style == SPAN_TABLE)
        TRY(edit_table_add(edited, &path, owner, keys, ret));
    else if (owner && owner->style == SPAN_FLOW)
        TRY(edit_flow_add(edited, owner, keys, ret));
    else
        TRY(edit_block_add(edited, owner, keys, ret));
    mean_add(edited, node, keys);
    *ret_node = node;
    return NULL;
}

/* ---- One edit ---- */

static struct str break_of(struct str bytes)
{
    ptrdiff_t end = str_find_char(bytes, '\n');
    return end > 0 && bytes.at[end - 1] == '\r' ? STR("\r\n") : STR("\n");
}

static FALLIBLE find_spans(struct edited *edited)
{
    size_t end = edited->bytes.len;
    switch (edited->language) {
    case LOAD_YAML:
        return edit_yaml_spans(edited, &edited->root);
    case LOAD_JSON:
        while (end > 0 && strchr(" \t\r\n", edited->bytes.at[end - 1]))
            end--;
        edited->root = edit_flow_span(edited, edit_skip_gap(edited, 0), end);
        return NULL;
    case LOAD_TOML:
    case LOAD_PYTHON:
        edited->root = arena_new(edited->arena, struct span);
        *edited->root = (struct span){.style = SPAN_TABLE, .is_map = true, .to = end};
        return NULL;
    }
    return NULL;
}

static FALLIBLE take_value(struct arena *arena, const struct edit *edit, enum doc_dialect dialect,
                           struct doc_node **ret)
{
    if (edit->action == EDIT_REMOVE)
        return NULL;
    if (!edit->node)
        return edit_value(arena, edit->value, dialect, ret);
    *ret = arena_new(arena, struct doc_node);
    **ret = *edit->node;
    (*ret)->key = (*ret)->next = NULL;
    return NULL;
}

FALLIBLE edit_apply(struct arena *arena, struct str name, struct str bytes,
                    enum doc_dialect dialect, const struct edit *edit, struct str *ret)
{
    struct doc *doc = NULL;
    struct doc_node *value = NULL, *node = NULL;
    struct splice splice = {0};
    TRY(doc_load(arena, name, bytes, dialect, &doc));
    TRY(doc_refuse_conflict(doc));
    TRY(take_value(arena, edit, dialect, &value));
    struct edited edited = {.arena = arena,
                            .name = name,
                            .doc = doc,
                            .bytes = doc->bytes,
                            .language = load_language(name),
                            .line_break = break_of(doc->bytes),
                            .edit = edit,
                            .value = value};
    TRY(find_spans(&edited));
    TRY(edit->action == EDIT_ADD ? add(&edited, &splice, &node)
                                 : set_or_remove(&edited, &splice, &node));
    struct str result = spliced(&edited, &splice);
    TRY(verify(&edited, node, result));
    bool has_mark = bytes.len > doc->bytes.len;
    *ret = has_mark ? str_print(arena, "\xEF\xBB\xBF%.*s", STR_FMT(result)) : result;
    return NULL;
}
