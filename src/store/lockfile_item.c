#include "mlops/base/arena.h"
#include "mlops/model/name.h"
#include "mlops/model/tree.h"

#include "lockfile_private.h"

FALLIBLE lock_expect(const struct doc_node *node, enum doc_kind kind)
{
    if (node->kind == kind)
        return NULL;
    static const char *const wanted[] = {
        [DOC_NULL] = "nothing",    [DOC_BOOL] = "true or false", [DOC_INT] = "an integer",
        [DOC_BIGINT] = "a number", [DOC_REAL] = "a number",      [DOC_STR] = "a string",
        [DOC_LIST] = "a list",     [DOC_MAP] = "a mapping",
    };
    return doc_error(node, "%s is expected here, %s was found", wanted[kind],
                     doc_kind_name(node->kind));
}

FALLIBLE lock_unknown_key(const struct doc_node *node, const char *noun)
{
    return doc_error(node->key, "'%.*s' is no key of %s", STR_FMT(node->key->text), noun);
}

/* A string, or {hex: "..."} for bytes that YAML can't hold. */
FALLIBLE lock_read_text(struct arena *arena, const struct doc_node *node, struct str *ret)
{
    const struct doc_node *hex = node->kind == DOC_MAP ? doc_find(node, STR("hex")) : NULL;
    if (hex && node->count == 1 && hex->kind == DOC_STR)
        return doc_hex_parse(arena, hex->text, ret) ? NULL : doc_error(hex, "no hex digits");
    TRY(lock_expect(node, DOC_STR));
    *ret = node->text;
    return NULL;
}

FALLIBLE lock_read_texts(struct arena *arena, const struct doc_node *node, struct str **ret,
                         size_t *ret_count)
{
    TRY(lock_expect(node, DOC_LIST));
    struct str *texts = arena_new_array(arena, struct str, node->count + 1);
    size_t count = 0;
    for (const struct doc_node *item = node->first; item; item = item->next)
        TRY(lock_read_text(arena, item, &texts[count++]));
    *ret = texts;
    *ret_count = count;
    return NULL;
}

/* Hex before anything else is made of it. Digits alone may look like a number. */
static FALLIBLE read_digest(const struct doc_node *node, struct digest *ret)
{
    bool is_scalar = node->kind == DOC_STR || node->kind == DOC_BIGINT || node->kind == DOC_REAL;
    if (is_scalar && node->text.len == DIGEST_HEX_LEN && digest_parse(node->text, ret))
        return NULL;
    return doc_error(node, "sha256 is not 64 hex digits");
}

static FALLIBLE read_amount(const struct doc_node *node, int64_t *ret)
{
    if (node->kind != DOC_INT || node->integer < 0)
        return doc_error(node, "'%.*s' is no amount: %.*s", STR_FMT(node->key->text),
                         node->kind == DOC_BIGINT ? 9 : 25,
                         node->kind == DOC_BIGINT ? "too large" : "not an integer from 0 on");
    *ret = node->integer;
    return NULL;
}

FALLIBLE lock_read_bool(const struct doc_node *node, bool *ret)
{
    TRY(lock_expect(node, DOC_BOOL));
    *ret = node->truth;
    return NULL;
}

/* An item of `deps` or `outs`: both have the same keys but for a few of outputs. */
struct item_reader {
    struct arena *arena;
    struct artifact artifact;
    const struct doc_node *path, *digest, *size, *files, *out_only, *executable;
};

static FALLIBLE read_kind(const struct doc_node *node, enum artifact_kind *ret)
{
    TRY(lock_expect(node, DOC_STR));
    if (str_is(node->text, "directory"))
        *ret = ARTIFACT_TREE;
    else if (str_is(node->text, "absent"))
        *ret = ARTIFACT_ABSENT;
    else if (str_is(node->text, "file"))
        *ret = ARTIFACT_FILE;
    else
        return doc_error(node, "kind is file, directory or absent");
    return NULL;
}

