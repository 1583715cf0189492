#include "mlops/model/pointer.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/codec/schema.h"
#include "mlops/model/name.h"
#include "mlops/model/tree.h"

/* What knows no more than versions before it did is written as they would. */
enum { POINTER_SCHEMA = 2, POINTER_SCHEMA_OF_URLS = 1, COMMIT_DIGITS = 40 };

bool pointer_is_name(struct str name)
{
    return name.len > strlen(POINTER_SUFFIX) && str_ends(name, STR(POINTER_SUFFIX));
}

struct str pointer_file_of(struct arena *arena, struct str path)
{
    return str_print(arena, "%.*s" POINTER_SUFFIX, STR_FMT(path));
}

/* --- printing --- */

/* What YAML can't hold as text is written as {hex: "..."}. */
static void add_text(struct buf *out, struct str text)
{
    if (doc_add_text(out, text))
        return;
    buf_add_text(out, "{hex: \"");
    doc_add_hex(out, text);
    buf_add_text(out, "\"}");
}

static void add_field(struct buf *out, const char *name, struct str text)
{
    if (!text.len)
        return;
    buf_add_text(out, name);
    add_text(out, text);
    buf_add_char(out, '\n');
}

static void add_source(struct buf *out, const struct pointer_source *source)
{
    if (!source->url.len)
        return;
    buf_add_text(out, "source:\n");
    add_field(out, "  url: ", source->url);
    add_field(out, "  path: ", source->path);
    add_field(out, "  rev: ", source->rev);
    add_field(out, "  commit: ", source->commit);
    add_field(out, "  etag: ", source->etag);
    add_field(out, "  modified: ", source->modified);
    if (source->is_frozen)
        buf_add_text(out, "  frozen: true\n");
}

void pointer_print(const struct pointer *pointer, struct buf *out)
{
    const struct artifact *artifact = &pointer->artifact;
    char hex[DIGEST_HEX_LEN + 1];
    check(artifact->kind != ARTIFACT_ABSENT);
    digest_print(artifact->digest, hex);
    buf_print(out, "schema: %d\n",
              pointer->source.commit.len ? POINTER_SCHEMA : POINTER_SCHEMA_OF_URLS);
    add_field(out, "path: ", path_name(artifact->path));
    buf_print(out, "digest: sha256:%s\n", hex);
    if (artifact->kind == ARTIFACT_TREE)
        buf_add_text(out, "kind: tree\n");
    buf_print(out, "size: %lld\n", (long long)artifact->size_bytes);
    if (artifact->kind == ARTIFACT_TREE)
        buf_print(out, "files: %lld\n", (long long)artifact->file_count);
    if (artifact->is_executable)
        buf_add_text(out, "executable: true\n");
    if (artifact->empty_dir_count)
        buf_add_text(out, "empty_dirs:\n");
    for (size_t i = 0; i < artifact->empty_dir_count; i++)
        add_field(out, "  - ", artifact->empty_dirs[i]);
    add_field(out, "desc: ", pointer->desc);
    add_source(out, &pointer->source);
}

/* --- reading --- */

static const char *const kinds[] = {"file", "tree", NULL};
enum { KIND_FILE, KIND_TREE };

/* A file as it is bound. */
struct draft {
    int64_t schema;
    struct str name, desc;
    struct digest digest;
    int kind;
    int64_t size_bytes, file_count;
    bool is_executable;
    struct str *empty_dirs;
    size_t empty_dir_count;
    struct pointer_source source;
};

static void bind_text(struct binder *binder, const struct doc_node *node, void *target)
{
    const struct doc_node *hex = node->kind == DOC_MAP ? doc_find(node, STR("hex")) : NULL;
    struct str *ret = target;
    if (hex && node->count == 1 && hex->kind == DOC_STR) {
        if (!doc_hex_parse(binder->arena, hex->text, ret))
            binder_error(binder, hex, "no hex digits");
        return;
    }
    /* What looks like a number or a truth to a reader of YAML is a name all the same. */
    if (node->kind == DOC_MAP || node->kind == DOC_LIST || node->kind == DOC_NULL)
        binder_expected(binder, node, "a text");
    else
        *ret = node->text;
}

/* Of a name below the project, the reason why mlops would not write it. */
static void bind_path(struct binder *binder, const struct doc_node *node, void *target)
{
    struct str *name = target;
    bind_text(binder, node, name);
    if (!name->len)
        return;
    const char *fault = path_fault(*name);
    if (str_find_char(*name, '/') >= 0)
        fault = "holds a '/'; a pointer lies beside what it tracks";
    if (fault)
        binder_error(binder, node, "the path '%.*s' %s", STR_FMT(*name), fault);
}

