/* Moving and forgetting what is tracked. Between any two steps the data are where one of the
 * pointers says, or in the store. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/engine/data.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"
#include "mlops/store/gitignore.h"

#include <errno.h>
#include <sys/stat.h>

static FALLIBLE find_exactly(struct session *session, struct str path, struct pointer **ret)
{
    struct str shown = workspace_show(session->arena, &session->workspace, path);
    TRY(pointers_find(session->arena, &session->workspace, path, ret));
    if (!*ret && pointer_is_name(path_name(path)))
        return find_exactly(session, str_slice(path, 0, path.len - strlen(POINTER_SUFFIX)), ret);
    if (!*ret)
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is not tracked%.*s", STR_FMT(shown),
                                    STR_FMT(data_near(session, path, true))),
                          "'mlops ls' lists what is");
    if (str_equal((*ret)->artifact.path, path))
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' is part of '%.*s', which is tracked as one",
                                STR_FMT(shown), STR_FMT((*ret)->artifact.path)),
                      "change the files in it, then mlops add %.*s",
                      STR_FMT((*ret)->artifact.path));
}

static FALLIBLE sync_above(struct session *session, struct str path)
{
    struct str above = path_directory(path);
    return directory_sync(fd_number(session->workspace.root_fd),
                          above.len ? str_terminate(session->arena, above) : ".");
}

static FALLIBLE drop_pointer(struct session *session, const struct pointer *pointer)
{
    AUTO(fd_drop) struct fd parent = {0};
    const char *name = NULL;
    TRY(parent_open_straight(fd_number(session->workspace.root_fd),
                             str_terminate(session->arena, pointer->file), &parent, &name));
    TRY(path_remove(fd_number(parent), name));
    TRY(directory_sync(fd_number(parent), "."));
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
    AUTO(fd_drop) struct fd above = {0};
    TRY(directory_make_straight(fd_number(session->workspace.root_fd),
                                str_terminate(session->arena, path_directory(to)), true, &above));
    *ret = *from;
    ret->artifact.path = to;
    ret->file = pointer_file_of(session->arena, to);
    TRY(pointers_save(&session->workspace, ret, &changed));
    TRY(session_vcs(session, &vcs));
    return vcs ? gitignore_add(&session->workspace, &to, 1, true) : NULL;
}

/* Never onto something that came there meanwhile; another file system can't be asked for that. */
static FALLIBLE move_data(struct session *session, struct str from, struct str to)
{
    int root_fd = fd_number(session->workspace.root_fd);
    bool existed = false;
    AUTO(fd_drop) struct fd old_above = {0}, new_above = {0};
    const char *old = NULL, *new = NULL;
    TRY(parent_open_straight(root_fd, str_terminate(session->arena, from), &old_above, &old));
    TRY(parent_open_straight(root_fd, str_terminate(session->arena, to), &new_above, &new));
    struct error *error =
        file_rename_new(fd_number(old_above), old, fd_number(new_above), new, &existed);
    if (error && error->system_errno == EXDEV) {
        error_drop(error);
        error = path_move(fd_number(old_above), old, fd_number(new_above), new);
    }
    if (!error && existed)
        error =
            error_new(ERROR_MACHINE, "'%.*s' was made by another program meanwhile", STR_FMT(to));
    return error;
}

/* The new pointer is there before the data, the old one until they are there for good. */
static FALLIBLE move_all(struct session *session, const struct pointer *old, struct str to,
                         struct pointer *new)
{
    bool found = false, is_directory = false;
    struct str from = old->artifact.path;
    TRY(exists(session, from, &found, &is_directory));
    TRY(save_at(session, old, to, new));
    struct error *error = found ? move_data(session, from, to) : NULL;
    if (error) {
        error_drop(drop_pointer(session, new));
        return error;
    }
    if (found)
        TRY(sync_above(session, to));
    return drop_pointer(session, old);
}

FALLIBLE data_move(struct session *session, struct str from, struct str to,
                   struct pointer **ret_moved)
{
    AUTO(claims_drop) struct claims claims = {0};
    AUTO(data_lock_drop) struct data_lock lock = {0};
    struct pointer *old = NULL, *new = arena_new(session->arena, struct pointer);
    TRY(find_exactly(session, from, &old));
    struct str paths[] = {old->artifact.path, to};
    TRY(find_target(session, paths[0], &paths[1]));
    TRY(data_claim(session, paths, COUNT_OF(paths), &claims));
    TRY(data_lock(session, &lock));
    TRY(find_exactly(session, paths[0], &old)); /* as they are now */
    TRY(find_target(session, paths[0], &paths[1]));
    TRY(move_all(session, old, paths[1], new));
    *ret_moved = new;
    return NULL;
}

