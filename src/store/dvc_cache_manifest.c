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

/* --- the list, an item at a time: it may be of millions --- */

static size_t skip_blanks(struct str bytes, size_t at)
{
    while (at < bytes.len && bytes.at[at] && strchr(" \t\n\r", bytes.at[at]))
        at++;
    return at;
}

/* Behind the map that begins at `from`; 0: there is none, or none of a decent length. */
static size_t item_end(struct str bytes, size_t from)
{
    bool is_text = false;
    size_t most = MIN_OF(bytes.len, from + (size_t)LIMIT_DVC_LIST_ITEM_BYTES);
    if (from >= bytes.len || bytes.at[from] != '{')
        return 0;
    for (size_t at = from + 1; at < most; at++) {
        char c = bytes.at[at];
        if (is_text && c == '\\')
            at++;
        else if (c == '"')
            is_text = !is_text;
        else if (!is_text && c == '}')
            return at + 1;
        else if (!is_text && (c == '{' || c == '['))
            return 0;
    }
    return 0;
}

static FALLIBLE parse_item(struct arena *arena, struct str bytes, struct dvc_file_vec *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct doc *doc = NULL;
    struct dvc_file file = {0};
    TRY(json_parse(&scratch, STR("manifest"), bytes, &doc));
    TRY(bind_file(doc->root, &file));
    file.path = str_copy(arena, file.path);
    *vec_push(arena, ret) = file;
    return NULL;
}

static FALLIBLE parse_items(struct arena *arena, struct str bytes, struct dvc_file_vec *ret)
{
    size_t at = skip_blanks(bytes, 0);
    bool is_list = at < bytes.len && bytes.at[at] == '[', is_open = is_list;
    at = skip_blanks(bytes, at + 1);
    if (is_list && at < bytes.len && bytes.at[at] == ']')
        is_open = false;
    while (is_open) {
        size_t end = item_end(bytes, at);
        if (!end)
            return error_new(ERROR_STORED, "it is no list of maps");
        TRY(parse_item(arena, str_slice(bytes, at, end), ret));
        at = skip_blanks(bytes, end);
        is_open = at < bytes.len && bytes.at[at] == ',';
        if (is_open)
            at = skip_blanks(bytes, at + 1);
    }
    bool is_closed = is_list && at < bytes.len && bytes.at[at] == ']';
    if (!is_closed || skip_blanks(bytes, at + 1) != bytes.len)
        return error_new(ERROR_STORED, "it is no list");
    return NULL;
}

static FALLIBLE parse(struct arena *arena, struct str bytes, struct dvc_file_vec *ret)
{
    TRY(parse_items(arena, bytes, ret));
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
    int64_t size = 0;
    TRY(dvc_cache_has(cache, object, &size, &found));
    *ret_health = found ? DVC_DAMAGED : DVC_MISSING;
    if (!found || size > LIMIT_DVC_LIST_BYTES)
        return NULL;
    found = false;
    for (int layout = 0; layout < DVC_LAYOUTS && !found; layout++) {
        char path[DVC_PATH_BYTES];
        dvc_object_path(object, layout, path);
        TRY(file_read(arena, fd_number(cache->fd), path, LIMIT_DVC_LIST_BYTES, &bytes, &found));
    }
    return found ? dvc_manifest_parse(arena, bytes, object->md5, ret, ret_health) : NULL;
}

/* As Python's json.dumps does it: everything beyond ASCII as UTF-16 escapes. */
void dvc_json_print(struct str text, struct buf *out)
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
        dvc_json_print(files->at[i].path, out);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}
