/* Fields of a stage that are paths it reads: working directory, dependencies, parameter files. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"

#include <stdlib.h>

#include "pipeline_private.h"

bool text_is_url(struct str text)
{
    ptrdiff_t len = str_find(text, STR("://"));
    for (ptrdiff_t i = 0; i < len; i++) {
        char c = text.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_more = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!is_letter && (i == 0 || !is_more))
            return false;
    }
    return len > 0;
}

bool binding_path(struct binding *binding, const struct doc_node *node, struct str base,
                  struct str written, struct str *ret)
{
    const char *fault = "is empty";
    struct str path = {0};
    if (written.len) {
        (void)path_resolve(binding->binder.arena, base, written, &path); /* may leave the project */
        fault = path_text_fault(path);
    }
    if (fault && written.len <= (size_t)LIMIT_PATH_PART_BYTES)
        binding_error(binding, node, "path '%.*s' %s", STR_FMT(written), fault);
    else if (fault)
        binding_error(binding, node, "path '%.*s...' %s", 40, written.at, fault);
    else
        *ret = path;
    return !fault;
}

struct str text_unescape(struct arena *arena, struct str text)
{
    if (str_find_char(text, '\\') < 0)
        return text;
    char *at = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_escape = text.at[i] == '\\' && i + 1 < text.len;
        if (is_escape && text.at[i + 1] != '\0' && strchr("*?[]\\", text.at[i + 1]))
            i++;
        at[len++] = text.at[i];
    }
    return (struct str){at, len};
}

/* The directory as a pattern that matches only itself. */
static struct str as_pattern(struct arena *arena, struct str dir)
{
    char *at = arena_alloc(arena, dir.len * 2 + 1);
    size_t len = 0;
    for (size_t i = 0; i < dir.len; i++) {
        if (strchr("*?[\\", dir.at[i]))
            at[len++] = '\\';
        at[len++] = dir.at[i];
    }
    return (struct str){at, len};
}

void pipeline_bind_wdir(struct binding *binding, struct draft *draft)
{
    struct stage *stage = draft->stage;
    stage->wdir = binding->file->dir;
    struct str written;
    if (!draft->wdir || !binding_text(binding, draft->wdir, "wdir", &written))
        return;
    struct str path;
    if (!binding_path(binding, draft->wdir, stage->wdir, written, &path))
        return;
    if (path_is_within(path, STR("")))
        stage->wdir = path;
    else
        binding_error(binding, draft->wdir, "'wdir' '%.*s' leaves the project", STR_FMT(written));
}

static bool has_too_many(struct binding *binding, const struct doc_node *list, const char *key)
{
    if (list->count <= (size_t)LIMIT_STAGE_PATHS)
        return false;
    binding_error(binding, list, "'%s' has more than %lld items", key,
                  (long long)LIMIT_STAGE_PATHS);
    return true;
}

static bool resolve_dep(struct binding *binding, struct str wdir, struct dependency *dep)
{
    struct arena *arena = binding->binder.arena;
    dep->is_url = text_is_url(dep->written);
    dep->is_glob = !dep->is_url && !binding->is_dvc && glob_is_pattern(dep->written);
    dep->path = dep->written;
    if (dep->is_url)
        return true;
    struct str base = dep->is_glob && wdir.len ? as_pattern(arena, wdir) : wdir;
    struct str text = dep->written;
    if (!binding->is_dvc && !dep->is_glob)
        text = text_unescape(arena, text);
    return binding_path(binding, dep->node, base, text, &dep->path);
}

enum { COMPARED_DEPS_MOST = 16 };

/* The line of an earlier equal dependency, 0 if there is none; few are compared, many looked up. */
static int line_of_equal(struct binding *binding, struct map *seen,
                         const struct dependency_vec *deps, struct dependency *dep)
{
    size_t index = (size_t)(dep - deps->at);
    if (deps->len > COMPARED_DEPS_MOST) {
        struct dependency *equal = map_put(binding->binder.arena, seen, dep->path, dep);
        return equal ? equal->node->line : 0;
    }
    for (size_t i = 0; i < index; i++) {
        if (str_equal(deps->at[i].path, dep->path))
            return deps->at[i].node->line;
    }
    return 0;
}

