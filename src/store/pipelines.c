#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/dvcconfig.h"

#include "pipelines_private.h"

struct loaded {
    const struct doc *doc; /* NULL: there is no such file */
};

/* As the caller would type it. */
static struct str show(const struct loader *loader, struct str path)
{
    struct str whole = path_join(loader->arena, loader->workspace->root, path);
    (void)path_resolve(loader->arena, STR(""), whole, &whole);
    return path_relative(loader->arena, loader->cwd, whole);
}

static FALLIBLE parse(struct loader *loader, struct str path, struct str bytes, struct doc **ret)
{
    struct str shown = str_copy(loader->arena, show(loader, path));
    if (str_ends(path, STR(".json")))
        return json_parse(loader->arena, shown, bytes, ret);
    struct doc_options options = {.dialect = loader->dialect, .huge_is_text = true};
    return doc_parse(loader->arena, shown, bytes, &options, ret);
}

struct error *loader_read(struct loader *loader, struct str path, const struct doc **ret)
{
    const struct loaded *known = map_get(&loader->docs, path);
    if (known) {
        *ret = known->doc;
        return NULL;
    }
    const char *name = str_terminate(loader->arena, path);
    struct loaded *loaded = arena_new(loader->arena, struct loaded);
    struct doc *doc = NULL;
    struct str bytes;
    bool found = false;
    TRY_WITHIN(file_read(loader->arena, fd_number(loader->workspace->root_fd), name,
                         LIMIT_DOCUMENT_BYTES, &bytes, &found),
               "reading '%.*s'", STR_FMT(path));
    if (found)
        TRY(parse(loader, path, bytes, &doc));
    loaded->doc = doc;
    map_put(loader->arena, &loader->docs, str_of(name), loaded);
    *ret = doc;
    return NULL;
}

static FALLIBLE load_for_binding(void *context, struct str path, const struct doc **ret)
{
    struct loader *loader = context;
    return loader_read(loader, path, ret);
}

static FALLIBLE add_part(struct loader *loader, struct str path, struct pipeline_part *parts,
                         size_t *count)
{
    const struct doc *doc = NULL;
    TRY(loader_read(loader, path, &doc));
    if (doc) /* else it went since it was listed */
        parts[(*count)++] = (struct pipeline_part){path, doc};
    return NULL;
}

static FALLIBLE read_settings(struct loader *loader, struct str root,
                              struct pipeline_sources *sources)
{
    struct dvcconfig config = {0};
    TRY(dvcconfig_load(loader->arena, loader->workspace, root, &config));
    sources->bool_is_optional = str_is(dvcconfig_text(&config, "parsing.bool"), "boolean_optional");
    sources->list_appends = str_is(dvcconfig_text(&config, "parsing.list"), "append");
    return NULL;
}

/* The rest of the graph that the file belongs to. */
static FALLIBLE add_project(struct loader *loader, struct pipeline_part *named,
                            struct pipeline_sources *sources)
{
    struct str root = {0};
    struct discovery found = {0};
    bool has_root = false;
    TRY(dvcconfig_root(loader->arena, loader->workspace, named->path, &root, &has_root));
    TRY(read_settings(loader, root, sources));
    TRY(pipelines_discover(loader, root, &found));
    struct pipeline_part *parts =
        arena_new_array(loader->arena, struct pipeline_part, found.pipelines.len + 1);
    size_t count = 0;
    parts[count++] = *named;
    vec_each (const struct str, path, &found.pipelines) {
        if (!str_equal(*path, named->path))
            TRY(add_part(loader, *path, parts, &count));
    }
    sources->parts = parts;
    sources->count = count;
    sources->pointers = found.pointers.at;
    sources->pointer_count = found.pointers.len;
    return NULL;
}

struct error *pipelines_load(struct arena *arena, const struct workspace *workspace,
                             struct str path, struct str cwd, struct pipeline **ret)
{
    struct loader loader = {
        .arena = arena, .workspace = workspace, .cwd = cwd, .dialect = pipeline_dialect(path)};
    struct pipeline_part named = {.path = str_copy(arena, path)};
    struct pipeline_sources sources = {
        .parts = &named, .count = 1, .load = load_for_binding, .context = &loader};
    TRY(loader_read(&loader, named.path, &named.doc));
    if (!named.doc)
        return error_hint(error_new(ERROR_PROJECT, "there is no pipeline file '%.*s'",
                                    STR_FMT(show(&loader, path))),
                          "check the name, or run 'mlops lint' to see what is found");
    if (loader.dialect == DOC_DVC)
        TRY(add_project(&loader, &named, &sources));
    return pipeline_bind_sources(arena, &sources, ret);
}
