#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/path.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "file_private.h"
#include "path_private.h"

enum { REFILLS_MOST = 8 }; /* directories that somebody writes into while we empty them */

/* unlinkat; inside the tree a read-only directory is made writable first. */
static int unlink_forced(struct descent *descent, const char *name, int flags)
{
    int answer = unlinkat(descent_fd(descent), name, flags);
    if (answer != 0 && errno == EACCES && descent->depth > 0 &&
        fchmod(descent_fd(descent), 0700) == 0)
        answer = unlinkat(descent_fd(descent), name, flags);
    return answer != 0 && errno != ENOENT ? -1 : 0;
}

static FALLIBLE remove_entry(struct descent *descent, const struct walk_entry *entry)
{
    const char *name = entry->name.at;
    bool is_known = (entry->stat.mode & S_IFMT) != 0;
    struct stat seen = {.st_mode = entry->stat.mode};
    if (!is_known && fstatat(descent_fd(descent), name, &seen, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? NULL : descent_error(descent, errno, "look at", name);
    if (S_ISDIR(seen.st_mode))
        return descent_enter(descent, name);
    if (unlink_forced(descent, name, 0) != 0)
        return descent_error(descent, errno, "remove", name);
    return NULL;
}

static FALLIBLE remove_emptied(struct descent *descent, int *refills)
{
    const char *name = NULL;
    TRY(descent_leave(descent, &name));
    if (unlink_forced(descent, name, AT_REMOVEDIR) == 0)
        return NULL;
    if ((errno == ENOTEMPTY || errno == EEXIST) && (*refills)++ < REFILLS_MOST)
        return descent_enter(descent, name);
    return descent_error(descent, errno, "remove", name);
}

static FALLIBLE remove_tree(int parent_fd, const char *name)
{
    int refills = 0;
    AUTO(descent_drop) struct descent descent;
    descent.parent_fd = parent_fd;
    descent.is_forcing = true;
    descent.depth = 0;
    descent.fd = (struct fd){0};
    TRY(descent_enter(&descent, name));
    while (descent.depth) {
        const struct walk_entry *entry = descent_next(&descent);
        TRY(entry ? remove_entry(&descent, entry) : remove_emptied(&descent, &refills));
    }
    return NULL;
}

struct error *path_remove(int at_fd, const char *path)
{
    check(*path && path[strlen(path) - 1] != '/'); /* "link/" would be what it points at */
    struct stat seen;
    if (fstatat(at_fd, path, &seen, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || errno == ENOTDIR ? NULL
                                                   : error_os(errno, "cannot remove '%s'", path);
    if (!S_ISDIR(seen.st_mode)) {
        if (unlinkat(at_fd, path, 0) != 0 && errno != ENOENT)
            return error_os(errno, "cannot remove '%s'", path);
        return NULL;
    }
    const char *name = NULL;
    AUTO(buf_drop) struct buf parent = file_parent(path, &name);
    AUTO(fd_drop) struct fd parent_fd = {0};
    TRY(directory_open(at_fd, parent.at, &parent_fd));
    TRY_WITHIN(remove_tree(fd_number(parent_fd), name), "cannot remove '%s'", path);
    return NULL;
}
