#include "mlops/cli/content.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/cli/view.h"
#include "mlops/host/path.h"
#include "mlops/host/vcs.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"
#include "mlops/store/cas.h"
#include "mlops/store/workspace.h"
#include "mlops/store/worktree.h"

static FALLIBLE read_now(struct context *context, struct str path, int64_t bytes_most,
                         struct str *ret, bool *ret_found)
{
    struct workspace *workspace = NULL;
    struct file_stat seen = {0};
    TRY(context_workspace(context, &workspace));
    const char *name = str_terminate(context->arena, path);
    TRY(file_stat_at(fd_number(workspace->root_fd), name, true, &seen, ret_found));
    *ret_found = *ret_found && (seen.mode & 0170000) == 0100000;
    if (!*ret_found)
        return NULL;
    return file_read(context->arena, fd_number(workspace->root_fd), name, bytes_most, ret,
                     ret_found);
}

/* The artifact that holds a path: itself, or a directory above it. */
static const struct artifact *find_artifact(const struct run_view *view, struct str path)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        for (size_t o = 0; o < view->stages[i].out_count; o++) {
            const struct artifact *out = &view->stages[i].outs[o];
            if (path_is_within(path, out->path) || path_is_within(out->path, path))
                return out;
        }
    }
    for (size_t i = 0; i < view->data_count; i++) {
        if (path_is_within(path, view->data[i].path))
            return &view->data[i];
    }
    return NULL;
}

static FALLIBLE list_files(struct context *context, const struct artifact *artifact,
                           struct worktree_file **ret, size_t *ret_count, bool *ret_found)
{
    struct workspace *workspace = NULL;
    struct cas *cas = NULL;
    *ret_found = false;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) < 0)
        return NULL;
    TRY(context_cas(context, &cas));
    return tree_list_files(cas, context->arena, artifact, SIZE_MAX, ret, ret_count, ret_found);
}

static FALLIBLE find_digest(struct context *context, const struct artifact *artifact,
                            struct str path, struct digest *ret)
{
    struct worktree_file *files = NULL;
    size_t count = 0;
    bool is_found = false;
    *ret = artifact->kind == ARTIFACT_FILE && str_equal(artifact->path, path)
               ? artifact->digest
               : (struct digest){{0}};
    if (artifact->kind != ARTIFACT_TREE)
        return NULL;
    TRY(list_files(context, artifact, &files, &count, &is_found));
    for (size_t i = 0; is_found && i < count; i++) {
        if (str_equal(files[i].path, path) && files[i].kind != TREE_SYMLINK)
            *ret = files[i].digest;
    }
    return NULL;
}

static FALLIBLE read_stored(struct context *context, const struct artifact *artifact,
                            struct str path, int64_t bytes_most, struct str *ret, bool *ret_found)
{
    struct workspace *workspace = NULL;
    struct cas *cas = NULL;
    struct digest digest;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) < 0)
        return NULL;
    TRY(find_digest(context, artifact, path, &digest));
    if (digest_is_zero(digest))
        return NULL;
    TRY(context_cas(context, &cas));
    return cas_get_bytes(cas, context->arena, digest, bytes_most, ret, ret_found);
}

static FALLIBLE read_committed(struct context *context, struct str commit, struct str path,
                               int64_t bytes_most, struct str *ret, bool *ret_found)
{
    struct workspace *workspace = NULL;
    struct vcs *vcs = NULL;
    TRY(context_workspace(context, &workspace));
    TRY(context_vcs(context, &vcs));
    if (!vcs)
        return NULL;
    struct str inner = path_relative(context->arena, vcs_top(vcs), workspace->root);
    if (inner.len && !str_is(inner, "."))
        path = path_join(context->arena, inner, path);
    return vcs_read(vcs, context->arena, commit, path, bytes_most, ret, ret_found);
}

