/* What a work directory has of the project without a copy: ignored entries, and git. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/walk.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "work_dir_private.h"

enum { GIT_FILE_BYTES_MOST = 65536, GIT_PARENTS_MOST = 256 };

static struct str in_project(const struct making *making, struct str path)
{
    return path_join(making->arena, making->work_dir.project, path);
}

static struct str in_work_dir(const struct making *making, struct str path)
{
    return path_join(making->arena, making->work_dir.path, path);
}

static FALLIBLE link_to(struct making *making, struct str target, struct str path)
{
    if (symlinkat(str_terminate(making->arena, target), making->top_fd,
                  str_terminate(making->arena, path)) != 0)
        return error_os(errno, "cannot make the link '%.*s'", STR_FMT(path));
    return NULL;
}

/* What is written there lands in the work directory. */
static FALLIBLE overlay(struct making *making, struct str path)
{
    struct str below =
        str_print(making->arena, ".mlops/overlay/%lld", (long long)making->overlays++);
    struct mount *mounted = vec_push(making->arena, &making->mounts);
    struct str upper = path_join(making->arena, below, STR("upper"));
    struct str work = path_join(making->arena, below, STR("work"));
    TRY(directory_make(making->top_fd, upper.at, false));
    TRY(directory_make(making->top_fd, work.at, false));
    TRY(directory_make(making->top_fd, str_terminate(making->arena, path), false));
    *mounted = (struct mount){.kind = MOUNT_OVERLAY,
                              .from = in_project(making, path),
                              .to = in_work_dir(making, path),
                              .upper = in_work_dir(making, upper),
                              .work = in_work_dir(making, work)};
    return NULL;
}

static FALLIBLE copy_file(struct making *making, const char *path, uint32_t mode)
{
    AUTO(fd_drop) struct fd from = {0};
    enum copy_method method;
    int flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
    TRY(file_open(making->project_fd, path, &from));
    AUTO(fd_drop) struct fd to = fd_of(openat(making->top_fd, path, flags, mode & 0777));
    if (fd_number(to) < 0)
        return error_os(errno, "cannot make '%s'", path);
    return file_copy(fd_number(from), fd_number(to), path, NULL, &method);
}

/* A large file is not copied for each trial: nobody can write to it there. */
static FALLIBLE bind_file(struct making *making, struct str path)
{
    if (making->work_dir.isolation == ISOLATION_DIRECTORY)
        return link_to(making, in_project(making, path), path);
    TRY(file_publish(making->top_fd, str_terminate(making->arena, path), STR(""), 0644, false));
    making_mount(making, MOUNT_READ_ONLY, in_project(making, path), in_work_dir(making, path));
    return NULL;
}

static FALLIBLE share_file(struct making *making, struct str path, const struct file_stat *stat)
{
    const char *name = str_terminate(making->arena, path);
    if (S_ISLNK(stat->mode)) {
        struct str target = {0};
        TRY(walk_link(making->arena, making->project_fd, name, &target));
        return link_to(making, target, path);
    }
    if (!S_ISREG(stat->mode) || faccessat(making->project_fd, name, R_OK, AT_EACCESS) != 0)
        return NULL;
    return stat->size_bytes <= LIMIT_WORK_COPY_BYTES ? copy_file(making, name, stat->mode)
                                                     : bind_file(making, path);
}

static FALLIBLE share_directory(struct making *making, struct str path)
{
    if (making->work_dir.isolation == ISOLATION_DIRECTORY)
        return link_to(making, in_project(making, path), path);
    return overlay(making, path);
}

/* It may have gone, or become something else, since the snapshot was taken. */
static FALLIBLE share_one(struct making *making, const struct snapshot_linked *linked)
{
    struct file_stat stat, here;
    bool is_found = false, is_taken = false;
    struct str path = str_copy(making->arena, linked->path);
    struct str parent = path_directory(path);
    TRY(file_stat_at(making->project_fd, path.at, false, &stat, &is_found));
    TRY(file_stat_at(making->top_fd, path.at, false, &here, &is_taken));
    if (!is_found || is_taken)
        return NULL;
    if (parent.len)
        TRY(directory_make(making->top_fd, str_terminate(making->arena, parent), false));
    return S_ISDIR(stat.mode) ? share_directory(making, path) : share_file(making, path, &stat);
}

static void tell_too_many(struct making *making)
{
    struct event event = {
        .kind = EVENT_WARNING,
        .text = str_print(making->arena,
                          "more than %lld ignored files and directories: the others are not in the "
                          "trial",
                          (long long)LIMIT_WORK_LINKS)};
    observer_tell(making->session->observer, &event);
}

