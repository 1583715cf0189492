#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "path_private.h"

int descent_fd(const struct descent *descent)
{
    return descent->depth ? fd_number(descent->fd) : descent->parent_fd;
}

struct walk_entry *descent_next(struct descent *descent)
{
    check(descent->depth > 0);
    struct descent_level *level = &descent->levels[descent->depth - 1];
    return level->next < level->list.count ? &level->list.entries[level->next++] : NULL;
}

struct error *descent_error(const struct descent *descent, int code, const char *verb,
                            const char *name)
{
    AUTO(buf_drop) struct buf path = {0};
    for (size_t i = 0; i < descent->depth; i++)
        buf_print(&path, "%s/", descent->levels[i].name);
    buf_add_text(&path, name);
    return error_os(code, "cannot %s '%s'", verb, path.at);
}

/* chmod u+rwx through a descriptor that needs no permission, so that no link is followed. */
static bool force_access(int at_fd, const char *name)
{
    char path[32];
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(at_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd_number(fd) < 0)
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd_number(fd));
    return chmod(path, 0700) == 0;
}

static int open_below(const struct descent *descent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(descent_fd(descent), name, flags);
    if (fd < 0 && errno == EACCES && descent->is_forcing && force_access(descent_fd(descent), name))
        fd = openat(descent_fd(descent), name, flags);
    return fd;
}

struct error *descent_enter(struct descent *descent, const char *name)
{
    if (descent->depth == DESCENT_LEVELS)
        return error_new(ERROR_MACHINE, "'%s' is nested deeper than %d levels",
                         descent->levels[0].name, DESCENT_LEVELS);
    AUTO(fd_drop) struct fd fd = fd_of(open_below(descent, name));
    struct stat seen;
    if (fd_number(fd) < 0 || fstat(fd_number(fd), &seen) != 0)
        return descent_error(descent, errno, "open the directory", name);
    struct descent_level level = {.name = name, .device = seen.st_dev, .inode = seen.st_ino};
    struct error *error = walk_list(&level.arena, fd_number(fd), true, &level.list);
    if (error) {
        arena_drop(&level.arena);
        return error_within(error, "cannot list '%s'", name);
    }
    fd_drop(&descent->fd);
    descent->fd = fd_of(fd_release(&fd));
    descent->levels[descent->depth++] = level;
    return NULL;
}

struct error *descent_parent(int fd, uint64_t device, uint64_t inode, struct fd *ret)
{
    struct stat seen;
    AUTO(fd_drop)
    struct fd up = fd_of(openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd_number(up) < 0 || fstat(fd_number(up), &seen) != 0)
        return error_os(errno, "cannot go back to the directory above");
    if (seen.st_dev != device || seen.st_ino != inode)
        return error_new(ERROR_MACHINE, "a directory was moved while it was worked on");
    fd_drop(ret);
    *ret = fd_of(fd_release(&up));
    return NULL;
}

struct error *descent_leave(struct descent *descent, const char **ret_name)
{
    check(descent->depth > 0);
    struct descent_level *level = &descent->levels[descent->depth - 1];
    if (descent->depth > 1) {
        const struct descent_level *above = level - 1;
        TRY(descent_parent(fd_number(descent->fd), above->device, above->inode, &descent->fd));
    } else {
        fd_drop(&descent->fd);
    }
    *ret_name = level->name;
    arena_drop(&level->arena);
    descent->depth--;
    return NULL;
}

void descent_drop(struct descent *descent)
{
    while (descent->depth)
        arena_drop(&descent->levels[--descent->depth].arena);
    fd_drop(&descent->fd);
}
