#include "mlops/store/dvcfiles.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/pipelines.h"
#include "mlops/store/search.h"

#include "dvcfiles_private.h"

/* --- what an entry holds --- */

static void know_file(const struct dvcfinding *finding, struct dvc_tracked *tracked)
{
    const struct dvc_entry *entry = tracked->entry;
    const struct sums_row *row = sums_by_md5(finding->sums, entry->md5, entry->is_legacy);
    if (entry->is_directory || !row)
        return;
    tracked->artifact.digest = row->digest;
    tracked->artifact.size_bytes = row->size_bytes;
    tracked->is_known = true;
}

static void know(const struct dvcfinding *finding, struct dvc_tracked *tracked)
{
    const struct dvc_entry *entry = tracked->entry;
    const struct imported_path *imported =
        imported_find(&finding->imported, entry->path, entry->md5, entry->is_directory);
    tracked->artifact = (struct artifact){
        .path = entry->path,
        .kind = entry->is_directory ? ARTIFACT_TREE : ARTIFACT_FILE,
        .is_executable = entry->is_executable && !entry->is_directory,
        .is_stored = true,
        .size_bytes = MAX_OF(entry->size_bytes, INT64_C(0)),
        .file_count = entry->is_directory ? MAX_OF(entry->file_count, INT64_C(0)) : 1};
    know_file(finding, tracked);
    if (!imported)
        return;
    tracked->artifact = imported->artifact;
    tracked->is_known = true;
}

static bool is_false(const struct doc_node *node, struct str key)
{
    const struct doc_node *field = node ? doc_find(node, key) : NULL;
    return field && field->kind == DOC_BOOL && !field->truth;
}

static struct str text_in(const struct doc_node *node, struct str key)
{
    const struct doc_node *field = node ? doc_find(node, key) : NULL;
    return field && field->kind == DOC_STR ? field->text : (struct str){0};
}

static void warn(const struct dvcfinding *finding, struct str text)
{
    struct event event = {.kind = EVENT_WARNING, .text = text};
    if (finding->observer)
        observer_tell(finding->observer, &event);
}

/* In the work tree a path holds one thing, in commits one after the other. */
static struct str key_of(const struct dvcfinding *finding, const struct dvc_entry *entry)
{
    char hex[MD5_HEX_LEN + 1];
    if (!finding->commit)
        return entry->path;
    md5_print(entry->md5, hex);
    return str_print(finding->arena, "%.*s %s%s", STR_FMT(entry->path), hex,
                     entry->is_directory ? ".dir" : "");
}

/* What lies outside of the project is nobody's to write. */
static void add(struct dvcfinding *finding, const struct dvc_entry *entry,
                struct dvc_tracked tracked)
{
    const char *fault = path_fault(entry->path);
    if (!entry->has_hash || entry->is_url || map_has(&finding->paths, key_of(finding, entry)))
        return;
    if (fault) {
        struct str file = dvcfiles_show(finding, tracked.file);
        warn(finding, str_print(finding->arena, "'%.*s', which %.*s tracks, is left out: it %s",
                                STR_FMT(entry->path), STR_FMT(file), fault));
        return;
    }
    map_put(finding->arena, &finding->paths, key_of(finding, entry), finding);
    tracked.entry = entry;
    tracked.is_of_commit = finding->commit != NULL;
    know(finding, &tracked);
    *vec_push(finding->arena, &finding->found) = tracked;
}

/* --- files --- */

FALLIBLE dvcfiles_read(const struct dvcfinding *finding, struct str path, struct str *ret,
                       bool *ret_found)
{
    const struct pipelines_commit *commit = finding->commit;
    struct arena *arena = finding->arena;
    if (commit)
        return vcs_read(commit->vcs, arena, commit->id,
                        commit->inner.len ? path_join(arena, commit->inner, path) : path,
                        LIMIT_LOCK_BYTES, ret, ret_found);
    return file_read(arena, fd_number(finding->workspace->root_fd), str_terminate(arena, path),
                     LIMIT_LOCK_BYTES, ret, ret_found);
}