static void bind_digest(struct binder *binder, const struct doc_node *node, void *target)
{
    struct digest digest = {{0}};
    bool is_digest = node->kind == DOC_STR && str_starts(node->text, STR("sha256:")) &&
                     digest_parse(node->text, &digest);
    if (!is_digest || digest_is_zero(digest))
        binder_error(binder, node, "'digest' must be sha256: and 64 hex digits");
    *(struct digest *)target = digest;
}

static const char *directory_fault(struct str path)
{
    const char *fault = path.len ? NULL : "is empty";
    struct str part;
    while (!fault && str_split(&path, '/', &part))
        fault = tree_name_fault(part);
    return fault;
}

static void bind_empty_dirs(struct binder *binder, const struct doc_node *node, void *target)
{
    struct draft *draft = target;
    if (node->kind != DOC_LIST) {
        binder_expected(binder, node, "a list of directories");
        return;
    }
    draft->empty_dirs = arena_new_array(binder->arena, struct str, node->count);
    for (const struct doc_node *item = node->first; item; item = item->next) {
        struct str *path = &draft->empty_dirs[draft->empty_dir_count++];
        bind_text(binder, item, path);
        const char *fault = directory_fault(*path);
        if (!fault && item != node->first && str_compare(path[-1], *path) >= 0)
            fault = "is out of order";
        if (fault)
            binder_error(binder, item, "the empty directory '%.*s' %s", STR_FMT(*path), fault);
    }
}

#define ROW(key, member_kind, target, member)                                                      \
    .name = (key), .kind = (member_kind), .offset = offsetof(struct target, member)

/* What git is asked for is no word of its own options. */
static void bind_commit(struct binder *binder, const struct doc_node *node, void *target)
{
    struct str *ret = target;
    bind_text(binder, node, ret);
    bool is_commit = ret->len == COMMIT_DIGITS;
    for (size_t i = 0; i < ret->len; i++)
        is_commit = is_commit && ((ret->at[i] >= '0' && ret->at[i] <= '9') ||
                                  (ret->at[i] >= 'a' && ret->at[i] <= 'f'));
    if (ret->len && !is_commit)
        binder_error(binder, node, "'commit' must be 40 hex digits");
}

static void bind_source_path(struct binder *binder, const struct doc_node *node, void *target)
{
    struct str *path = target;
    struct str settled = {0};
    bind_text(binder, node, path);
    bool is_inside = path_resolve(binder->arena, STR(""), *path, &settled);
    if (path->len && (path_text_fault(*path) || !is_inside || !str_equal(settled, *path) ||
                      str_starts(*path, STR("/"))))
        binder_error(binder, node, "'%.*s' is no path of a repository", STR_FMT(*path));
}

static const struct field source_fields[] = {
    {ROW("url", FIELD_BIND, pointer_source, url), .flags = FIELD_REQUIRED, .bind = bind_text},
    {ROW("etag", FIELD_BIND, pointer_source, etag), .bind = bind_text},
    {ROW("modified", FIELD_BIND, pointer_source, modified), .bind = bind_text},
    {ROW("frozen", FIELD_BOOL, pointer_source, is_frozen)},
    {ROW("path", FIELD_BIND, pointer_source, path), .bind = bind_source_path},
    {ROW("rev", FIELD_BIND, pointer_source, rev), .bind = bind_text},
    {ROW("commit", FIELD_BIND, pointer_source, commit), .bind = bind_commit},
};

static const struct schema source_schema = {"source", source_fields, COUNT_OF(source_fields),
                                            false};

static void bind_source(struct binder *binder, const struct doc_node *node, void *target)
{
    schema_bind(binder, &source_schema, STR("in source"), node, target);
}

static const struct field fields[] = {
    {ROW("schema", FIELD_INT, draft, schema), .flags = FIELD_REQUIRED, .least = 1,
     .most = POINTER_SCHEMA},
    {ROW("path", FIELD_BIND, draft, name), .flags = FIELD_REQUIRED, .bind = bind_path},
    {ROW("digest", FIELD_BIND, draft, digest), .flags = FIELD_REQUIRED, .bind = bind_digest},
    {ROW("kind", FIELD_CHOICE, draft, kind), .choices = kinds},
    {ROW("size", FIELD_INT, draft, size_bytes), .flags = FIELD_REQUIRED, .most = INT64_MAX},
    {ROW("files", FIELD_INT, draft, file_count), .most = INT64_MAX},
    {ROW("executable", FIELD_BOOL, draft, is_executable)},
    {.name = "empty_dirs", .kind = FIELD_BIND, .bind = bind_empty_dirs},
    {ROW("desc", FIELD_BIND, draft, desc), .bind = bind_text},
    {ROW("source", FIELD_BIND, draft, source), .bind = bind_source},
};

static const struct schema schema = {"pointer", fields, COUNT_OF(fields), false};

