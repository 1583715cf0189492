/* Entries of paths, which `.dvc` files and dvc.lock have in common, and `.dvc` files. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include "dvc_private.h"

FALLIBLE dvc_expect(const struct doc_node *node, enum doc_kind kind, const char *what)
{
    if (node->kind == kind)
        return NULL;
    return doc_error(node, "%s must be %s, found %s", what, doc_kind_name(kind),
                     doc_kind_name(node->kind));
}

/* A hash may look like a number to a reader of YAML: its text is what counts. */
static bool is_scalar(const struct doc_node *node)
{
    return node->kind != DOC_LIST && node->kind != DOC_MAP && node->kind != DOC_NULL;
}

static FALLIBLE bind_md5(struct dvc_entry *entry, const struct doc_node *node)
{
    if (node->kind == DOC_NULL)
        return NULL;
    struct str text = is_scalar(node) ? node->text : (struct str){0};
    entry->is_directory = str_ends(text, STR(".dir"));
    if (entry->is_directory)
        text = str_slice(text, 0, text.len - strlen(".dir"));
    entry->has_hash = md5_parse(text, &entry->md5);
    if (entry->has_hash)
        return NULL;
    return doc_error(node, "'md5' must be 32 hex digits, for a directory with '.dir' behind them");
}

static FALLIBLE bind_count(const struct doc_node *node, int64_t *ret)
{
    if (node->kind == DOC_NULL)
        return NULL;
    if (node->kind != DOC_INT || node->integer < 0)
        return doc_error(node, "'%.*s' must be a number from 0 on", STR_FMT(node->key->text));
    *ret = node->integer;
    return NULL;
}

static FALLIBLE bind_field(struct dvc_entry *entry, const struct doc_node *node)
{
    struct str key = node->key->text;
    if (str_is(key, "md5"))
        return bind_md5(entry, node);
    if (str_is(key, "size"))
        return bind_count(node, &entry->size_bytes);
    if (str_is(key, "nfiles"))
        return bind_count(node, &entry->file_count);
    if (str_is(key, "hash"))
        entry->is_legacy = !is_scalar(node) || !str_is(node->text, "md5");
    if (str_is(key, "isexec"))
        entry->is_executable = node->kind == DOC_BOOL && node->truth;
    return NULL; /* the others are carried by the node */
}

static FALLIBLE bind_path(struct arena *arena, const struct doc_node *node, struct str base,
                          struct dvc_entry *entry)
{
    const struct doc_node *path = doc_find(node, STR("path"));
    if (!path)
        return doc_error(node, "'path' is missing");
    if (!is_scalar(path) || path->text.len == 0)
        return doc_error(path, "'path' must be a path");
    entry->written = path->text;
    entry->is_url = str_find(path->text, STR("://")) > 0;
    if (entry->is_url) {
        entry->path = path->text;
        return NULL;
    }
    (void)path_resolve(arena, base, path->text, &entry->path); /* may leave the project */
    const char *fault = path_text_fault(entry->path);
    return fault ? doc_error(path, "this path %s", fault) : NULL;
}

static FALLIBLE bind_entry(struct arena *arena, const struct doc_node *node, struct str base,
                           struct dvc_entry *entry)
{
    TRY(dvc_expect(node, DOC_MAP, "an entry"));
    *entry =
        (struct dvc_entry){.is_legacy = true, .size_bytes = -1, .file_count = -1, .node = node};
    TRY(bind_path(arena, node, base, entry));
    for (const struct doc_node *field = node->first; field; field = field->next)
        TRY(bind_field(entry, field));
    return NULL;
}

FALLIBLE dvc_bind_entries(struct arena *arena, const struct doc_node *list, struct str base,
                          struct dvc_entry_vec *ret)
{
    if (!list || list->kind == DOC_NULL)
        return NULL;
    if (list->kind != DOC_LIST)
        return doc_error(list, "'%.*s' must be a list, found %s", STR_FMT(list->key->text),
                         doc_kind_name(list->kind));
    for (const struct doc_node *node = list->first; node; node = node->next)
        TRY(bind_entry(arena, node, base, vec_push(arena, ret)));
    return NULL;
}

static FALLIBLE pointer_wdir(struct arena *arena, const struct doc_node *root, struct str base,
                             struct str *ret)
{
    *ret = base;
    const struct doc_node *wdir = doc_find(root, STR("wdir"));
    if (!wdir || wdir->kind == DOC_NULL)
        return NULL;
    if (!is_scalar(wdir))
        return doc_error(wdir, "'wdir' must be a path");
    (void)path_resolve(arena, base, wdir->text, ret);
    return NULL;
}

static bool is_true(const struct doc_node *root, struct str key)
{
    const struct doc_node *node = doc_find(root, key);
    return node && node->kind == DOC_BOOL && node->truth;
}

FALLIBLE dvc_pointer_bind(struct arena *arena, const struct doc *doc, struct str path,
                          struct dvc_pointer *ret)
{
    const struct doc_node *root = doc->root;
    struct dvc_pointer pointer = {.path = path, .doc = doc};
    if (root->kind != DOC_NULL)
        TRY(dvc_expect(root, DOC_MAP, "a .dvc file"));
    const struct doc_node *cmd = doc_find(root, STR("cmd"));
    if (cmd && cmd->kind != DOC_NULL)
        return error_hint(doc_error(cmd, "a stage in a .dvc file is of DVC before 1.0"),
                          "move the stage to dvc.yaml");
    struct str base = {0};
    TRY(pointer_wdir(arena, root, path_directory(path), &base));
    TRY(dvc_bind_entries(arena, doc_find(root, STR("outs")), base, &pointer.outs));
    TRY(dvc_bind_entries(arena, doc_find(root, STR("deps")), base, &pointer.deps));
    pointer.is_frozen = is_true(root, STR("frozen")) || is_true(root, STR("locked"));
    *ret = pointer;
    return NULL;
}
