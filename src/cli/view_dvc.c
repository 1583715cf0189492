/* Colleagues who commit with DVC alone leave our lock file of the commit behind: it says what was
 * true before. Whether that is so is seen by the outputs, which both files record. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/path.h"
#include "mlops/host/vcs.h"
#include "mlops/model/dvc.h"
#include "mlops/model/run.h"
#include "mlops/store/dvcfiles.h"
#include "mlops/store/sums.h"
#include "mlops/store/workspace.h"

#include "view_private.h"

/* Directories are compared by their bytes alone: DVC's hash of one is of its manifest. */
static bool differs(const struct sums *sums, const struct dvc_entry *entry,
                    const struct artifact *ours)
{
    const struct sums_row *row = sums ? sums_of(sums, ours->digest) : NULL;
    if (entry->is_directory != (ours->kind == ARTIFACT_TREE))
        return true;
    /* DVC 2.x took the MD5 of text with CRLF as LF; the size is that of the file. */
    if (entry->size_bytes >= 0 && entry->size_bytes != ours->size_bytes)
        return true;
    if (!row || !entry->has_hash || entry->is_directory)
        return false;
    return !md5_equal(entry->md5, entry->is_legacy ? row->text_md5 : row->md5);
}

static const struct artifact *output_at(const struct run_view_stage *stage, struct str path)
{
    for (size_t i = 0; i < stage->out_count; i++) {
        if (str_equal(stage->outs[i].path, path))
            return &stage->outs[i];
    }
    return NULL;
}

static bool is_behind(const struct sums *sums, const struct dvc_lock_stage *recorded,
                      const struct run_view_stage *stage)
{
    vec_each (const struct dvc_entry, entry, &recorded->outs) {
        const struct artifact *ours = output_at(stage, entry->path);
        if (ours && differs(sums, entry, ours))
            return true;
    }
    return false;
}

static FALLIBLE read_lock(struct context *context, struct str commit,
                          const struct pipeline *pipeline, const struct pipeline_file *file,
                          struct dvc_lock *ret)
{
    struct arena *arena = context->arena;
    struct doc_options options = {.dialect = DOC_DVC,
                                  .bytes_most = LIMIT_LOCK_BYTES,
                                  .nodes_most = LIMIT_LOCK_NODES,
                                  .huge_is_text = true};
    struct str path = path_join(arena, file->dir, STR("dvc.lock")), bytes = {0};
    struct doc *doc = NULL;
    bool is_found = false;
    TRY(view_read_committed(context, commit, path, &bytes, &is_found));
    if (!is_found)
        return NULL;
    TRY(doc_parse(arena, path, bytes, &options, &doc));
    return dvc_lock_bind(arena, doc, path, pipeline, ret);
}

static const struct run_view_stage *stage_named(const struct run_view *view, struct str name)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        if (str_equal(view->stages[i].stage, name))
            return &view->stages[i];
    }
    return NULL;
}

static FALLIBLE add_behind(struct context *context, struct str commit,
                           const struct pipeline *pipeline, const struct pipeline_file *file,
                           const struct sums *sums, const struct run_view *view, struct buf *names)
{
    struct dvc_lock lock = {0};
    TRY(read_lock(context, commit, pipeline, file, &lock));
    for (size_t i = 0; i < file->stage_count; i++) {
        const struct stage *stage = &pipeline->stages.at[file->stage_first + i];
        const struct dvc_lock_stage *recorded = map_get(&lock.stages, stage->local_name);
        const struct run_view_stage *ours = stage_named(view, stage->name);
        if (recorded && ours && is_behind(sums, recorded, ours))
            buf_print(names, "%s%.*s", names->len ? ", " : "", STR_FMT(stage->name));
    }
    return NULL;
}

FALLIBLE view_warn_if_behind(struct context *context, struct str commit,
                             const struct pipeline *pipeline, const struct run_view *view)
{
    struct buf names = buf_in(context->arena);
    struct workspace *workspace = NULL;
    struct index *index = NULL;
    struct sums *sums = NULL;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) >= 0) {
        TRY(context_index(context, &index));
        sums = sums_open(context->arena, index);
    }
    for (size_t i = 0; i < pipeline->files.len; i++)
        TRY(add_behind(context, commit, pipeline, &pipeline->files.at[i], sums, view, &names));
    if (names.len)
        context_warn(context,
                     "%.*s: dvc.lock records other outputs of %.*s than mlops' lock file: "
                     "DVC ran last, and what is shown here is older ('mlops run' there and a "
                     "commit bring both together)",
                     STR_FMT(view->title), STR_FMT(buf_str(&names)));
    return NULL;
}

/* --- data --- */

/* While it is not known by SHA-256, what DVC's MD5 is stands for it: equal ones are the same. */
static struct artifact artifact_of(const struct dvc_tracked *tracked)
{
    struct artifact artifact = tracked->artifact;
    if (!tracked->is_known)
        memcpy(artifact.digest.at, tracked->entry->md5.at, sizeof tracked->entry->md5.at);
    return artifact;
}

static bool has_data(const struct run_view *view, struct str path)
{
    for (size_t i = 0; i < view->data_count; i++)
        if (str_equal(view->data[i].path, path))
            return true;
    return false;
}

void view_add_tracked(const struct dvc_tracked *tracked, struct run_view *view)
{
    if (!tracked->stage.len && !has_data(view, tracked->entry->path))
        view->data[view->data_count++] = artifact_of(tracked);
}
