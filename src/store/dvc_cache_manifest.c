#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/model/name.h"

#include "dvc_cache_private.h"

static FALLIBLE bind_file(const struct doc_node *node, struct dvc_file *file)
{
    const struct doc_node *md5 = doc_find(node, STR("md5"));
    const struct doc_node *path = doc_find(node, STR("relpath"));
    bool is_whole = md5 && path && md5->kind == DOC_STR && path->kind == DOC_STR;
    if (!is_whole || !md5_parse(md5->text, &file->md5))
        return error_new(ERROR_STORED, "an entry has no 'relpath' or no 'md5' of 32 hex digits");
    const char *fault = path_fault(path->text); /* it may only lead below its directory */
    if (fault)
        return error_new(ERROR_STORED, "the path '%.*s' %s", STR_FMT(path->text), fault);
    file->path = path->text;
    return NULL;
}

static int compare_files(const void *a, const void *b)
{
    const struct dvc_file *left = a, *right = b;
    return str_compare(left->path, right->path);
}

static FALLIBLE parse(struct arena *arena, struct str bytes, struct dvc_file_vec *ret)
{
    struct doc *doc = NULL;
    TRY(json_parse(arena, STR("manifest"), bytes, &doc));
    if (doc->root->kind != DOC_LIST)
        return error_new(ERROR_STORED, "it is no list");
    for (const struct doc_node *node = doc->root->first; node; node = node->next)
        TRY(bind_file(node, vec_push(arena, ret)));
    vec_sort(ret, compare_files);
    for (size_t i = 1; i < ret->len; i++)
        if (str_equal(ret->at[i - 1].path, ret->at[i].path))
            return error_new(ERROR_STORED, "the path '%.*s' is listed twice",
                             STR_FMT(ret->at[i].path));
    return NULL;
}

struct error *dvc_manifest_parse(struct arena *arena, struct str bytes, struct md5 md5,
                                 struct dvc_file_vec *ret, enum dvc_health *ret_health)
{
    *ret_health = DVC_DAMAGED;
    if (!md5_equal(md5_of(bytes.at, bytes.len), md5))
        return NULL;
    struct dvc_file_vec files = {0};
    struct error *error = parse(arena, bytes, &files);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    if (!error)
        *ret = files;
    *ret_health = error ? DVC_DAMAGED : DVC_GOOD;
    error_drop(error); /* one directory that can't be had stops neither import nor run */
    return NULL;
}

struct error *dvc_cache_manifest(const struct dvc_cache *cache, struct arena *arena,
                                 const struct dvc_object *object, struct dvc_file_vec *ret,
                                 enum dvc_health *ret_health)
{
    struct str bytes = {0};
    bool found = false;
    *ret_health = DVC_MISSING;
    for (int layout = 0; layout < DVC_LAYOUTS && !found && cache->fd.number_plus_one; layout++) {
        char path[DVC_PATH_BYTES];
        dvc_object_path(object, layout, path);
        TRY(file_read(arena, fd_number(cache->fd), path, LIMIT_JSON_BYTES, &bytes, &found));
    }
    return found ? dvc_manifest_parse(arena, bytes, object->md5, ret, ret_health) : NULL;
}

/* As Python's json.dumps does it: everything beyond ASCII as UTF-16 escapes. */
static void print_string(struct buf *out, struct str text)
{
    buf_add_char(out, '"');
    for (size_t at = 0; at < text.len;) {
        uint32_t code = 0;
        size_t used = utf8_decode(text.at + at, text.len - at, &code);
        if (!used) { /* a byte of a name that is no UTF-8: Python's "surrogateescape" */
            code = 0xDC00 + (unsigned char)text.at[at];
            used = 1;
        }
        at += used;
        static const char shorts[] = "\b\f\n\r\t", letters[] = "bfnrt";
        const char *found = code && code < ' ' ? strchr(shorts, (char)code) : NULL;
        if (found)
            buf_print(out, "\\%c", letters[found - shorts]);
        else if (code == '"' || code == '\\')
            buf_print(out, "\\%c", (char)code);
        else if (code >= ' ' && code < 127)
            buf_add_char(out, (char)code);
        else if (code < 0x10000)
            buf_print(out, "\\u%04x", code);
        else
            buf_print(out, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10),
                      0xDC00 + ((code - 0x10000) & 0x3FF));
    }
    buf_add_char(out, '"');
}

void dvc_manifest_print(struct dvc_file_vec *files, struct buf *out)
{
    vec_sort(files, compare_files);
    buf_add_char(out, '[');
    for (size_t i = 0; i < files->len; i++) {
        char hex[MD5_HEX_LEN + 1];
        md5_print(files->at[i].md5, hex);
        buf_print(out, "%s{\"md5\": \"%s\", \"relpath\": ", i ? ", " : "", hex);
        print_string(out, files->at[i].path);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}