static void check_repeated(struct binding *binding, const struct dependency_vec *deps)
{
    struct map seen = {0};
    vec_each (struct dependency, dep, deps) {
        int line = line_of_equal(binding, &seen, deps, dep);
        if (line)
            binding_error(binding, dep->node,
                          "dependency '%.*s' is listed twice (first in line %d)",
                          STR_FMT(dep->path), line);
    }
}

void pipeline_bind_deps(struct binding *binding, const struct draft *draft)
{
    const struct doc_node *list = draft->deps;
    struct stage *stage = draft->stage;
    if (!list || !binding_list(binding, list, "deps", "paths") ||
        has_too_many(binding, list, "deps"))
        return;
    struct dependency_vec *deps = &stage->deps;
    deps->cap = list->count;
    deps->at = arena_new_array(binding->binder.arena, struct dependency, list->count);
    for (const struct doc_node *item = list->first; item; item = item->next) {
        struct dependency dep = {.node = item};
        if (binding_text(binding, item, "deps", &dep.written) &&
            resolve_dep(binding, stage->wdir, &dep))
            *vec_push(binding->binder.arena, deps) = dep;
    }
    check_repeated(binding, deps);
}

static void bind_key(struct binding *binding, const struct doc_node *node, struct str file,
                     struct param_vec *params)
{
    struct str key;
    if (!binding_text(binding, node, "params", &key))
        return;
    if (key.len == 0)
        binding_error(binding, node, "'params': a key is empty");
    else
        *vec_push(binding->binder.arena, params) =
            (struct param_ref){.file = file, .key = key, .node = node};
}

/* {file: [keys]}, or {file: } and {file: []} for all of it. */
static void bind_param_file(struct binding *binding, const struct doc_node *node, struct str wdir,
                            struct param_vec *params)
{
    struct str written;
    struct str file;
    if (!binding_text(binding, node->key, "params", &written) ||
        !binding_path(binding, node->key, wdir, written, &file))
        return;
    bool is_whole = node->kind == DOC_NULL || (node->kind == DOC_LIST && node->count == 0);
    if (is_whole)
        *vec_push(binding->binder.arena, params) =
            (struct param_ref){.file = file, .node = node->key};
    else if (binding_list(binding, node, "params", "keys"))
        for (const struct doc_node *key = node->first; key; key = key->next)
            bind_key(binding, key, file, params);
}

static int compare_params(const void *a, const void *b)
{
    const struct param_ref *left = a;
    const struct param_ref *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

/* A whole file (which sorts first) covers its keys. */
static void merge_params(struct param_vec *params)
{
    vec_sort(params, compare_params);
    size_t kept = 0;
    for (size_t i = 0; i < params->len; i++) {
        const struct param_ref *last = kept ? &params->at[kept - 1] : NULL;
        const struct param_ref *param = &params->at[i];
        bool is_covered = last && str_equal(last->file, param->file) &&
                          (last->key.len == 0 || str_equal(last->key, param->key));
        if (!is_covered)
            params->at[kept++] = *param;
    }
    params->len = kept;
}

void pipeline_bind_params(struct binding *binding, const struct draft *draft)
{
    const struct doc_node *list = draft->params;
    struct stage *stage = draft->stage;
    if (!list || !binding_list(binding, list, "params", "keys or files") ||
        has_too_many(binding, list, "params"))
        return;
    struct str file;
    (void)path_resolve(binding->binder.arena, stage->wdir, STR("params.yaml"), &file);
    stage->params.cap = list->count;
    stage->params.at = arena_new_array(binding->binder.arena, struct param_ref, list->count);
    for (const struct doc_node *item = list->first; item; item = item->next) {
        if (item->kind != DOC_MAP) {
            bind_key(binding, item, file, &stage->params);
            continue;
        }
        for (const struct doc_node *entry = item->first; entry; entry = entry->next)
            bind_param_file(binding, entry, stage->wdir, &stage->params);
    }
    merge_params(&stage->params);
}

struct str_vec pipeline_bind_paths(struct binding *binding, const struct doc_node *list,
                                   struct str base, const char *key)
{
    struct str_vec paths = {0};
    if (!binding_list(binding, list, key, "paths") || has_too_many(binding, list, key))
        return paths;
    for (const struct doc_node *item = list->first; item; item = item->next) {
        struct str written;
        struct str path;
        if (binding_text(binding, item, key, &written) &&
            binding_path(binding, item, base, written, &path))
            *vec_push(binding->binder.arena, &paths) = path;
    }
    return paths;
}
