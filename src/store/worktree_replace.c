/* Taking the place of a file, or taking it away. Somebody may have saved it since it was looked at:
 * what comes out is looked at again, and kept if it is not what was seen. It comes out into a
 * directory of its own, where the next command finds it if this one is killed. */
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_private.h"

/* A rename changes ctime. */
static bool is_as_seen(const struct file_stat *now, const struct file_stat *seen)
{
    return seen && now->device == seen->device && now->inode == seen->inode &&
           now->size_bytes == seen->size_bytes && now->mtime_ns == seen->mtime_ns &&
           now->mode == seen->mode;
}

/* A place of the work tree. */
struct spot {
    int parent_fd;
    const char *name;
    struct str path;
};

/* Notes where what is taken next stood. Only a hint: without it the name alone is known. */
static void note_directory(struct restoring *restoring, struct str directory)
{
    int temp_fd = fd_number(restoring->temp.fd);
    if (restoring->taken_from.at && str_equal(directory, restoring->taken_from))
        return;
    const char *target = directory.len ? str_terminate(restoring->arena, directory) : ".";
    unlinkat(temp_fd, TEMP_TAKEN_FROM, 0);
    if (symlinkat(target, temp_fd, TEMP_TAKEN_FROM) == 0)
        restoring->taken_from = directory;
}

/* The name that what stands at a place gets when it is taken. */
static FALLIBLE taken_name(struct restoring *restoring, const struct spot *spot, const char **ret)
{
    if (!restoring->has_taken && mkdirat(fd_number(restoring->temp.fd), TEMP_TAKEN, 0700) != 0)
        return error_os(errno, "cannot make a temporary directory");
    restoring->has_taken = true;
    note_directory(restoring, path_directory(spot->path));
    *ret = path_join(restoring->arena, STR(TEMP_TAKEN), str_of(spot->name)).at;
    return NULL;
}

/* What could not be moved elsewhere goes back to its place, not away with the temporary directory.
 */
static void put_back(const struct restoring *restoring, const char *old, const struct spot *spot)
{
    int temp_fd = fd_number(restoring->temp.fd);
    if (renameat2(temp_fd, old, spot->parent_fd, spot->name, RENAME_EXCHANGE) != 0)
        renameat2(temp_fd, old, spot->parent_fd, spot->name, RENAME_NOREPLACE);
}

static FALLIBLE part_with(struct restoring *restoring, const char *old,
                          const struct file_stat *seen, const struct spot *spot)
{
    int temp_fd = fd_number(restoring->temp.fd);
    struct file_stat now = {0};
    bool found = false;
    struct error *error = file_stat_at(temp_fd, old, false, &now, &found);
    if (!error && !found)
        return NULL;
    if (!error && is_as_seen(&now, seen))
        return unlinkat(temp_fd, old, 0) == 0
                   ? NULL
                   : error_os(errno, "cannot remove what stood at '%.*s'", STR_FMT(spot->path));
    if (!error)
        error = restoring_displace(restoring, temp_fd, old, spot->path);
    if (error)
        put_back(restoring, old, spot);
    return error;
}

/* Without replacing; what came there meanwhile gets out of the way. */
static FALLIBLE put_new(struct restoring *restoring, const char *staged, const struct spot *spot)
{
    bool existed = true;
    for (int tries = 0; existed && tries < CAS_TRIES; tries++) {
        TRY_WITHIN(file_rename_new(fd_number(restoring->temp.fd), staged, spot->parent_fd,
                                   spot->name, &existed),
                   "cannot put '%.*s' in its place", STR_FMT(spot->path));
        if (existed)
            TRY(restoring_displace(restoring, spot->parent_fd, spot->name, spot->path));
    }
    return existed ? error_new(ERROR_MACHINE, "'%.*s' is made again and again by another program",
                               STR_FMT(spot->path))
                   : NULL;
}

static FALLIBLE take(struct restoring *restoring, const struct file_stat *seen,
                     const struct spot *spot)
{
    const char *taken = NULL;
    TRY(taken_name(restoring, spot, &taken));
    if (renameat(spot->parent_fd, spot->name, fd_number(restoring->temp.fd), taken) == 0)
        return part_with(restoring, taken, seen, spot);
    if (errno == ENOENT || (errno == EXDEV && unlinkat(spot->parent_fd, spot->name, 0) == 0))
        return NULL;
    return error_os(errno, "cannot remove '%.*s'", STR_FMT(spot->path));
}

/* *ret_done false: the file system, or the kernel, can't exchange two names. */
static FALLIBLE exchange(struct restoring *restoring, const char *staged,
                         const struct file_stat *seen, const struct spot *spot, bool *ret_done)
{
    int temp_fd = fd_number(restoring->temp.fd);
    const char *taken = NULL;
    *ret_done = true;
    TRY(taken_name(restoring, spot, &taken));
    if (renameat(temp_fd, staged, temp_fd, taken) != 0)
        return error_os(errno, "cannot put '%.*s' in its place", STR_FMT(spot->path));
    if (renameat2(temp_fd, taken, spot->parent_fd, spot->name, RENAME_EXCHANGE) == 0)
        return part_with(restoring, taken, seen, spot);
    int code = errno;
    if (renameat(temp_fd, taken, temp_fd, staged) != 0)
        return error_os(errno, "cannot put '%.*s' in its place", STR_FMT(spot->path));
    *ret_done = code != EINVAL && code != ENOSYS;
    if (code == ENOENT)
        return put_new(restoring, staged, spot);
    return *ret_done ? error_os(code, "cannot put '%.*s' in its place", STR_FMT(spot->path)) : NULL;
}

FALLIBLE restoring_replace(struct restoring *restoring, const char *staged, int parent_fd,
                           const char *name, const struct file_stat *seen, struct str path)
{
    const struct spot spot = {parent_fd, name, path};
    bool is_done = false;
    if (seen && !restoring->has_no_exchange)
        TRY(exchange(restoring, staged, seen, &spot, &is_done));
    if (is_done)
        return NULL;
    restoring->has_no_exchange = restoring->has_no_exchange || seen;
    /* A moment without a file rather than one in which what is saved would be overwritten. */
    if (seen)
        TRY(take(restoring, seen, &spot));
    return put_new(restoring, staged, &spot);
}

FALLIBLE restoring_remove(struct restoring *restoring, int parent_fd, const char *name,
                          const struct file_stat *seen, struct str path)
{
    const struct spot spot = {parent_fd, name, path};
    return take(restoring, seen, &spot);
}
