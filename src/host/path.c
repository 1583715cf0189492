#include "mlops/host/path.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_drop(struct fd *fd)
{
    if (fd->number_plus_one)
        close(fd_release(fd)); /* Linux has closed it even if this answers EINTR */
}

int fd_release(struct fd *fd)
{
    int number = fd_number(*fd);
    *fd = (struct fd){0};
    return number;
}

struct error *path_current(struct arena *arena, struct str *ret)
{
    char *current = getcwd(NULL, 0);
    bool is_there = current && current[0] == '/'; /* "(unreachable)..." outside our root */
    int code = current ? ENOENT : errno;
    if (is_there)
        *ret = str_copy(arena, str_of(current));
    free(current);
    if (is_there)
        return NULL;
    if (code == ENOENT)
        return error_hint(error_new(ERROR_MACHINE, "the current directory no longer exists"),
                          "cd to a directory that exists and run the command again");
    return error_os(code, "cannot find out the current directory");
}

/* realpath of the directory, then the last part as it is. */
static char *real_parent(struct str path, struct str *ret_last)
{
    ptrdiff_t slash = str_find_last_char(path, '/');
    AUTO(buf_drop) struct buf directory = {0};
    buf_add_str(&directory, str_slice(path, 0, (size_t)(slash + 1)));
    *ret_last = str_slice(path, (size_t)(slash + 1), path.len);
    if (str_is(*ret_last, "..") || str_is(*ret_last, ".") || ret_last->len == 0) {
        errno = ENOENT;
        return NULL;
    }
    return realpath(directory.len ? directory.at : ".", NULL);
}

struct error *path_real(struct arena *arena, struct str path, struct str *ret)
{
    const char *text = str_terminate(arena, path);
    struct str last = {0};
    struct stat seen;
    char *real = realpath(text, NULL);
    /* A dangling link is there but has no real path: what it names is not for us to make up. */
    if (!real && errno == ENOENT && lstat(text, &seen) != 0 && errno == ENOENT)
        real = real_parent(path, &last);
    if (!real)
        return error_os(errno, "cannot resolve '%s'", text);
    *ret = last.len ? path_join(arena, str_of(real), last) : str_copy(arena, str_of(real));
    free(real);
    return NULL;
}

struct str path_join(struct arena *arena, struct str base, struct str path)
{
    if (base.len == 0 || (path.len && path.at[0] == '/'))
        return str_copy(arena, path);
    bool has_slash = base.at[base.len - 1] == '/';
    size_t from = base.len + !has_slash;
    char *to = arena_alloc(arena, from + path.len + 1);
    memcpy(to, base.at, base.len);
    to[base.len] = '/';
    if (path.len)
        memcpy(to + from, path.at, path.len);
    to[from + path.len] = '\0';
    return (struct str){to, from + path.len};
}

/* The next non-empty part of an absolute path; false at the end. */
static bool next_part(struct str *rest, struct str *ret_part)
{
    while (str_split(rest, '/', ret_part))
        if (ret_part->len)
            return true;
    return false;
}

struct str path_relative(struct arena *arena, struct str base, struct str path)
{
    struct str base_rest = base, path_rest = path, from = {0}, to = {0};
    bool has_from = next_part(&base_rest, &from), has_to = next_part(&path_rest, &to);
    while (has_from && has_to && str_equal(from, to)) {
        has_from = next_part(&base_rest, &from);
        has_to = next_part(&path_rest, &to);
    }
    struct buf text = buf_in(arena);
    for (; has_from; has_from = next_part(&base_rest, &from))
        buf_add_text(&text, text.len ? "/.." : "..");
    for (; has_to; has_to = next_part(&path_rest, &to)) {
        if (text.len)
            buf_add_char(&text, '/');
        buf_add_str(&text, to);
    }
    if (!text.len)
        buf_add_char(&text, '.');
    return buf_str(&text);
}

struct error *directory_open(int at_fd, const char *path, struct fd *ret)
{
    int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_os(errno, "cannot open the directory '%s'", path);
    *ret = fd_of(fd);
    return NULL;
}

static FALLIBLE sync_parent(int at_fd, struct str path)
{
    AUTO(buf_drop) struct buf parent = {0};
    ptrdiff_t slash = str_find_last_char(path, '/');
    buf_add_str(&parent, str_slice(path, 0, slash < 0 ? 0 : MAX_OF((size_t)slash, (size_t)1)));
    return directory_sync(at_fd, parent.len ? parent.at : ".");
}

/* One mkdir; a directory that is there already is fine, also behind a link. */
static FALLIBLE make_one(int at_fd, const char *path, bool is_durable)
{
    struct stat seen;
    if (mkdirat(at_fd, path, 0777) == 0)
        return is_durable ? sync_parent(at_fd, str_of(path)) : NULL;
    int code = errno;
    /* EROFS and EACCES may come before EEXIST. */
    if (fstatat(at_fd, path, &seen, 0) == 0) {
        if (S_ISDIR(seen.st_mode))
            return NULL;
        code = ENOTDIR;
    }
    return error_os(code, "cannot make the directory '%s'", path);
}

struct error *directory_make(int at_fd, const char *path, bool is_durable)
{
    struct stat seen;
    if (fstatat(at_fd, *path ? path : ".", &seen, 0) == 0 && S_ISDIR(seen.st_mode))
        return NULL;
    AUTO(buf_drop) struct buf part = {0};
    buf_add_text(&part, path);
    for (size_t i = 1; i <= part.len; i++) {
        if ((part.at[i] != '/' && part.at[i] != '\0') || part.at[i - 1] == '/')
            continue;
        char cut = part.at[i];
        part.at[i] = '\0';
        TRY(make_one(at_fd, part.at, is_durable));
        part.at[i] = cut;
    }
    return NULL;
}

void directory_prune(int at_fd, const char *path)
{
    AUTO(buf_drop) struct buf part = {0};
    buf_add_text(&part, path);
    while (part.len && unlinkat(at_fd, part.at, AT_REMOVEDIR) == 0) {
        ptrdiff_t slash = str_find_last_char(buf_str(&part), '/');
        part.len = slash < 0 ? 0 : (size_t)slash;
        part.at[part.len] = '\0';
    }
}