static FALLIBLE read_item_key(struct item_reader *reader, const struct doc_node *node)
{
    struct artifact *artifact = &reader->artifact;
    struct str key = node->key->text;
    if (str_is(key, "path")) {
        reader->path = node;
        return lock_read_text(reader->arena, node, &artifact->path);
    }
    if (str_is(key, "sha256")) {
        reader->digest = node;
        return read_digest(node, &artifact->digest);
    }
    if (str_is(key, "size")) {
        reader->size = node;
        return read_amount(node, &artifact->size_bytes);
    }
    if (str_is(key, "kind"))
        return read_kind(node, &artifact->kind);
    if (str_is(key, "executable")) {
        reader->executable = node;
        return lock_read_bool(node, &artifact->is_executable);
    }
    reader->out_only = node;
    if (str_is(key, "files")) {
        reader->files = node;
        return read_amount(node, &artifact->file_count);
    }
    if (str_is(key, "empty_dirs"))
        return lock_read_texts(reader->arena, node, &artifact->empty_dirs,
                               &artifact->empty_dir_count);
    if (str_is(key, "stored"))
        return lock_read_bool(node, &artifact->is_stored);
    return lock_unknown_key(node, "a path of a lock file");
}

/* What must be there and what may not, by the kind. */
static FALLIBLE check_item(const struct item_reader *reader, const struct doc_node *node)
{
    const struct artifact *artifact = &reader->artifact;
    if (!reader->path)
        return doc_error(node, "'path' is missing");
    if (artifact->kind == ARTIFACT_ABSENT)
        return reader->digest || reader->size || reader->files || reader->executable
                   ? doc_error(node, "a path that is absent has no content")
                   : NULL;
    if (!reader->digest || !reader->size)
        return doc_error(node, "'%s' is missing", reader->digest ? "size" : "sha256");
    if (artifact->kind == ARTIFACT_FILE && (reader->files || artifact->empty_dir_count))
        return doc_error(node, "a file holds no files: 'kind: directory' is missing");
    if (artifact->kind == ARTIFACT_TREE && artifact->is_executable)
        return doc_error(node, "a directory is not executable");
    return NULL;
}

static FALLIBLE read_item(struct arena *arena, const struct doc_node *node, struct item_reader *ret)
{
    TRY(lock_expect(node, DOC_MAP));
    *ret = (struct item_reader){.arena = arena,
                                .artifact = {.kind = ARTIFACT_FILE, .is_stored = true}};
    for (const struct doc_node *child = node->first; child; child = child->next)
        TRY(read_item_key(ret, child));
    return check_item(ret, node);
}

FALLIBLE lock_read_dep(struct arena *arena, const struct doc_node *node, struct recipe_dep *ret)
{
    struct item_reader item;
    TRY(read_item(arena, node, &item));
    const struct artifact *artifact = &item.artifact;
    if (item.out_only)
        return lock_unknown_key(item.out_only, "a dependency");
    const char *fault = artifact->path.len ? path_text_fault(artifact->path) : "is empty";
    if (fault)
        return doc_error(item.path, "the path '%.*s' %s", STR_FMT(artifact->path), fault);
    *ret = (struct recipe_dep){artifact->path, artifact->kind, artifact->is_executable,
                               artifact->digest, artifact->size_bytes};
    return NULL;
}

/* mlops writes to these paths when it restores them; what lies outside is never restored. */
static FALLIBLE check_out_path(const struct item_reader *item)
{
    struct str path = item->artifact.path;
    const char *fault = path_fault(item->artifact.is_stored ? path : path_without_way_out(path));
    return fault ? doc_error(item->path, "the path '%.*s' %s", STR_FMT(path), fault) : NULL;
}

static FALLIBLE check_empty_dirs(const struct item_reader *item)
{
    const struct artifact *artifact = &item->artifact;
    for (size_t i = 0; i < artifact->empty_dir_count; i++) {
        struct str rest = artifact->empty_dirs[i], part;
        const char *fault = rest.len ? NULL : "is empty";
        if (i && str_compare(artifact->empty_dirs[i - 1], rest) >= 0)
            fault = "is out of order";
        while (!fault && str_split(&rest, '/', &part))
            fault = tree_name_fault(part);
        if (fault)
            return doc_error(item->path, "the empty directory '%.*s' %s",
                             STR_FMT(artifact->empty_dirs[i]), fault);
    }
    return NULL;
}

FALLIBLE lock_read_out(struct arena *arena, const struct doc_node *node, struct artifact *ret)
{
    struct item_reader item;
    TRY(read_item(arena, node, &item));
    TRY(check_out_path(&item));
    TRY(check_empty_dirs(&item));
    *ret = item.artifact;
    if (ret->kind == ARTIFACT_FILE)
        ret->file_count = 1;
    if (ret->kind == ARTIFACT_ABSENT)
        ret->is_stored = false;
    return NULL;
}