FALLIBLE making_share(struct making *making)
{
    const struct snapshot_linked_vec *linked = &making->notes.linked;
    for (size_t i = 0; i < linked->len && (int64_t)i < LIMIT_WORK_LINKS; i++)
        TRY(share_one(making, &linked->at[i]));
    if ((int64_t)linked->len > LIMIT_WORK_LINKS)
        tell_too_many(making);
    return NULL;
}

/* --- git --- */

/* "gitdir: PATH" of a .git that is a file (work trees, submodules), made absolute. */
static FALLIBLE read_gitdir(struct making *making, struct str directory, struct str *ret)
{
    struct arena *arena = making->arena;
    struct str bytes = {0}, tag = STR("gitdir:");
    bool is_found = false;
    struct str path = path_join(arena, directory, STR(".git"));
    TRY(file_read(arena, AT_FDCWD, path.at, GIT_FILE_BYTES_MOST, &bytes, &is_found));
    *ret = (struct str){0};
    if (!is_found || !str_starts(bytes, tag))
        return NULL;
    struct str target = str_trim(str_slice(bytes, tag.len, bytes.len));
    path_resolve(arena, STR(""), path_join(arena, directory, target), ret);
    return NULL;
}

/* The directory that all work trees of a repository share. */
static FALLIBLE common_of(struct making *making, struct str gitdir, struct str *ret)
{
    struct arena *arena = making->arena;
    struct str bytes = {0};
    bool is_found = false;
    struct str path = path_join(arena, gitdir, STR("commondir"));
    TRY(file_read(arena, AT_FDCWD, path.at, GIT_FILE_BYTES_MOST, &bytes, &is_found));
    *ret = gitdir;
    if (is_found)
        path_resolve(arena, STR(""), path_join(arena, gitdir, str_trim(bytes)), ret);
    return NULL;
}

static bool is_there(struct str path, struct file_stat *ret)
{
    bool is_found = false;
    error_drop(file_stat_at(AT_FDCWD, path.at, false, ret, &is_found));
    return is_found;
}

/* What lies outside of the project stays where it is, but can't be written. */
static void protect(struct making *making, struct str directory)
{
    struct file_stat stat;
    bool is_inside = path_is_within(directory, making->work_dir.project);
    if (directory.len && !is_inside && is_there(directory, &stat) && S_ISDIR(stat.mode))
        making_mount(making, MOUNT_READ_ONLY, directory, directory);
}

static FALLIBLE protect_named(struct making *making, struct str directory)
{
    struct str gitdir = {0}, common = {0};
    TRY(read_gitdir(making, directory, &gitdir));
    if (!gitdir.len)
        return NULL;
    TRY(common_of(making, gitdir, &common));
    protect(making, common);
    if (!path_is_within(gitdir, common))
        protect(making, gitdir);
    return NULL;
}

/* .git of a directory of the project: the top, or a submodule. */
static FALLIBLE show_git(struct making *making, struct str below, bool *ret_found)
{
    struct arena *arena = making->arena;
    struct file_stat stat = {0};
    struct str path = path_join(arena, below, STR(".git"));
    struct str from = in_project(making, path);
    *ret_found = is_there(from, &stat);
    if (!*ret_found || S_ISLNK(stat.mode))
        return NULL;
    if (S_ISDIR(stat.mode)) {
        TRY(directory_make(making->top_fd, path.at, false));
        making_mount(making, MOUNT_READ_ONLY, from, in_work_dir(making, path));
        return NULL;
    }
    TRY(protect_named(making, in_project(making, below)));
    return copy_file(making, path.at, 0644);
}

/* The project may be a part of a larger repository. */
static FALLIBLE protect_above(struct making *making)
{
    struct str at = path_directory(making->work_dir.project);
    for (int i = 0; at.len && i < GIT_PARENTS_MOST; i++, at = path_directory(at)) {
        struct file_stat stat;
        struct str path = path_join(making->arena, at, STR(".git"));
        if (!is_there(path, &stat))
            continue;
        if (!S_ISDIR(stat.mode))
            return protect_named(making, str_copy(making->arena, at));
        protect(making, path);
        return NULL;
    }
    return NULL;
}

FALLIBLE making_add_git(struct making *making)
{
    bool is_found = false;
    TRY(show_git(making, STR(""), &is_found));
    if (!is_found)
        TRY(protect_above(making));
    vec_each (const struct str, path, &making->notes.repositories) {
        struct file_stat stat;
        bool is_there_too = false;
        TRY(file_stat_at(making->top_fd, str_terminate(making->arena, *path), false, &stat,
                         &is_there_too));
        if (is_there_too)
            TRY(show_git(making, str_copy(making->arena, *path), &is_found));
    }
    return NULL;
}
