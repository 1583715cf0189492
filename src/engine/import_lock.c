#include "mlops/base/limits.h"
#include "mlops/model/name.h"
#include "mlops/store/dvcconfig.h"

#include "import_private.h"

static struct str lock_beside(struct arena *arena, const struct pipeline_file *file)
{
    return path_join(arena, file->dir, STR("dvc.lock"));
}

static FALLIBLE read_lock(struct importing *importing, const struct pipeline_file *file)
{
    struct session *session = importing->session;
    struct arena *arena = importing->arena;
    struct str path = lock_beside(arena, file), bytes = {0};
    bool found = false;
    struct doc *doc = NULL;
    struct dvc_lock lock = {0};
    struct doc_options options = {
        .dialect = DOC_DVC, .bytes_most = LIMIT_LOCK_BYTES, .huge_is_text = true};
    TRY(file_read(arena, fd_number(session->workspace.root_fd), path.at, LIMIT_LOCK_BYTES, &bytes,
                  &found));
    if (!found)
        return NULL;
    struct str shown = workspace_show(arena, &session->workspace, path);
    TRY(doc_parse(arena, shown, bytes, &options, &doc));
    TRY(dvc_lock_bind(arena, doc, path, session->pipeline, &lock));
    for (size_t i = 0; i < file->stage_count; i++) {
        const struct stage *stage = &session->pipeline->stages.at[file->stage_first + i];
        const struct dvc_lock_stage *recorded = map_get(&lock.stages, stage->local_name);
        if (recorded)
            *vec_push(arena, &importing->stages) =
                (struct import_stage){.stage = stage, .recorded = recorded};
    }
    return NULL;
}

FALLIBLE import_read_locks(struct importing *importing)
{
    vec_each (struct pipeline_file, file, &importing->session->pipeline->files)
        TRY(read_lock(importing, file));
    return NULL;
}

FALLIBLE import_cache_path(struct session *session, struct str *ret)
{
    struct arena *arena = session->arena;
    const struct workspace *workspace = &session->workspace;
    struct str pipeline = path_join(arena, session->pipeline->dir, STR("dvc.yaml")), root = {0};
    struct dvcconfig config = {0};
    bool found = false;
    *ret = (struct str){0};
    TRY(dvcconfig_root_above(arena, workspace, pipeline, &root, &found));
    if (!found)
        return NULL;
    TRY(dvcconfig_load(arena, workspace, root, &config));
    *ret = dvcconfig_path(arena, &config, "cache.dir");
    if (str_find(*ret, STR("://")) >= 0) /* no directory: DVC has no cache here */
        *ret = (struct str){0};
    else if (!ret->len)
        *ret = path_join(arena, workspace->root, path_join(arena, root, STR(".dvc/cache")));
    return NULL;
}
