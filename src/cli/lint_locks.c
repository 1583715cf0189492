#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/cli/lint.h"
#include "mlops/host/file.h"
#include "mlops/host/path.h"
#include "mlops/model/dvc.h"

static FALLIBLE check_lock(struct arena *arena, const struct workspace *workspace,
                           const struct pipeline *pipeline, const struct pipeline_file *file)
{
    struct str path = path_join(arena, file->dir, STR("dvc.lock"));
    struct doc_options options = {.dialect = DOC_DVC,
                                  .bytes_most = LIMIT_LOCK_BYTES,
                                  .nodes_most = LIMIT_LOCK_NODES,
                                  .huge_is_text = true};
    struct str bytes;
    struct doc *doc = NULL;
    struct dvc_lock lock;
    bool is_found = false;
    TRY(file_read(arena, fd_number(workspace->root_fd), str_terminate(arena, path),
                  LIMIT_LOCK_BYTES, &bytes, &is_found));
    if (!is_found)
        return NULL;
    TRY(doc_parse(arena, str_copy(arena, workspace_show(arena, workspace, path)), bytes, &options,
                  &doc));
    return dvc_lock_bind(arena, doc, path, pipeline, &lock);
}

FALLIBLE lint_locks(struct arena *arena, const struct workspace *workspace,
                    const struct pipeline *pipeline)
{
    struct error_list errors = {0};
    if (pipeline->dialect != DOC_DVC)
        return NULL;
    vec_each (const struct pipeline_file, file, &pipeline->files)
        error_list_add(&errors,
                       error_in_phase(check_lock(arena, workspace, pipeline, file), "resolve"));
    return error_list_take(&errors);
}
