/* A large object on its way from a remote of DVC's lies in the cache's tmp/part/, under its MD5:
 * the next try goes on where this one ends. What is kept is believed by nothing but its bytes: they
 * are hashed again, the whole before it gets its name. */
#include "mlops/host/file.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dvc_remote_private.h"

void dvc_part_drop(struct dvc_part *part)
{
    fd_drop(&part->fd);
    lock_drop(&part->lock);
}

static void name_part(const struct dvc_object *object, struct dvc_part *part)
{
    char hex[MD5_HEX_LEN + 1];
    md5_print(object->md5, hex);
    snprintf(part->name, sizeof part->name, "tmp/part/md5-%s%s", hex,
             object->is_text_md5 ? "t" : "");
}

static FALLIBLE open_locked(int cache, struct dvc_part *part)
{
    bool taken = false;
    TRY(lock_take(cache, part->name, LOCK_EXCLUSIVE, 0, NULL, NULL, &part->lock, &taken));
    if (!taken) /* somebody else fetches the same: neither waits */
        return NULL;
    part->fd = fd_of(openat(cache, part->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    return part->fd.number_plus_one ? NULL
                                    : error_os(errno, "cannot make a temporary file of the store");
}

FALLIBLE dvc_part_find(int cache, const struct dvc_object *object, struct dvc_part *ret,
                       int64_t *ret_bytes)
{
    struct stat stat;
    *ret = (struct dvc_part){0};
    *ret_bytes = 0;
    name_part(object, ret);
    if (fstatat(cache, ret->name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
        *ret = (struct dvc_part){0};
        return NULL;
    }
    TRY(open_locked(cache, ret));
    if (ret->fd.number_plus_one && fstat(fd_number(ret->fd), &stat) == 0)
        *ret_bytes = (int64_t)stat.st_size;
    return NULL;
}

FALLIBLE dvc_part_make(int cache, const struct dvc_object *object, struct dvc_part *ret)
{
    *ret = (struct dvc_part){0};
    name_part(object, ret);
    TRY(directory_make(cache, "tmp/part", false));
    TRY(open_locked(cache, ret));
    return ret->fd.number_plus_one ? dvc_part_cut(ret, 0) : NULL;
}

FALLIBLE dvc_part_read(const struct dvc_part *part, int64_t offset, char *block, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got =
            pread(fd_number(part->fd), block + done, len - done, (off_t)(offset + (int64_t)done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_os(got < 0 ? errno : EIO, "cannot read what was fetched before");
        done += (size_t)got;
    }
    return signal_check();
}

FALLIBLE dvc_part_cut(const struct dvc_part *part, int64_t bytes)
{
    int fd = fd_number(part->fd);
    return ftruncate(fd, (off_t)bytes) != 0 || lseek(fd, (off_t)bytes, SEEK_SET) < 0
               ? error_os(errno, "cannot cut a temporary file of the store")
               : NULL;
}

void dvc_part_remove(int cache, struct dvc_part *part)
{
    if (part->fd.number_plus_one)
        unlinkat(cache, part->name, 0);
    dvc_part_drop(part);
}