/* As messages call it. */
struct str dvcfiles_show(const struct dvcfinding *finding, struct str path)
{
    if (!finding->commit)
        return workspace_show(finding->arena, finding->workspace, path);
    return str_print(finding->arena, "%.*s:%.*s", STR_FMT(str_slice(finding->commit->id, 0, 7)),
                     STR_FMT(path));
}

static FALLIBLE read_doc(struct dvcfinding *finding, struct str path, struct doc **ret)
{
    struct str bytes = {0};
    bool found = false;
    struct doc_options options = {
        .dialect = DOC_DVC, .bytes_most = LIMIT_LOCK_BYTES, .huge_is_text = true};
    *ret = NULL;
    TRY(dvcfiles_read(finding, path, &bytes, &found));
    return found ? doc_parse(finding->arena, dvcfiles_show(finding, path), bytes, &options, ret)
                 : NULL;
}

static bool is_of_project(const struct dvc_pointer *pointer)
{
    vec_each (const struct dvc_entry, dep, &pointer->deps)
        if (dep->node && doc_find(dep->node, STR("repo")))
            return true;
    return false;
}

static FALLIBLE add_pointer(struct dvcfinding *finding, struct str path)
{
    struct dvc_pointer *pointer = arena_new(finding->arena, struct dvc_pointer);
    struct doc *doc = NULL;
    TRY(read_doc(finding, path, &doc));
    if (!doc)
        return NULL;
    TRY(dvc_pointer_bind(finding->arena, doc, path, pointer));
    bool is_import = is_of_project(pointer);
    vec_each (const struct dvc_entry, entry, &pointer->outs)
        if (!is_false(entry->node, STR("cache")))
            add(finding, entry,
                (struct dvc_tracked){.named_by = path,
                                     .file = path,
                                     .remote = text_in(entry->node, STR("remote")),
                                     .is_pushed = !is_false(entry->node, STR("push")),
                                     .is_import = is_import});
    return NULL;
}

static void add_stage(struct dvcfinding *finding, struct str lock, const struct stage *stage,
                      const struct dvc_lock_stage *recorded, struct str pipeline)
{
    struct str name = stage->local_name.len ? stage->local_name : stage->name;
    vec_each (const struct dvc_entry, entry, &recorded->outs) {
        const struct output *output = NULL;
        for (size_t i = 0; i < stage->outs.len && !output; i++)
            output = str_equal(stage->outs.at[i].path, entry->path) ? &stage->outs.at[i] : NULL;
        if (output && output->is_cached)
            add(finding, entry,
                (struct dvc_tracked){.named_by = str_print(finding->arena, "%.*s: %.*s",
                                                           STR_FMT(lock), STR_FMT(name)),
                                     .file = lock,
                                     .pipeline = pipeline,
                                     .stage = name,
                                     .deps = &recorded->deps,
                                     .remote = output->remote,
                                     .is_pushed = output->is_pushed});
    }
}

FALLIBLE dvcfiles_leave_out(struct dvcfinding *finding, struct str lock, struct error *error)
{
    if (error->code >= ERROR_SIGNAL)
        return error;
    warn(finding, str_print(finding->arena, "what '%.*s' records is left out: %s", STR_FMT(lock),
                            error->text));
    error_drop(error);
    return NULL;
}

static FALLIBLE has_pipeline(const struct dvcfinding *finding, struct str path, bool *ret)
{
    struct file_stat stat = {0};
    struct str bytes = {0};
    return finding->commit
               ? dvcfiles_read(finding, path, &bytes, ret)
               : file_stat_at(fd_number(finding->workspace->root_fd), path.at, true, &stat, ret);
}

static FALLIBLE load_pipeline(const struct dvcfinding *finding, struct str path,
                              struct pipeline **ret)
{
    const struct workspace *workspace = finding->workspace;
    struct str cwd = path_join(finding->arena, workspace->root, workspace->cwd);
    return finding->commit
               ? pipelines_load_committed(finding->arena, workspace, finding->commit, path, ret)
               : pipelines_load_alone(finding->arena, workspace, path, cwd, ret);
}

