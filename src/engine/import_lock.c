#include "mlops/base/limits.h"
#include "mlops/codec/ini.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <sys/stat.h>

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

/* The nearest directory with .dvc/ from the pipeline upwards, absolute; "" if there is none. */
static FALLIBLE find_dvc(struct session *session, struct arena *arena, struct str *ret)
{
    struct str at = path_join(arena, session->workspace.root, session->pipeline->dir);
    for (; at.len > 1; at = path_directory(at)) {
        struct file_stat stat;
        bool found = false;
        struct str path = path_join(arena, at, STR(".dvc"));
        TRY(file_stat_at(AT_FDCWD, path.at, true, &stat, &found));
        *ret = path;
        if (found && S_ISDIR(stat.mode))
            return NULL;
    }
    *ret = (struct str){0};
    return NULL;
}

/* `cache.dir`, which is relative to the directory of the file that says it. */
static FALLIBLE read_config(struct arena *arena, struct str dvc, struct str name, struct str *cache)
{
    struct str bytes = {0}, path = path_join(arena, dvc, name);
    struct ini_vec entries = {0};
    bool found = false;
    TRY(file_read(arena, AT_FDCWD, path.at, LIMIT_DOCUMENT_BYTES, &bytes, &found));
    if (!found)
        return NULL;
    TRY(ini_parse(arena, path, bytes, &entries));
    vec_each (struct ini_entry, entry, &entries) {
        if (str_is(entry->section, "cache") && str_is(entry->key, "dir") && entry->value.len)
            *cache = path_join(arena, dvc, entry->value);
    }
    return NULL;
}

FALLIBLE import_cache_path(struct session *session, struct str *ret)
{
    struct str dvc = {0};
    TRY(find_dvc(session, session->arena, &dvc));
    *ret = dvc.len ? path_join(session->arena, dvc, STR("cache")) : (struct str){0};
    if (!dvc.len)
        return NULL;
    TRY(read_config(session->arena, dvc, STR("config"), ret));
    return read_config(session->arena, dvc, STR("config.local"), ret);
}
