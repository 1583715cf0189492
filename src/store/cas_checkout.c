#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_private.h"

/* Where an object goes. */
struct target {
    struct cas *cas;
    struct digest digest;
    bool is_executable;
    int at_fd;
    const char *path;
    struct file_stat stat; /* of the object */
};

/* The mode belongs to the inode, so an executable can't share one with the object; root writes
 * through 0444. */
static bool may_hardlink(const struct target *target)
{
    const struct config *config = &target->cas->workspace->config;
    return config->link == LINK_HARDLINK && !target->is_executable &&
           (config->link_force || geteuid() != 0);
}

static FALLIBLE try_hardlink(const struct target *target, bool *ret_done)
{
    char path[CAS_PATH_BYTES];
    cas_path(target->digest, path);
    *ret_done = linkat(target->cas->cache_fd, path, target->at_fd, target->path, 0) == 0;
    /* ENOENT: it has just gone; EPERM: the file system or its protection knows no links. */
    if (*ret_done || errno == EPERM || errno == EXDEV || errno == EMLINK || errno == ENOENT ||
        errno == EOPNOTSUPP)
        return NULL;
    return error_os(errno, "cannot link '%s' to the store", target->path);
}

/* Looked at before, since the link changes what tells of a change; and after, since the name may
 * have got another file meanwhile. Asked before the packs: what is to be linked lies by itself. */
static FALLIBLE link_object(struct target *target, struct file_stat *ret_stat, bool *ret_done)
{
    enum cas_health health = CAS_ABSENT;
    bool found = false;
    *ret_done = false;
    if (!may_hardlink(target))
        return NULL;
    TRY(cas_examine_loose(target->cas, target->digest, false, &target->stat, &health));
    if (health != CAS_GOOD)
        return NULL;
    TRY(try_hardlink(target, ret_done));
    if (!*ret_done)
        return NULL;
    TRY(file_stat_at(target->at_fd, target->path, false, ret_stat, &found));
    *ret_done = found && ret_stat->inode == target->stat.inode &&
                ret_stat->size_bytes == target->stat.size_bytes &&
                ret_stat->mtime_ns == target->stat.mtime_ns;
    if (!*ret_done && unlinkat(target->at_fd, target->path, 0) != 0 && errno != ENOENT)
        return error_os(errno, "cannot remove '%s'", target->path);
    return NULL;
}

/* Whether the object is good was asked when it was opened. */
static FALLIBLE copy_plainly(const struct target *target, int from_fd, int to_fd)
{
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(target->cas);
    struct digest digest;
    int64_t bytes = 0;
    struct cas_reading reading = {.fd = from_fd,
                                  .name = target->path,
                                  .buffer = buffer.at,
                                  .sink_fd = to_fd,
                                  .is_unhashed = true};
    return cas_read(&reading, &digest, &bytes);
}

static FALLIBLE fill(const struct target *target, const struct cas_content *from, int to_fd)
{
    int from_fd = fd_number(from->fd);
    enum copy_method method;
    int link = target->cas->workspace->config.link;
    if (from_fd < 0)
        return file_write(to_fd, from->bytes.at, from->bytes.len, target->path);
    if (link == LINK_COPY)
        return copy_plainly(target, from_fd, to_fd);
    if (link != LINK_REFLINK)
        return file_copy(from_fd, to_fd, target->path, signal_check, &method);
    if (ioctl(to_fd, FICLONE, from_fd) == 0)
        return NULL;
    return error_hint(error_os(errno, "cannot make '%s' a reflink of the store", target->path),
                      "set cache.link to auto");
}

static FALLIBLE copy_object(const struct target *target, const struct cas_content *from,
                            struct file_stat *ret_stat)
{
    uint32_t mode = target->is_executable ? 0777 : 0666; /* less the umask */
    int flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop) struct fd to = fd_of(openat(target->at_fd, target->path, flags, mode));
    if (fd_number(to) < 0)
        return error_os(errno, "cannot make '%s'", target->path);
    struct error *error = fill(target, from, fd_number(to));
    if (!error)
        error = file_stat_fd(fd_number(to), ret_stat);
    if (!error && ret_stat->size_bytes != target->stat.size_bytes)
        error = error_new(ERROR_MACHINE, "the copy of '%s' is not whole", target->path);
    if (!error && close(fd_release(&to)) != 0)
        error = error_os(errno, "cannot write '%s'", target->path);
    if (error)
        unlinkat(target->at_fd, target->path, 0);
    return error;
}

struct error *cas_checkout(struct cas *cas, struct digest digest, bool is_executable, int at_fd,
                           const char *path, struct file_stat *ret_stat, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(cas_content_drop) struct cas_content from = {0};
    struct target target = {cas, digest, is_executable, at_fd, path, {0}};
    TRY_WITHIN(link_object(&target, ret_stat, ret_found), "cannot restore '%s'", path);
    if (*ret_found)
        return NULL;
    TRY(cas_content_open(cas, digest, &from, ret_found));
    if (!*ret_found)
        return NULL;
    target.stat = from.stat;
    TRY_WITHIN(copy_object(&target, &from, ret_stat), "cannot restore '%s' (%s)", path,
               bytes_print(&scratch, target.stat.size_bytes).at);
    return NULL;
}