/* Its paths are relative to the work directories that only dvc.yaml knows. */
static FALLIBLE add_lock(struct dvcfinding *finding, struct str path)
{
    struct str beside = path_join(finding->arena, path_directory(path), STR("dvc.yaml"));
    struct pipeline *pipeline = NULL;
    struct dvc_lock lock = {0};
    struct doc *doc = NULL;
    bool is_there = false;
    TRY(has_pipeline(finding, beside, &is_there));
    if (!is_there) /* what is left of a pipeline that is none any more */
        return NULL;
    struct error *error = load_pipeline(finding, beside, &pipeline);
    if (error)
        return dvcfiles_leave_out(finding, path, error);
    TRY(read_doc(finding, path, &doc));
    if (!doc)
        return NULL;
    TRY(dvc_lock_bind(finding->arena, doc, path, pipeline, &lock));
    vec_each (const struct stage, stage, &pipeline->stages) {
        struct str name = stage->local_name.len ? stage->local_name : stage->name;
        const struct dvc_lock_stage *recorded = map_get(&lock.stages, name);
        if (recorded)
            add_stage(finding, path, stage, recorded, beside);
    }
    return NULL;
}

bool dvcfiles_is_name(struct str name)
{
    return str_is(name, "dvc.lock") || (name.len > 4 && str_ends(name, STR(".dvc")));
}

FALLIBLE dvcfiles_add(struct dvcfinding *finding, struct str path)
{
    return str_is(path_name(path), "dvc.lock") ? add_lock(finding, path)
                                               : add_pointer(finding, path);
}

static FALLIBLE visit(void *context, struct str path)
{
    return dvcfiles_add(context, path);
}

static bool is_tracked(void *context, struct str path)
{
    return map_has(&((const struct dvcfinding *)context)->paths, path);
}

static int by_path(const void *a, const void *b)
{
    const struct dvc_tracked *left = a, *right = b;
    int order = str_compare(left->entry->path, right->entry->path);
    return order ? order
                 : memcmp(left->entry->md5.at, right->entry->md5.at, sizeof left->entry->md5.at);
}

void dvcfiles_sort(struct dvc_tracked_vec *tracked)
{
    vec_sort(tracked, by_path);
}

FALLIBLE dvcfiles_load(struct arena *arena, const struct workspace *workspace, struct index *index,
                       const struct observer *observer, struct dvc_tracked_vec *ret)
{
    struct dvcfinding finding = {.arena = arena, .workspace = workspace, .observer = observer};
    struct search_visitor visitor = {dvcfiles_is_name, visit, is_tracked, &finding};
    struct str here = path_join(arena, workspace->cwd, STR("dvc.yaml")), root = {0};
    bool is_project = false;
    TRY(dvcconfig_root_above(arena, workspace, here, &root, &is_project));
    if (!is_project) /* the search is not for nothing where nobody uses DVC */
        return NULL;
    finding.sums = sums_open(arena, index);
    TRY(imported_load(arena, workspace, &finding.imported));
    TRY(search_files(arena, workspace, STR(""), &visitor));
    dvcfiles_sort(&finding.found);
    *ret = finding.found;
    return NULL;
}

const struct dvc_tracked *dvcfiles_find(const struct dvc_tracked_vec *tracked, struct str path)
{
    vec_each (const struct dvc_tracked, one, tracked)
        if (path_is_within(path, one->entry->path))
            return one;
    return NULL;
}

FALLIBLE dvcfiles_settings(struct arena *arena, const struct workspace *workspace,
                           struct dvcconfig *ret, struct str *ret_root, bool *ret_found)
{
    struct str here = path_join(arena, workspace->cwd, STR("dvc.yaml"));
    TRY(dvcconfig_root_above(arena, workspace, here, ret_root, ret_found));
    return *ret_found ? dvcconfig_load(arena, workspace, *ret_root, ret) : NULL;
}
