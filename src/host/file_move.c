#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "file_private.h"
#include "path_private.h"

/* A tree being copied: `from` goes through the source, `to_fd` follows in the copy. */
struct tree_copy {
    struct descent from;
    struct fd to_fd;  /* directory that corresponds to from's; empty at depth 0 */
    int to_parent_fd; /* borrowed */
    struct {
        struct stat source;
        uint64_t device, inode; /* of the copy */
    } levels[DESCENT_LEVELS];
};

static void tree_copy_drop(struct tree_copy *copy)
{
    descent_drop(&copy->from);
    fd_drop(&copy->to_fd);
}

static int copy_to_fd(const struct tree_copy *copy)
{
    return copy->from.depth ? fd_number(copy->to_fd) : copy->to_parent_fd;
}

/* Owner, mode and times of the source. A user who may not give files away keeps them. */
static FALLIBLE copy_attributes(int to_fd, const struct stat *source, const char *name)
{
    const struct timespec times[2] = {source->st_atim, source->st_mtim};
    if (fchown(to_fd, source->st_uid, source->st_gid) != 0 && errno != EPERM && errno != EINVAL)
        return error_os(errno, "cannot set the owner of '%s'", name);
    if (fchmod(to_fd, source->st_mode & 07777) != 0 || futimens(to_fd, times) != 0)
        return error_os(errno, "cannot set mode and time of '%s'", name);
    return NULL;
}