/* Whether the bytes are those that were recorded, if something was. */
static bool is_recorded(const struct artifact *artifact, struct str path, struct str bytes)
{
    if (!artifact || artifact->kind != ARTIFACT_FILE || !str_equal(artifact->path, path))
        return true;
    return digest_equal(artifact->digest, digest_of(bytes.at, bytes.len));
}

FALLIBLE content_read(struct context *context, const struct run_view *view, struct str path,
                      int64_t bytes_most, struct str *ret, bool *ret_found)
{
    const struct artifact *artifact = find_artifact(view, path);
    *ret_found = false;
    if (view->is_workspace)
        return read_now(context, path, bytes_most, ret, ret_found);
    if (artifact)
        TRY(read_stored(context, artifact, path, bytes_most, ret, ret_found));
    if (!*ret_found && view->code.commit.len)
        TRY(read_committed(context, view->code.commit, path, bytes_most, ret, ret_found));
    if (*ret_found && is_recorded(artifact, path, *ret))
        return NULL;
    if (!artifact)
        return NULL;
    /* small files that git tracks are committed after the run, if at all: what lies there now may
     * be what was recorded */
    TRY(read_now(context, path, bytes_most, ret, ret_found));
    *ret_found = *ret_found && artifact->kind == ARTIFACT_FILE && is_recorded(artifact, path, *ret);
    return NULL;
}

static FALLIBLE list_now(struct context *context, int root_fd, struct str path, int depth,
                         struct str_vec *ret)
{
    AUTO(fd_drop) struct fd directory = {0};
    struct file_stat seen = {0};
    struct walk_list list = {0};
    bool is_found = false;
    const char *name = str_terminate(context->arena, path);
    TRY(file_stat_at(root_fd, name, true, &seen, &is_found));
    if (!is_found || ret->len >= (size_t)LIMIT_PLOTS || depth > LIMIT_TREE_DEPTH)
        return NULL;
    if ((seen.mode & 0170000) != 0040000) {
        *vec_push(context->arena, ret) = path;
        return NULL;
    }
    TRY(directory_open(root_fd, name, &directory));
    TRY(walk_list(context->arena, fd_number(directory), true, &list));
    for (size_t i = 0; i < list.count; i++)
        TRY(list_now(context, root_fd, path_join(context->arena, path, list.entries[i].name),
                     depth + 1, ret));
    return NULL;
}

FALLIBLE content_list(struct context *context, const struct run_view *view, struct str path,
                      struct str_vec *ret)
{
    struct workspace *workspace = NULL;
    struct worktree_file *files = NULL;
    size_t count = 0;
    bool is_found = false;
    const struct artifact *artifact = find_artifact(view, path);
    TRY(context_workspace(context, &workspace));
    if (view->is_workspace)
        return list_now(context, fd_number(workspace->root_fd), path, 0, ret);
    if (!artifact || artifact->kind != ARTIFACT_TREE) {
        *vec_push(context->arena, ret) = path;
        return NULL;
    }
    TRY(list_files(context, artifact, &files, &count, &is_found));
    for (size_t i = 0; is_found && i < count && ret->len < (size_t)LIMIT_PLOTS; i++) {
        if (path_is_within(files[i].path, path))
            *vec_push(context->arena, ret) = files[i].path;
    }
    return NULL;
}

FALLIBLE content_view(struct context *context, struct str word, struct str pipeline,
                      struct run_view *ret)
{
    struct vcs *vcs = NULL;
    struct str commit = {0};
    bool is_found = false;
    struct error *error = view_find(context, word, pipeline, ret);
    if (!error || error->code != ERROR_PROJECT)
        return error;
    struct error *second = context_vcs(context, &vcs);
    if (!second && vcs)
        second = vcs_resolve(vcs, context->arena, word, &commit, &is_found);
    if (second || !is_found) {
        error_drop(second);
        return error;
    }
    error_drop(error);
    struct str title =
        str_print(context->arena, "%.*s (%.*s)", STR_FMT(word), STR_FMT(str_slice(commit, 0, 7)));
    *ret = (struct run_view){.title = title, .code = {.commit = commit}};
    return NULL;
}
