/* Looking for the dvc.yaml and .dvc files of a project. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"
#include "mlops/store/search.h"

#include <stdlib.h>

#include "pipelines_private.h"

struct finding {
    struct loader *loader;
    struct map tracked; /* paths that .dvc files track */
    struct discovery found;
};

/* As DVC looks at names: what ends in .dvc and is more than that, and dvc.yaml. */
static bool is_dvc_name(struct str name)
{
    return str_is(name, "dvc.yaml") || (name.len > 4 && str_ends(name, STR(".dvc")));
}

static FALLIBLE add_pointer(struct finding *finding, struct str path)
{
    struct arena *arena = finding->loader->arena;
    const struct doc *doc = NULL;
    struct dvc_pointer *pointer = arena_new(arena, struct dvc_pointer);
    TRY(loader_read(finding->loader, path, true, &doc));
    if (!doc)
        return NULL;
    TRY(dvc_pointer_bind(arena, doc, path, pointer));
    vec_each (struct dvc_entry, entry, &pointer->outs)
        map_put(arena, &finding->tracked, entry->path, entry);
    *vec_push(arena, &finding->found.pointers) = pointer;
    return NULL;
}

static FALLIBLE visit(void *context, struct str path)
{
    struct finding *finding = context;
    size_t count = finding->found.pipelines.len + finding->found.pointers.len;
    if (count == (size_t)LIMIT_PROJECT_FILES)
        return error_new(ERROR_PROJECT, "more than %lld dvc.yaml and .dvc files",
                         (long long)LIMIT_PROJECT_FILES);
    if (!str_is(path_name(path), "dvc.yaml"))
        return add_pointer(finding, path);
    *vec_push(finding->loader->arena, &finding->found.pipelines) = path;
    return NULL;
}

static bool is_tracked(void *context, struct str path)
{
    return map_has(&((const struct finding *)context)->tracked, path);
}

static int by_pointer_path(const void *a, const void *b)
{
    const struct dvc_pointer *const *left = a;
    const struct dvc_pointer *const *right = b;
    return str_compare((*left)->path, (*right)->path);
}

struct error *pipelines_discover(struct loader *loader, struct str root, struct discovery *ret)
{
    struct finding finding = {.loader = loader};
    struct search_visitor visitor = {is_dvc_name, visit, is_tracked, &finding};
    TRY(search_files(loader->arena, loader->workspace, root, &visitor));
    vec_sort(&finding.found.pipelines, str_compare_items);
    vec_sort(&finding.found.pointers, by_pointer_path);
    *ret = finding.found;
    return NULL;
}