/* What a link names lies elsewhere, under a name that nobody said. */
static FALLIBLE check_removable(struct session *session, struct str path)
{
    struct error *error = data_check_way(session, path);
    return error ? error_hint(error, "without --data it is forgotten, and the link and what it "
                                     "names stay")
                 : NULL;
}

/* --- forgetting --- */

/* A pointer that can't be read can be forgotten all the same; in a directory that is tracked it is
 * data. */
static FALLIBLE find_damaged(struct session *session, struct str path, struct pointer **ret)
{
    bool is_damaged = false;
    struct str file = path;
    if (!pointer_is_name(path_name(path)))
        file = pointer_file_of(session->arena, path);
    if (path_name(file).len <= (size_t)LIMIT_PATH_PART_BYTES)
        TRY(pointers_is_damaged(session->arena, &session->workspace, file, &is_damaged));
    if (is_damaged)
        TRY(pointers_find(session->arena, &session->workspace, path_directory(path), ret));
    if (!is_damaged || *ret)
        return NULL;
    *ret = arena_new(session->arena, struct pointer);
    (*ret)->file = file;
    (*ret)->artifact.path = str_slice(file, 0, file.len - strlen(POINTER_SUFFIX));
    return NULL;
}

/* The pointer that tracks the path, or a directory that holds it. */
static FALLIBLE find_to_forget(struct session *session, struct str path, struct pointer **ret)
{
    *ret = NULL;
    TRY(find_damaged(session, path, ret));
    if (!*ret)
        TRY(pointers_find(session->arena, &session->workspace, path, ret));
    return *ret ? NULL : find_exactly(session, path, ret);
}

static FALLIBLE check_part(struct session *session, const struct pointer *pointer, struct str path)
{
    struct data_record record = {.artifact = pointer->artifact, .named_by = pointer->file}, part;
    bool found = false, is_known = false;
    TRY(data_part(session, &record, path, &part, &found, &is_known));
    if (!is_known)
        return error_hint(error_new(ERROR_STORED,
                                    "the store lacks what '%.*s' names, so '%.*s' can't be taken "
                                    "out of it",
                                    STR_FMT(pointer->file), STR_FMT(path)),
                          "mlops fetch %.*s", STR_FMT(path));
    if (found)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' is not tracked: %.*s does not name it%.*s",
                                STR_FMT(workspace_show(session->arena, &session->workspace, path)),
                                STR_FMT(pointer->file), STR_FMT(data_near(session, path, true))),
                      "'mlops ls %.*s' lists what is", STR_FMT(pointer->artifact.path));
}

static FALLIBLE drop_part(struct session *session, const struct pointer *pointer, struct str path)
{
    struct pointer new = *pointer;
    struct artifact nothing = {.path = path};
    bool is_known = false, changed = false;
    TRY(data_graft(session, &pointer->artifact, &nothing, 1, &new.artifact, &is_known));
    if (!is_known)
        return check_part(session, pointer, path);
    TRY(cas_flush(session->cas));
    return pointers_save(&session->workspace, &new, &changed);
}

/* What it is to be called, and whether it can be forgotten. */
static FALLIBLE check_forget(struct session *session, struct str *path, struct pointer **ret,
                             bool *ret_part)
{
    TRY(find_to_forget(session, *path, ret));
    *ret_part =
        path_is_within(*path, (*ret)->artifact.path) && !str_equal(*path, (*ret)->artifact.path);
    if (*ret_part)
        return check_part(session, *ret, *path);
    *path = (*ret)->artifact.path;
    return NULL;
}

FALLIBLE data_check_tracked(struct session *session, struct str path)
{
    struct pointer *pointer = NULL;
    bool is_part = false;
    return check_forget(session, &path, &pointer, &is_part);
}

FALLIBLE data_remove(struct session *session, struct str path, bool with_data, int *ret_displaced)
{
    AUTO(claims_drop) struct claims claims = {0};
    AUTO(data_lock_drop) struct data_lock lock = {0};
    struct pointer *pointer = NULL;
    bool done = false, is_part = false;
    *ret_displaced = 0;
    TRY(check_forget(session, &path, &pointer, &is_part));
    struct artifact nothing = {.path = path};
    if (with_data) {
        TRY(check_removable(session, nothing.path));
        TRY(data_claim(session, &nothing.path, 1, &claims));
    }
    TRY(data_lock(session, &lock));
    TRY(check_forget(session, &path, &pointer, &is_part)); /* as it is now */
    struct str folder =
        str_print(session->arena, "displaced/remove-%lld", (long long)clock_real_ns());
    if (with_data)
        TRY(worktree_restore(session->worktree, &nothing, folder, ret_displaced, &done));
    return is_part ? drop_part(session, pointer, path) : drop_pointer(session, pointer);
}