static FALLIBLE copy_regular(int from_at, const char *from, int to_at, const char *to,
                             const struct stat *source, bool is_synced)
{
    AUTO(fd_drop)
    struct fd in = fd_of(openat(from_at, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (fd_number(in) < 0)
        return error_os(errno, "cannot open '%s'", from);
    AUTO(fd_drop)
    struct fd out = fd_of(openat(to_at, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd_number(out) < 0)
        return error_os(errno, "cannot make a copy of '%s'", from);
    enum copy_method method;
    TRY(file_copy(fd_number(in), fd_number(out), from, NULL, &method));
    TRY(copy_attributes(fd_number(out), source, from));
    if (is_synced)
        TRY(file_sync(fd_number(out), from));
    if (close(fd_release(&out)) != 0)
        return error_os(errno, "cannot write a copy of '%s'", from);
    return NULL;
}

static FALLIBLE copy_link(int from_at, const char *from, int to_at, const char *to)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str target = {0};
    TRY(walk_link(&arena, from_at, from, &target));
    if (symlinkat(target.at, to_at, to) != 0)
        return error_os(errno, "cannot make the link '%s'", from);
    return NULL;
}

/* Anything but a directory. */
static FALLIBLE copy_leaf(int from_at, const char *from, int to_at, const char *to,
                          const struct stat *source, bool is_synced)
{
    if (S_ISREG(source->st_mode))
        return copy_regular(from_at, from, to_at, to, source, is_synced);
    if (S_ISLNK(source->st_mode))
        return copy_link(from_at, from, to_at, to);
    if (mknodat(to_at, to, source->st_mode, source->st_rdev) != 0)
        return error_os(errno, "cannot copy '%s', which is %s", from,
                        file_kind_name(source->st_mode));
    return NULL;
}

static FALLIBLE tree_enter(struct tree_copy *copy, const char *from, const char *to,
                           const struct stat *source)
{
    struct stat made;
    int to_at = copy_to_fd(copy);
    if (mkdirat(to_at, to, 0700) != 0)
        return error_os(errno, "cannot make a copy of the directory '%s'", from);
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(to_at, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd_number(fd) < 0 || fstat(fd_number(fd), &made) != 0)
        return error_os(errno, "cannot open a copy of the directory '%s'", from);
    TRY(descent_enter(&copy->from, from));
    copy->levels[copy->from.depth - 1].source = *source;
    copy->levels[copy->from.depth - 1].device = made.st_dev;
    copy->levels[copy->from.depth - 1].inode = made.st_ino;
    fd_drop(&copy->to_fd);
    copy->to_fd = fd_of(fd_release(&fd));
    return NULL;
}

static FALLIBLE tree_leave(struct tree_copy *copy)
{
    const char *name = NULL;
    size_t depth = copy->from.depth;
    TRY(descent_leave(&copy->from, &name));
    TRY(copy_attributes(fd_number(copy->to_fd), &copy->levels[depth - 1].source, name));
    if (depth == 1)
        return NULL;
    return descent_parent(fd_number(copy->to_fd), copy->levels[depth - 2].device,
                          copy->levels[depth - 2].inode, &copy->to_fd);
}

static FALLIBLE tree_entry(struct tree_copy *copy, const char *from, const char *to)
{
    struct stat source;
    if (fstatat(descent_fd(&copy->from), from, &source, AT_SYMLINK_NOFOLLOW) != 0)
        return descent_error(&copy->from, errno, "look at", from);
    if (S_ISDIR(source.st_mode))
        return tree_enter(copy, from, to, &source);
    return copy_leaf(descent_fd(&copy->from), from, copy_to_fd(copy), to, &source, false);
}

/* Many files: one syncfs at the end instead of a sync each. */
static FALLIBLE copy_tree(int from_fd, const char *from, int to_fd, const char *to)
{
    AUTO(tree_copy_drop) struct tree_copy copy;
    copy.from.fd = copy.to_fd = (struct fd){0};
    copy.from.depth = 0;
    copy.from.is_forcing = false;
    copy.from.parent_fd = from_fd;
    copy.to_parent_fd = to_fd;
    TRY(tree_entry(&copy, from, to));
    while (copy.from.depth) {
        const struct walk_entry *entry = descent_next(&copy.from);
        TRY(entry ? tree_entry(&copy, entry->name.at, entry->name.at) : tree_leave(&copy));
    }
    if (syncfs(to_fd) != 0)
        return error_os(errno, "cannot sync a copy of '%s' to the disk", from);
    return NULL;
}

static FALLIBLE copy_within(int in, const char *from, int out, const char *to)
{
    struct stat source;
    char temp[FILE_TEMP_NAME_BYTES];
    if (fstatat(in, from, &source, AT_SYMLINK_NOFOLLOW) != 0)
        return error_os(errno, "cannot look at '%s'", from);
    file_temp_name(temp);
    struct error *error = S_ISDIR(source.st_mode) ? copy_tree(in, from, out, temp)
                                                  : copy_leaf(in, from, out, temp, &source, true);
    if (!error && renameat(out, temp, out, to) != 0)
        error = error_os(errno, "cannot put '%s' in place", to);
    if (error) {
        error_drop(path_remove(out, temp));
        return error;
    }
    return directory_sync(out, ".");
}

struct error *path_copy(int from_fd, const char *from, int to_fd, const char *to)
{
    const char *from_name = NULL, *to_name = NULL;
    AUTO(buf_drop) struct buf from_parent = file_parent(from, &from_name);
    AUTO(buf_drop) struct buf to_parent = file_parent(to, &to_name);
    AUTO(fd_drop) struct fd in = {0};
    AUTO(fd_drop) struct fd out = {0};
    TRY(directory_open(from_fd, from_parent.at, &in));
    TRY(directory_open(to_fd, to_parent.at, &out));
    return copy_within(fd_number(in), from_name, fd_number(out), to_name);
}

/* The source goes only when the copy is in place and durable. */
static FALLIBLE move_by_copy(int from_fd, const char *from, int to_fd, const char *to)
{
    TRY(path_copy(from_fd, from, to_fd, to));
    return path_remove(from_fd, from);
}

struct error *path_move(int from_fd, const char *from, int to_fd, const char *to)
{
    if (renameat(from_fd, from, to_fd, to) == 0)
        return NULL;
    if (errno != EXDEV)
        return error_os(errno, "cannot move '%s' to '%s'", from, to);
    TRY_WITHIN(move_by_copy(from_fd, from, to_fd, to), "cannot move '%s' to '%s'", from, to);
    return NULL;
}
