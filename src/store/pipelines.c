#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/load.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/dvcconfig.h"

#include <sys/stat.h>

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

/* Files of DVC and pipelines are YAML; what they name has its language by its suffix. */
static FALLIBLE parse(struct loader *loader, struct str path, struct str bytes, bool is_pipeline,
                      struct doc **ret)
{
    struct str shown = str_copy(loader->arena, show(loader, path));
    if (!is_pipeline)
        return doc_load(loader->arena, shown, bytes, loader->dialect, ret);
    struct doc_options options = {.dialect = loader->dialect, .huge_is_text = true};
    return doc_parse(loader->arena, shown, bytes, &options, ret);
}

static FALLIBLE read_bytes(struct loader *loader, const char *name, struct str *ret,
                           bool *ret_found)
{
    struct str path = str_of(name);
    if (loader->vcs)
        return vcs_read(loader->vcs, loader->arena, loader->commit,
                        loader->inner.len ? path_join(loader->arena, loader->inner, path) : path,
                        LIMIT_JSON_BYTES, ret, ret_found);
    return file_read(loader->arena, fd_number(loader->workspace->root_fd), name, LIMIT_JSON_BYTES,
                     ret, ret_found);
}

struct error *loader_read(struct loader *loader, struct str path, bool is_pipeline,
                          const struct doc **ret)
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
    TRY_WITHIN(read_bytes(loader, name, &bytes, &found), "reading '%.*s'", STR_FMT(path));
    if (found)
        TRY(parse(loader, path, bytes, is_pipeline, &doc));
    loaded->doc = doc;
    map_put(loader->arena, &loader->docs, str_of(name), loaded);
    *ret = doc;
    return NULL;
}

static FALLIBLE load_for_binding(void *context, struct str path, const struct doc **ret)
{
    struct loader *loader = context;
    struct error *error = loader_read(loader, path, false, ret);
    struct file_stat stat;
    bool found = false;
    if (!error || error->code != ERROR_MACHINE || loader->vcs)
        return error;
    struct error *other = file_stat_at(fd_number(loader->workspace->root_fd),
                                       str_terminate(loader->arena, path), true, &stat, &found);
    bool is_directory = !other && found && S_ISDIR(stat.mode);
    error_drop(other);
    if (!is_directory)
        return error;
    error_drop(error);
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' is a directory, not a file of values",
                                STR_FMT(show(loader, path))),
                      "rename the directory, or name a file in it");
}

static FALLIBLE add_part(struct loader *loader, struct str path, struct pipeline_part *parts,
                         size_t *count)
{
    const struct doc *doc = NULL;
    TRY(loader_read(loader, path, true, &doc));
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

static FALLIBLE add_settings(struct loader *loader, const struct pipeline_part *named,
                             struct pipeline_sources *sources)
{
    struct str root = {0};
    bool has_root = false;
    TRY(dvcconfig_root(loader->arena, loader->workspace, named->path, &root, &has_root));
    return read_settings(loader, root, sources);
}

/* A dvc.yaml that says nothing. */
static FALLIBLE read_nothing(struct loader *loader, struct pipeline_part *named)
{
    struct doc *doc = NULL;
    TRY(parse(loader, named->path, STR(""), true, &doc));
    named->doc = doc;
    return NULL;
}

enum extent { WHOLE_PROJECT, FILE_ALONE, WITHOUT_FILE };

static FALLIBLE bind(struct loader *loader, struct str path, enum extent extent,
                     struct pipeline **ret)
{
    struct arena *arena = loader->arena;
    struct pipeline_part named = {.path = str_copy(arena, path)};
    struct pipeline_sources sources = {
        .parts = &named, .count = 1, .load = load_for_binding, .context = loader};
    TRY(extent == WITHOUT_FILE ? read_nothing(loader, &named)
                               : loader_read(loader, named.path, true, &named.doc));
    if (!named.doc)
        return error_hint(error_new(ERROR_PROJECT, "there is no pipeline file '%.*s'",
                                    STR_FMT(show(loader, path))),
                          "check the name, or run 'mlops lint' to see what is found");
    bool has_worktree = loader->workspace->root_fd.number_plus_one;
    if (loader->dialect == DOC_DVC && has_worktree)
        TRY(extent == FILE_ALONE ? add_settings(loader, &named, &sources)
                                 : add_project(loader, &named, &sources));
    enum pipeline_phase failed = PIPELINE_SCHEMA;
    sources.failed = &failed;
    struct error *error = pipeline_bind_sources(arena, &sources, ret);
    return error_in_phase(error, pipeline_phase_name(failed));
}

static FALLIBLE load(struct arena *arena, const struct workspace *workspace, struct str path,
                     struct str cwd, enum extent extent, struct pipeline **ret)
{
    struct loader loader = {
        .arena = arena, .workspace = workspace, .cwd = cwd, .dialect = pipeline_dialect(path)};
    return bind(&loader, path, extent, ret);
}

struct error *pipelines_load(struct arena *arena, const struct workspace *workspace,
                             struct str path, struct str cwd, struct pipeline **ret)
{
    return load(arena, workspace, path, cwd, WHOLE_PROJECT, ret);
}

struct error *pipelines_load_alone(struct arena *arena, const struct workspace *workspace,
                                   struct str path, struct str cwd, struct pipeline **ret)
{
    return load(arena, workspace, path, cwd, FILE_ALONE, ret);
}

struct error *pipelines_load_committed(struct arena *arena, const struct workspace *workspace,
                                       const struct pipelines_commit *commit, struct str path,
                                       struct pipeline **ret)
{
    struct loader loader = {.arena = arena,
                            .workspace = workspace,
                            .cwd = workspace->root,
                            .dialect = pipeline_dialect(path),
                            .vcs = commit->vcs,
                            .commit = commit->id,
                            .inner = commit->inner};
    return bind(&loader, path, FILE_ALONE, ret);
}

struct error *pipelines_load_data(struct arena *arena, const struct workspace *workspace,
                                  struct str directory, struct str cwd, struct pipeline **ret)
{
    return load(arena, workspace, path_join(arena, directory, STR("dvc.yaml")), cwd, WITHOUT_FILE,
                ret);
}

struct error *pipelines_first(struct arena *arena, const struct workspace *workspace,
                              struct str *ret, bool *ret_found)
{
    struct loader loader = {
        .arena = arena, .workspace = workspace, .cwd = workspace->root, .dialect = DOC_DVC};
    struct discovery found = {0};
    struct str root = {0};
    bool has_root = false;
    struct str here = path_join(arena, workspace->cwd, STR("dvc.yaml"));
    TRY(dvcconfig_root(arena, workspace, here, &root, &has_root));
    TRY(pipelines_discover(&loader, root, &found));
    *ret_found = found.pipelines.len > 0;
    if (*ret_found)
        *ret = path_join(arena, workspace->root, found.pipelines.at[0]);
    return NULL;
}
