/* A `.dvc` file that imports from another project: what it says of a newer version. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/edit.h"

#include <stdlib.h>

#include "dvcdata_private.h"

/* --- the MD5 of the file's own content, as DVC takes it --- */

/* What a reader of the file may change without changing what it imports. */
static const char *const left_out[] = {"desc",   "type",    "labels", "meta", "locked", "frozen",
                                       "metric", "persist", "isexec", "size", "nfiles"};

static bool is_left_out(struct str key, bool is_top)
{
    for (size_t i = 0; i < COUNT_OF(left_out); i++)
        if (str_is(key, left_out[i]))
            return true;
    return is_top && str_is(key, "md5");
}

static int by_key(const void *a, const void *b)
{
    const struct doc_node *left = *(const struct doc_node *const *)a;
    const struct doc_node *right = *(const struct doc_node *const *)b;
    return str_compare(left->key->text, right->key->text);
}

static void print_value(struct arena *arena, const struct doc_node *node, bool is_top,
                        struct buf *out);

static void print_map(struct arena *arena, const struct doc_node *node, bool is_top,
                      struct buf *out)
{
    size_t count = 0;
    for (const struct doc_node *field = node->first; field; field = field->next)
        count += !is_left_out(field->key->text, is_top);
    const struct doc_node **fields = arena_new_array(arena, const struct doc_node *, count + 1);
    count = 0;
    for (const struct doc_node *field = node->first; field; field = field->next)
        if (!is_left_out(field->key->text, is_top))
            fields[count++] = field;
    if (count)
        qsort(fields, count, sizeof fields[0], by_key);
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_str(out, STR(", "));
        dvc_json_print(fields[i]->key->text, out);
        buf_add_str(out, STR(": "));
        print_value(arena, fields[i], false, out);
    }
    buf_add_char(out, '}');
}

/* Depth is bounded by the parser's. */
static void print_value(struct arena *arena, const struct doc_node *node, bool is_top,
                        struct buf *out)
{
    if (node->kind == DOC_MAP) {
        print_map(arena, node, is_top, out);
    } else if (node->kind == DOC_LIST) {
        buf_add_char(out, '[');
        for (const struct doc_node *item = node->first; item; item = item->next) {
            if (item != node->first)
                buf_add_str(out, STR(", "));
            print_value(arena, item, false, out);
        }
        buf_add_char(out, ']');
    } else if (node->kind == DOC_STR) {
        dvc_json_print(node->text, out);
    } else {
        buf_add_str(out, node->kind == DOC_NULL ? STR("null") : node->text);
    }
}

static struct str own_md5(struct arena *arena, const struct doc *doc)
{
    struct buf text = buf_in(arena);
    char hex[MD5_HEX_LEN + 1];
    print_value(arena, doc->root, true, &text);
    md5_print(md5_of(text.at, text.len), hex);
    return str_print(arena, "'%s'", hex);
}

/* --- writing --- */

static FALLIBLE set(struct arena *arena, const char *key, struct str value, bool is_there,
                    struct str *text)
{
    struct edit edit = {
        .action = is_there ? EDIT_SET : EDIT_ADD, .key = str_of(key), .value = value};
    return edit_apply(arena, STR("pointer.yaml"), *text, DOC_DVC, &edit, text);
}

/* A text of YAML, whatever it looks like. */
static struct str quoted(struct arena *arena, struct str text)
{
    struct buf out = buf_in(arena);
    dvc_json_print(text, &out);
    return buf_str(&out);
}

static FALLIBLE parse(struct arena *arena, struct str file, struct str text, struct doc **ret)
{
    struct doc_options options = {
        .dialect = DOC_DVC, .bytes_most = LIMIT_LOCK_BYTES, .huge_is_text = true};
    return doc_parse(arena, file, text, &options, ret);
}

static FALLIBLE write_commit(struct arena *arena, const struct dvcdata_import *import,
                             struct str *text)
{
    const struct doc_node *root = import->tracked->entry->node->doc->root;
    const struct doc_node *deps = doc_find(root, STR("deps"));
    const struct doc_node *repo = doc_find(deps->first, STR("repo"));
    TRY(set(arena, "deps.0.repo.rev_lock", quoted(arena, import->rev_lock),
            doc_find(repo, STR("rev_lock")) != NULL, text));
    if (import->rev.len)
        TRY(set(arena, "deps.0.repo.rev", quoted(arena, import->rev),
                doc_find(repo, STR("rev")) != NULL, text));
    return NULL;
}

static FALLIBLE write_file(const struct recording *recording, const struct dvcdata_import *import)
{
    struct session *session = recording->dvcdata->session;
    struct arena *arena = recording->dvcdata->arena;
    const char *file = str_terminate(arena, import->tracked->file);
    struct str text = {0};
    struct doc *doc = NULL;
    bool found = false;
    TRY(file_read(arena, fd_number(session->workspace.root_fd), file, LIMIT_LOCK_BYTES, &text,
                  &found));
    TRY(recording_write(recording, &text));
    TRY(write_commit(arena, import, &text));
    TRY(parse(arena, import->tracked->file, text, &doc));
    TRY(set(arena, "md5", own_md5(arena, doc), doc_find(doc->root, STR("md5")) != NULL, &text));
    return workspace_publish(&session->workspace, file, text, 0644, true);
}

FALLIBLE dvcdata_settle_import(struct session *session, const struct dvcdata_import *import,
                               bool *ret_same)
{
    AUTO(dvcdata_drop) struct dvcdata dvcdata = {0};
    AUTO(data_lock_drop) struct data_lock lock = {0};
    const struct dvcdata_options options = {.is_local = true};
    const struct dvc_entry *entry = import->tracked->entry;
    struct recording recording = {
        .dvcdata = &dvcdata, .tracked = import->tracked, .artifact = import->artifact};
    recording.artifact.path = entry->path;
    recording.artifact.is_stored = true;
    recording.is_text = entry->is_legacy && !import->rev_lock.len;
    TRY(data_lock(session, &lock));
    TRY(dvcdata_open(session, &options, &dvcdata));
    TRY(recording_sum(&recording));
    bool is_directory = import->artifact.kind == ARTIFACT_TREE;
    *ret_same = entry->has_hash && md5_equal(recording.md5, entry->md5) &&
                is_directory == entry->is_directory;
    if (!import->rev_lock.len && !*ret_same)
        return NULL;
    TRY(recording_keep(&recording));
    sums_save(dvcdata.sums);
    TRY(index_save(session->index));
    return import->rev_lock.len ? write_file(&recording, import) : NULL;
}
