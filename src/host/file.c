#include "mlops/host/file.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file_private.h"

struct error *file_stat_at(int at_fd, const char *path, bool follow, struct file_stat *ret,
                           bool *ret_found)
{
    struct stat seen;
    if (fstatat(at_fd, path, &seen, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0) {
        *ret = file_stat_of(&seen);
        *ret_found = true;
        return NULL;
    }
    if (errno != ENOENT && errno != ENOTDIR)
        return error_os(errno, "cannot look at '%s'", path);
    *ret_found = false;
    return NULL;
}

struct error *file_stat_fd(int fd, struct file_stat *ret)
{
    struct stat seen;
    if (fstat(fd, &seen) != 0)
        return error_os(errno, "cannot look at an open file");
    *ret = file_stat_of(&seen);
    return NULL;
}

const char *file_kind_name(uint32_t mode)
{
    static const struct {
        uint32_t kind;
        const char *name;
    } rows[] = {{S_IFREG, "a regular file"}, {S_IFDIR, "a directory"}, {S_IFLNK, "a link"},
                {S_IFIFO, "a FIFO"},         {S_IFSOCK, "a socket"},   {S_IFCHR, "a device"},
                {S_IFBLK, "a device"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if ((mode & S_IFMT) == rows[i].kind)
            return rows[i].name;
    return "of an unknown kind";
}

/* As file_open; an absent file is no error. */
static FALLIBLE open_if_there(int at_fd, const char *path, bool is_straight, struct fd *ret,
                              struct stat *ret_seen, bool *ret_found)
{
    /* Without O_NONBLOCK a FIFO would block the open itself. */
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    AUTO(fd_drop)
    struct fd fd =
        fd_of(is_straight ? path_open_straight(at_fd, path, flags) : openat(at_fd, path, flags));
    *ret_found = fd_number(fd) >= 0 || (errno != ENOENT && errno != ENOTDIR);
    if (!*ret_found)
        return NULL;
    if (fd_number(fd) < 0 && errno == ENXIO)
        return error_new(ERROR_MACHINE, "'%s' is a socket, not a file", path);
    if (fd_number(fd) < 0)
        return is_straight ? path_straight_error(errno, "open", path)
                           : error_os(errno, "cannot open '%s'", path);
    if (fstat(fd_number(fd), ret_seen) != 0)
        return error_os(errno, "cannot look at '%s'", path);
    if (!S_ISREG(ret_seen->st_mode))
        return error_new(ERROR_MACHINE, "'%s' is %s, not a file", path,
                         file_kind_name(ret_seen->st_mode));
    *ret = fd_of(fd_release(&fd));
    return NULL;
}

static FALLIBLE open_seen(int at_fd, const char *path, bool is_straight, struct fd *ret,
                          struct file_stat *ret_seen)
{
    struct stat seen;
    bool is_found = false;
    TRY(open_if_there(at_fd, path, is_straight, ret, &seen, &is_found));
    if (!is_found)
        return error_os(ENOENT, "cannot open '%s'", path);
    *ret_seen = file_stat_of(&seen);
    return NULL;
}

struct error *file_open_seen(int at_fd, const char *path, struct fd *ret,
                             struct file_stat *ret_seen)
{
    return open_seen(at_fd, path, false, ret, ret_seen);
}

struct error *file_open_straight(int at_fd, const char *path, struct fd *ret,
                                 struct file_stat *ret_seen)
{
    return open_seen(at_fd, path, true, ret, ret_seen);
}

/* Of a server's files a lease is refused so whenever the server has not promised anything. */
static bool leases_tell_writers(int fd)
{
    static const uint32_t of_servers[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                          SMB2_SUPER_MAGIC};
    struct statfs disk;
    if (fstatfs(fd, &disk) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(of_servers); i++)
        if ((uint32_t)disk.f_type == of_servers[i])
            return false;
    return true;
}

/* A lease is given only if there is none. Who opens it meanwhile waits until we let go, and the
 * signal that asks us to is one that nobody hears. */
bool file_has_writer(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0)
        return false;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN && leases_tell_writers(fd);
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

struct error *file_open(int at_fd, const char *path, struct fd *ret)
{
    struct file_stat ignored;
    return file_open_seen(at_fd, path, ret, &ignored);
}

/* Reads to the end of the file, which may have grown since its size was asked. */
static FALLIBLE read_rest(int fd, const char *path, int64_t bytes_most, struct buf *content)
{
    for (;;) {
        size_t room = content->cap - content->len - 1;
        char *to = room ? content->at + content->len : buf_reserve(content, 4096);
        ssize_t got = read(fd, to, content->cap - content->len - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read '%s'", path);
        if (got == 0)
            return NULL;
        content->len += (size_t)got;
        content->at[content->len] = '\0';
        if ((int64_t)content->len > bytes_most)
            return error_new(ERROR_MACHINE, "'%s' is larger than the limit of %lld bytes", path,
                             (long long)bytes_most);
    }
}

struct error *file_read(struct arena *arena, int at_fd, const char *path, int64_t bytes_most,
                        struct str *ret, bool *ret_found)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct stat seen = {0};
    TRY(open_if_there(at_fd, path, false, &fd, &seen, ret_found));
    if (!*ret_found)
        return NULL;
    if (seen.st_size > bytes_most)
        return error_new(ERROR_MACHINE, "'%s' has %lld bytes; the limit is %lld", path,
                         (long long)seen.st_size, (long long)bytes_most);
    struct buf content = buf_in(arena);
    /* One byte more than the file has, so that its end is seen without growing the buffer. */
    buf_reserve(&content, (size_t)seen.st_size + 1);
    TRY(read_rest(fd_number(fd), path, bytes_most, &content));
    content.at[content.len] = '\0';
    *ret = buf_str(&content);
    return NULL;
}

struct error *file_write(int fd, const void *at, size_t len, const char *name)
{
    const char *from = at;
    while (len) {
        ssize_t written = write(fd, from, MIN_OF(len, (size_t)1 << 30));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_os(errno, "cannot write '%s'", name);
        if (written == 0)
            return error_new(ERROR_MACHINE, "cannot write '%s': nothing was taken", name);
        from += written;
        len -= (size_t)written;
    }
    return NULL;
}

struct error *file_sync(int fd, const char *name)
{
    if (fdatasync(fd) != 0)
        return error_os(errno, "cannot sync '%s' to the disk", name);
    return NULL;
}

struct error *directory_sync(int at_fd, const char *path)
{
    AUTO(fd_drop) struct fd fd = {0};
    TRY(directory_open(at_fd, path, &fd));
    /* Some network and FUSE file systems know no fsync of directories. */
    if (fsync(fd_number(fd)) != 0 && errno != EINVAL && errno != ENOSYS)
        return error_os(errno, "cannot sync the directory '%s'", path);
    return NULL;
}

void file_temp_name(char ret_name[static FILE_TEMP_NAME_BYTES])
{
    uint64_t random;
    random_bytes(&random, sizeof random);
    snprintf(ret_name, FILE_TEMP_NAME_BYTES, ".mlops-%016llx", (unsigned long long)random);
}

struct buf file_parent(const char *path, const char **ret_name)
{
    struct buf parent = {0};
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    if (!slash)
        buf_add_char(&parent, '.');
    else
        buf_add(&parent, path, MAX_OF((size_t)(slash - path), (size_t)1));
    return parent;
}

/* Fills a new file and gives it its final mode, whatever the umask is. */
static FALLIBLE write_new(int parent_fd, const char *temp, const char *path, struct str bytes,
                          uint32_t mode, bool is_durable)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(openat(parent_fd, temp, flags, 0600));
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot make a file beside '%s'", path);
    TRY(file_write(fd_number(fd), bytes.at, bytes.len, path));
    if (fchmod(fd_number(fd), mode & 07777) != 0)
        return error_os(errno, "cannot set the mode of '%s'", path);
    if (is_durable && fsync(fd_number(fd)) != 0)
        return error_os(errno, "cannot sync '%s' to the disk", path);
    if (close(fd_release(&fd)) != 0) /* NFS tells a full disk only here */
        return error_os(errno, "cannot write '%s'", path);
    return NULL;
}

struct error *file_publish(int at_fd, const char *path, struct str bytes, uint32_t mode,
                           bool is_durable)
{
    const char *name = NULL;
    char temp[FILE_TEMP_NAME_BYTES];
    AUTO(buf_drop) struct buf parent = file_parent(path, &name);
    AUTO(fd_drop) struct fd parent_fd = {0};
    TRY(directory_open(at_fd, parent.at, &parent_fd));
    file_temp_name(temp);
    struct error *error = write_new(fd_number(parent_fd), temp, path, bytes, mode, is_durable);
    if (!error && renameat(fd_number(parent_fd), temp, fd_number(parent_fd), name) != 0)
        error = error_os(errno, "cannot replace '%s'", path);
    if (error) {
        unlinkat(fd_number(parent_fd), temp, 0);
        return error;
    }
    return is_durable ? directory_sync(fd_number(parent_fd), ".") : NULL;
}

/* For file systems without RENAME_NOREPLACE. A link is as atomic; directories are only looked at
 * before, and rename(2) itself refuses to replace one that holds anything. */
static int rename_new_slowly(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat seen;
    if (fstatat(from_fd, from, &seen, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (!S_ISDIR(seen.st_mode))
        return linkat(from_fd, from, to_fd, to, 0) == 0 ? unlinkat(from_fd, from, 0) : -1;
    if (fstatat(to_fd, to, &seen, AT_SYMLINK_NOFOLLOW) != 0)
        return renameat(from_fd, from, to_fd, to);
    errno = EEXIST;
    return -1;
}

struct error *file_rename_new(int from_fd, const char *from, int to_fd, const char *to,
                              bool *ret_existed)
{
    int answer = renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE);
    if (answer != 0 && (errno == EINVAL || errno == ENOSYS))
        answer = rename_new_slowly(from_fd, from, to_fd, to);
    if (answer != 0 && errno != EEXIST)
        return error_os(errno, "cannot rename '%s' to '%s'", from, to);
    *ret_existed = answer != 0;
    return NULL;
}
