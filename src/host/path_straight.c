/* Ways without symbolic links: what was a directory when it was looked at may be a link now. */
#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STEP_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* A link that is opened as a directory gives ENOTDIR, and O_PATH opens the link itself: said as
 * what it is. */
static int open_part(int at_fd, const char *name, int flags)
{
    struct stat seen;
    int number = openat(at_fd, name, flags | O_NOFOLLOW), code = errno;
    if (number < 0 && code == ENOTDIR)
        code = fstatat(at_fd, name, &seen, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(seen.st_mode)
                   ? ELOOP
                   : ENOTDIR;
    if (number >= 0 && (flags & O_PATH) && fstat(number, &seen) == 0 && S_ISLNK(seen.st_mode)) {
        close(number);
        number = -1;
        code = ELOOP;
    }
    errno = code;
    return number;
}

/* Part by part, for kernels and sandboxes that know no openat2. */
static int open_slowly(int at_fd, const char *path, int flags)
{
    AUTO(fd_drop) struct fd at = {0};
    AUTO(buf_drop) struct buf part = {0};
    if (path[0] == '/') {
        at = fd_of(open("/", STEP_FLAGS));
        path += strspn(path, "/");
    }
    for (const char *slash; (slash = strchr(path, '/')); path = slash + strspn(slash, "/")) {
        buf_clear(&part);
        buf_add(&part, path, (size_t)(slash - path));
        int from = fd_number(at) >= 0 ? fd_number(at) : at_fd;
        int number = open_part(from, part.at, STEP_FLAGS);
        if (number < 0)
            return -1;
        fd_drop(&at);
        at = fd_of(number);
    }
    return open_part(fd_number(at) >= 0 ? fd_number(at) : at_fd, *path ? path : ".", flags);
}

int path_open_straight(int at_fd, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)flags, .resolve = RESOLVE_NO_SYMLINKS};
    long number = syscall(SYS_openat2, at_fd, path, &how, sizeof how);
    bool is_known = number >= 0 || (errno != ENOSYS && errno != EPERM);
    return is_known ? (int)number : open_slowly(at_fd, path, flags);
}

struct error *path_straight_error(int code, const char *verb, const char *path)
{
    if (code != ELOOP)
        return error_os(code, "cannot %s '%s'", verb, path);
    return error_hint(
        error_new(ERROR_PROJECT, "cannot %s '%s': a symbolic link stands in its way", verb, path),
        "move the link away, then try again");
}

struct error *directory_open_straight(int at_fd, const char *path, struct fd *ret)
{
    const char *name = *path ? path : ".";
    int number = path_open_straight(at_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0)
        return path_straight_error(errno, "open the directory", path);
    *ret = fd_of(number);
    return NULL;
}

static FALLIBLE make_part(struct fd *at, const char *name, bool is_durable)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int number = open_part(fd_number(*at), name, flags);
    bool is_made = number < 0 && errno == ENOENT && mkdirat(fd_number(*at), name, 0777) == 0;
    if (is_made && is_durable)
        TRY(directory_sync(fd_number(*at), "."));
    if (is_made || (number < 0 && errno == EEXIST))
        number = open_part(fd_number(*at), name, flags);
    if (number < 0)
        return path_straight_error(errno, "make the directory", name);
    fd_drop(at);
    *at = fd_of(number);
    return NULL;
}

struct error *directory_make_straight(int at_fd, const char *path, bool is_durable, struct fd *ret)
{
    AUTO(buf_drop) struct buf part = {0};
    AUTO(fd_drop) struct fd at = {0};
    struct str rest = str_of(path), name;
    int number = path_open_straight(at_fd, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0 && errno != ENOENT)
        return path_straight_error(errno, "open the directory", path);
    if (number < 0)
        TRY(directory_open(at_fd, ".", &at));
    while (number < 0 && rest.len && str_split(&rest, '/', &name)) {
        buf_clear(&part);
        buf_add_str(&part, name);
        TRY(make_part(&at, part.at, is_durable));
    }
    *ret = number < 0 ? fd_of(fd_release(&at)) : fd_of(number);
    return NULL;
}

struct error *parent_open_straight(int at_fd, const char *path, struct fd *ret,
                                   const char **ret_name)
{
    AUTO(buf_drop) struct buf parent = {0};
    const char *slash = strrchr(path, '/');
    buf_add(&parent, path, slash ? (size_t)(slash - path) : 0);
    *ret_name = slash ? slash + 1 : path;
    return directory_open_straight(at_fd, parent.at ? parent.at : "", ret);
}