/* What the fields can't say each for itself. */
static FALLIBLE check_whole(const struct doc_node *root, const struct draft *draft, struct str file)
{
    struct str stem = path_name(file);
    stem.len -= strlen(POINTER_SUFFIX);
    if (!str_equal(draft->name, stem))
        return error_hint(doc_error(doc_find(root, STR("path")),
                                    "'%.*s' is tracked by a file of another name",
                                    STR_FMT(draft->name)),
                          "a pointer is called like what it tracks; 'mlops move' renames both");
    const struct doc_node *source = doc_find(root, STR("source"));
    if ((draft->source.path.len || draft->source.rev.len) && !draft->source.commit.len)
        return doc_error(source, "a path or rev of a repository needs its 'commit'");
    if (draft->kind == KIND_TREE && draft->is_executable)
        return doc_error(doc_find(root, STR("executable")), "a directory is not executable");
    if (draft->kind == KIND_FILE && draft->empty_dir_count)
        return doc_error(doc_find(root, STR("empty_dirs")), "a file holds no directories");
    if (draft->kind == KIND_FILE && draft->file_count != 1)
        return doc_error(doc_find(root, STR("files")), "a file is one file");
    return NULL;
}

static FALLIBLE check_schema(const struct doc_node *root)
{
    const struct doc_node *node = doc_find(root, STR("schema"));
    bool is_newer = node && (node->kind == DOC_BIGINT ||
                             (node->kind == DOC_INT && node->integer > POINTER_SCHEMA));
    if (!is_newer)
        return NULL;
    return error_hint(
        error_recode(doc_error(node, "written by a newer version of mlops (schema %.*s)",
                               (int)MIN_OF(node->text.len, 20), node->text.at),
                     ERROR_STORED),
        "use that version, or a newer one");
}

static void set_pointer(const struct doc *doc, const struct draft *draft, struct str file,
                        struct pointer *ret)
{
    *ret = (struct pointer){
        .file = file,
        .artifact = {.path = str_slice(file, 0, file.len - strlen(POINTER_SUFFIX)),
                     .kind = draft->kind == KIND_TREE ? ARTIFACT_TREE : ARTIFACT_FILE,
                     .is_executable = draft->is_executable,
                     .is_stored = true,
                     .digest = draft->digest,
                     .size_bytes = draft->size_bytes,
                     .file_count = draft->file_count,
                     .empty_dirs = draft->empty_dirs,
                     .empty_dir_count = draft->empty_dir_count},
        .source = draft->source,
        .desc = draft->desc,
        .node = doc_find(doc->root, STR("digest")),
    };
}

FALLIBLE pointer_bind(struct arena *arena, const struct doc *doc, struct str file,
                      struct pointer *ret)
{
    struct draft draft = {.file_count = 1};
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    check(pointer_is_name(path_name(file)));
    if (doc->is_empty)
        return doc_error(doc->root, "the pointer is empty");
    TRY(check_schema(doc->root));
    schema_bind(&binder, &schema, STR(""), doc->root, &draft);
    TRY(error_list_take(&errors));
    TRY(check_whole(doc->root, &draft, file));
    set_pointer(doc, &draft, file, ret);
    return NULL;
}

static bool has_conflict(struct str bytes)
{
    return str_starts(bytes, STR("<<<<<<< ")) || str_find(bytes, STR("\n<<<<<<< ")) >= 0;
}

static FALLIBLE parse(struct arena *arena, struct str name, struct str bytes, struct str file,
                      struct pointer *ret)
{
    struct doc_options options = {.dialect = DOC_NATIVE, .refuse_anchors = true};
    struct doc *doc = NULL;
    TRY(doc_parse(arena, name, bytes, &options, &doc));
    return pointer_bind(arena, doc, file, ret);
}

/* Where something else is to be done the error has a hint of its own. */
static bool is_damage(const struct error *error, struct str bytes)
{
    return error && error->code == ERROR_PROJECT && !error->hint && !has_conflict(bytes);
}

bool pointer_is_damaged(struct arena *arena, struct str bytes, struct str file)
{
    struct pointer pointer;
    struct error *error = parse(arena, file, bytes, file, &pointer);
    bool is_damaged = is_damage(error, bytes);
    error_drop(error);
    return is_damaged;
}

FALLIBLE pointer_parse(struct arena *arena, struct str name, struct str bytes, struct str file,
                       struct pointer *ret)
{
    struct error *error = parse(arena, name, bytes, file, ret);
    struct str stem = str_slice(file, 0, file.len - strlen(POINTER_SUFFIX));
    if (error && has_conflict(bytes))
        return error_hint(error,
                          "'mlops resolve %.*s' merges both sides file by file; or take one (git "
                          "checkout --ours -- '%.*s', or --theirs)",
                          STR_FMT(stem), STR_FMT(file));
    if (is_damage(error, bytes))
        return error_hint(error,
                          "restore it (git checkout -- '%.*s'), or 'mlops add %.*s' writes it "
                          "anew from what lies there",
                          STR_FMT(file), STR_FMT(stem));
    return error;
}
