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

static FALLIBLE part_with(struct restoring *restoring, const char *old,
                          const struct file_stat *seen, struct str path)
{
    int temp_fd = fd_number(restoring->temp.fd);
    struct file_stat now = {0};
    bool found = false;
    TRY(file_stat_at(temp_fd, old, false, &now, &found));
    if (!found)
        return NULL;
    if (!is_as_seen(&now, seen))
        return restoring_displace(restoring, temp_fd, old, path);
    return unlinkat(temp_fd, old, 0) == 0
               ? NULL
               : error_os(errno, "cannot remove what stood at '%.*s'", STR_FMT(path));
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
    if (!seen)
        return put_new(restoring, staged, parent_fd, name, path);
    if (renameat2(temp_fd, staged, parent_fd, name, RENAME_EXCHANGE) == 0)
        return part_with(restoring, staged, seen, path);
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
    if (renameat(parent_fd, name, fd_number(restoring->temp.fd), OLD) == 0)
        return part_with(restoring, OLD, seen, path);
    if (errno == ENOENT || (errno == EXDEV && unlinkat(parent_fd, name, 0) == 0))
        return NULL;
    return error_os(errno, "cannot remove '%.*s'", STR_FMT(path));
}
