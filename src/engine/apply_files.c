/* What becomes of single files, and whether what lies there is anywhere else. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/engine/data.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

#include "apply_private.h"

/* --- saved --- */

FALLIBLE apply_is_saved(struct session *session, struct str bytes, bool *ret)
{
    *ret = false;
    if (session->cas)
        TRY(cas_has(session->cas, digest_of(bytes.at, bytes.len), ret));
    if (!*ret && session->vcs)
        TRY(vcs_knows(session->vcs, bytes, ret));
    return NULL;
}

static FALLIBLE is_file_saved(struct session *session, const struct worktree_file *file, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    bool found = false;
    int root = fd_number(session->workspace.root_fd);
    const char *path = str_terminate(&scratch, file->path);
    *ret = false;
    if (session->cas)
        TRY(cas_has(session->cas, file->digest, ret));
    if (*ret || file->size_bytes > LIMIT_EXCHANGE_BYTES)
        return NULL;
    if (file->kind == TREE_SYMLINK)
        TRY(walk_link(&scratch, root, path, &bytes));
    else
        TRY(file_read(&scratch, root, path, LIMIT_EXCHANGE_BYTES, &bytes, &found));
    return apply_is_saved(session, bytes, ret);
}

FALLIBLE apply_is_path_saved(struct session *session, struct str path, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct worktree_file *files = NULL;
    size_t count = 0;
    *ret = false;
    struct error *error =
        worktree_list_files(session->worktree, &scratch, path, LOOK_OUT, &files, &count);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    bool is_odd = error != NULL;
    error_drop(error); /* what can't be listed is in no store */
    *ret = !is_odd;
    for (size_t i = 0; i < count && *ret; i++)
        TRY(is_file_saved(session, &files[i], ret));
    return NULL;
}

/* --- what lies there --- */

struct present {
    bool is_found, is_directory;
    bool is_huge;  /* its bytes were not read */
    uint32_t mode; /* as git counts */
    struct str bytes;
    struct digest digest;
};

static FALLIBLE look(struct session *session, struct str path, struct present *ret)
{
    int root = fd_number(session->workspace.root_fd);
    const char *name = str_terminate(session->arena, path);
    struct file_stat stat = {0};
    bool found = false;
    *ret = (struct present){0};
    TRY(file_stat_at(root, name, false, &stat, &ret->is_found));
    TRY(exchange_digest(&session->workspace, path, &ret->digest));
    ret->is_directory = ret->is_found && !S_ISREG(stat.mode) && !S_ISLNK(stat.mode);
    if (!ret->is_found || ret->is_directory)
        return NULL;
    ret->mode = S_ISLNK(stat.mode) ? 0120000 : (stat.mode & 0111) ? 0100755 : 0100644;
    if (S_ISLNK(stat.mode))
        return walk_link(session->arena, root, name, &ret->bytes);
    ret->is_huge = stat.size_bytes > LIMIT_EXCHANGE_BYTES;
    if (ret->is_huge)
        return NULL;
    return file_read(session->arena, root, name, LIMIT_EXCHANGE_BYTES, &ret->bytes, &found);
}

static FALLIBLE is_unsaved(struct applying *applying, struct str path,
                           const struct present *present, bool *ret)
{
    bool is_saved = true;
    if (present->is_directory || present->is_huge)
        TRY(apply_is_path_saved(applying->session, path, &is_saved));
    else if (present->is_found)
        TRY(apply_is_saved(applying->session, present->bytes, &is_saved));
    *ret = !is_saved;
    return NULL;
}

/* --- the plan --- */

static bool has_bytes(const struct present *present, struct str bytes)
{
    return present->is_found && !present->is_directory && !present->is_huge &&
           str_equal(present->bytes, bytes);
}

/* Where a file is to go, a directory of its name is none and stays. */
static bool is_same(const struct present *present, const struct apply_content *content)
{
    if (!content->mode)
        return !present->is_found || present->is_directory;
    return present->mode == content->mode && has_bytes(present, content->bytes);
}

/* Where the run had a directory, a file goes. */
static FALLIBLE clear_way(struct applying *applying, struct str directory)
{
    struct session *session = applying->session;
    const struct apply_content gone = {0};
    TRY(data_check_way(session, directory));
    for (struct str at = directory; at.len; at = path_directory(at)) {
        struct present present = {0};
        TRY(look(session, at, &present));
        if (present.is_found && !present.is_directory)
            TRY(apply_content(applying, at, &gone));
    }
    return NULL;
}

FALLIBLE apply_content(struct applying *applying, struct str path,
                       const struct apply_content *content)
{
    struct session *session = applying->session;
    struct present present = {0};
    bool unsaved = false;
    if (map_put(session->arena, &applying->planned, path, applying) || path_fault(path))
        return NULL;
    TRY(look(session, path, &present));
    if (is_same(&present, content))
        return NULL;
    TRY(clear_way(applying, path_directory(path)));
    bool is_mode_only = content->mode && has_bytes(&present, content->bytes);
    if (!content->is_edit && !is_mode_only)
        TRY(is_unsaved(applying, path, &present, &unsaved));
    *vec_push(session->arena, &applying->report.changes) =
        (struct apply_change){.kind = content->mode ? APPLY_WRITE : APPLY_REMOVE,
                              .path = path,
                              .is_unsaved = unsaved,
                              .what = content->what};
    *vec_push(session->arena, &applying->exchanges) = (struct exchange){
        .path = path,
        .mode = content->mode,
        .bytes = content->bytes,
        .before = unsaved            ? (struct digest){{0}}
                  : content->is_edit ? digest_of(content->over.at, content->over.len)
                                     : present.digest};
    return NULL;
}

FALLIBLE apply_file(struct applying *applying, struct str path, bool *ret_known)
{
    struct origin_file file = {0};
    TRY(origin_read(&applying->origin, path, &file));
    *ret_known = file.is_known;
    if (!file.is_known)
        return NULL;
    struct apply_content content = {.mode = file.mode, .bytes = file.bytes};
    return apply_content(applying, path, &content);
}
