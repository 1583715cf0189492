/* Taking the place of a file, or taking it away. Somebody may have saved it since it was looked at:
 * what comes out is looked at again, and kept if it is not what was seen. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_private.h"

#define OLD "old" /* in the temporary directory: what was taken out of its place */

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
static FALLIBLE put_new(struct restoring *restoring, const char *staged, int parent_fd,
                        const char *name, struct str path)
{
    bool existed = true;
    for (int tries = 0; existed && tries < CAS_TRIES; tries++) {
        TRY_WITHIN(
            file_rename_new(fd_number(restoring->temp.fd), staged, parent_fd, name, &existed),
            "cannot put '%.*s' in its place", STR_FMT(path));
        if (existed)
            TRY(restoring_displace(restoring, parent_fd, name, path));
    }
    return existed ? error_new(ERROR_MACHINE, "'%.*s' is made again and again by another program",
                               STR_FMT(path))
                   : NULL;
}

FALLIBLE restoring_replace(struct restoring *restoring, const char *staged, int parent_fd,
                           const char *name, const struct file_stat *seen, struct str path)
{
    int temp_fd = fd_number(restoring->temp.fd);
    const struct spot spot = {parent_fd, name, path};
    if (!seen)
        return put_new(restoring, staged, parent_fd, name, path);
    if (renameat2(temp_fd, staged, parent_fd, name, RENAME_EXCHANGE) == 0)
        return part_with(restoring, staged, seen, &spot);
    if (errno == ENOENT)
        return put_new(restoring, staged, parent_fd, name, path);
    bool is_unknown = errno == EINVAL || errno == ENOSYS; /* to the file system or the kernel */
    if (is_unknown && renameat(temp_fd, staged, parent_fd, name) == 0)
        return NULL;
    return error_os(errno, "cannot put '%.*s' in its place", STR_FMT(path));
}

FALLIBLE restoring_remove(struct restoring *restoring, int parent_fd, const char *name,
                          const struct file_stat *seen, struct str path)
{
    const struct spot spot = {parent_fd, name, path};
    if (renameat(parent_fd, name, fd_number(restoring->temp.fd), OLD) == 0)
        return part_with(restoring, OLD, seen, &spot);
    if (errno == ENOENT || (errno == EXDEV && unlinkat(parent_fd, name, 0) == 0))
        return NULL;
    return error_os(errno, "cannot remove '%.*s'", STR_FMT(path));
}
