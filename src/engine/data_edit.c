/* Moving and forgetting what is tracked. Between any two steps the data are where one of the
 * pointers says, or in the store. */
#include "mlops/base/arena.h"
#include "mlops/engine/data.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"
#include "mlops/store/gitignore.h"

#include <sys/stat.h>

static FALLIBLE find_exactly(struct session *session, struct str path, struct pointer **ret)
{
    struct str shown = workspace_show(session->arena, &session->workspace, path);
    TRY(pointers_find(session->arena, &session->workspace, path, ret));
    if (!*ret && pointer_is_name(path_name(path)))
        return find_exactly(session, str_slice(path, 0, path.len - strlen(POINTER_SUFFIX)), ret);
    if (!*ret)
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is not tracked", STR_FMT(shown)),
                          "'mlops ls' lists what is");
    if (str_equal((*ret)->artifact.path, path))
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' is part of '%.*s', which is tracked as one",
                                STR_FMT(shown), STR_FMT((*ret)->artifact.path)),
                      "change the files in it, then mlops add %.*s",
                      STR_FMT((*ret)->artifact.path));
}

static FALLIBLE drop_pointer(struct session *session, const struct pointer *pointer)
{
    int root_fd = fd_number(session->workspace.root_fd);
    struct str above = path_directory(pointer->file);
    TRY(path_remove(root_fd, str_terminate(session->arena, pointer->file)));
    TRY(directory_sync(root_fd, above.len ? str_terminate(session->arena, above) : "."));
    return gitignore_remove(&session->workspace, pointer->artifact.path);
}

static FALLIBLE exists(struct session *session, struct str path, bool *ret, bool *ret_directory)
{
    struct file_stat stat = {0};
    TRY(file_stat_at(fd_number(session->workspace.root_fd),
                     path.len ? str_terminate(session->arena, path) : ".", false, &stat, ret));
    *ret_directory = *ret && S_ISDIR(stat.mode);
    return NULL;
}

/* Into a directory that is there, as mv does. */
static FALLIBLE find_target(struct session *session, struct str from, struct str *to)
{
    bool found = false, is_directory = false;
    struct pointer *other = NULL;
    TRY(exists(session, *to, &found, &is_directory));
    if (is_directory) {
        *to = path_join(session->arena, *to, path_name(from));
        TRY(exists(session, *to, &found, &is_directory));
    }
    if (found)
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is there already", STR_FMT(*to)),
                          "move it away or choose another name");
    if (path_is_within(*to, from))
        return error_new(ERROR_PROJECT, "'%.*s' can't be moved into itself", STR_FMT(from));
    TRY(data_check_path(session, *to, false));
    TRY(pointers_find(session->arena, &session->workspace, *to, &other));
    if (!other)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' belongs to '%.*s', which %.*s tracks",
                                STR_FMT(*to), STR_FMT(other->artifact.path), STR_FMT(other->file)),
                      "choose another place");
}

static FALLIBLE save_at(struct session *session, const struct pointer *from, struct str to,
                        struct pointer *ret)
{
    bool changed = false;
    struct vcs *vcs = NULL;
    struct str above = path_directory(to);
    if (above.len)
        TRY(directory_make(fd_number(session->workspace.root_fd),
                           str_terminate(session->arena, above), true));
    *ret = *from;
    ret->artifact.path = to;
    ret->file = pointer_file_of(session->arena, to);
    TRY(pointers_save(&session->workspace, ret, &changed));
    TRY(session_vcs(session, &vcs));
    return vcs ? gitignore_add(&session->workspace, &to, 1, true) : NULL;
}

FALLIBLE data_move(struct session *session, struct str from, struct str to,
                   struct pointer **ret_moved)
{
    AUTO(lock_drop) struct lock lock = {0};
    struct pointer *old = NULL, *new = arena_new(session->arena, struct pointer);
    bool found = false, is_directory = false;
    int root_fd = fd_number(session->workspace.root_fd);
    TRY(data_lock(session, &lock));
    TRY(find_exactly(session, from, &old));
    from = old->artifact.path;
    TRY(find_target(session, from, &to));
    TRY(save_at(session, old, to, new));
    TRY(exists(session, from, &found, &is_directory));
    if (found)
        TRY(path_move(root_fd, str_terminate(session->arena, from), root_fd,
                      str_terminate(session->arena, to)));
    TRY(drop_pointer(session, old));
    *ret_moved = new;
    return NULL;
}

FALLIBLE data_remove(struct session *session, struct str path, bool with_data, int *ret_displaced)
{
    AUTO(lock_drop) struct lock lock = {0};
    struct pointer *pointer = NULL;
    bool done = false;
    *ret_displaced = 0;
    TRY(data_lock(session, &lock));
    TRY(find_exactly(session, path, &pointer));
    struct artifact nothing = {.path = pointer->artifact.path};
    struct str folder =
        str_print(session->arena, "displaced/remove-%lld", (long long)clock_real_ns());
    if (with_data)
        TRY(worktree_restore(session->worktree, &nothing, folder, ret_displaced, &done));
    return drop_pointer(session, pointer);
}
