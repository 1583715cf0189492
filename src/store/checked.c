#include "mlops/store/checked.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHECKED_MAGIC "mlchk01\n"
enum { MAGIC_BYTES = 8, HEAD_BYTES = 16 };
static const int64_t AGE_NS_MOST = 7 * 86400 * NS_PER_S;
static const int64_t FILE_BYTES_MOST = INT64_C(1) << 34;

static struct str name_of(const struct digest *digest)
{
    return (struct str){(const char *)digest->at, sizeof digest->at};
}

/* A torn end is a digest less; one that was altered is of nothing. */
static bool load(struct checked *checked, struct str bytes)
{
    int64_t begun_ns = 0;
    if (bytes.len < HEAD_BYTES || memcmp(bytes.at, CHECKED_MAGIC, MAGIC_BYTES) != 0)
        return false;
    memcpy(&begun_ns, bytes.at + MAGIC_BYTES, sizeof begun_ns);
    int64_t age_ns = clock_real_ns() - begun_ns;
    if (age_ns < 0 || age_ns > AGE_NS_MOST)
        return false;
    for (size_t at = HEAD_BYTES; at + sizeof(struct digest) <= bytes.len;
         at += sizeof(struct digest))
        map_put(&checked->memory, &checked->known,
                (struct str){bytes.at + at, sizeof(struct digest)}, checked);
    return true;
}

static FALLIBLE begin(struct checked *checked)
{
    char head[HEAD_BYTES];
    int64_t now_ns = clock_real_ns();
    memcpy(head, CHECKED_MAGIC, MAGIC_BYTES);
    memcpy(head + MAGIC_BYTES, &now_ns, sizeof now_ns);
    if (ftruncate(fd_number(checked->fd), 0) != 0)
        return error_os(errno, "cannot begin '%s' afresh", checked->path);
    return file_write(fd_number(checked->fd), head, sizeof head, checked->path);
}

/* Where nothing can be written, nothing is kept. */
FALLIBLE checked_open(int at_fd, const char *path, bool afresh, struct checked *ret)
{
    struct str bytes = {0};
    bool found = false;
    *ret = (struct checked){.at_fd = at_fd, .path = path};
    if (at_fd < 0)
        return NULL;
    int flags = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
    ret->fd = fd_of(openat(at_fd, path, flags, 0644));
    if (fd_number(ret->fd) < 0) {
        ret->fd = (struct fd){0};
        return NULL;
    }
    if (!afresh)
        error_drop(file_read(&ret->memory, at_fd, path, FILE_BYTES_MOST, &bytes, &found));
    return found && load(ret, bytes) ? NULL : begin(ret);
}

void checked_drop(struct checked *checked)
{
    fd_drop(&checked->fd);
    arena_drop(&checked->memory);
}

bool checked_has(const struct checked *checked, struct digest digest)
{
    return map_has(&checked->known, name_of(&digest));
}

FALLIBLE checked_add(struct checked *checked, const struct digest *digests, size_t count)
{
    if (fd_number(checked->fd) < 0 || !count)
        return NULL;
    return file_write(fd_number(checked->fd), digests, count * sizeof *digests, checked->path);
}

FALLIBLE checked_finish(struct checked *checked)
{
    if (fd_number(checked->fd) >= 0 && unlinkat(checked->at_fd, checked->path, 0) != 0 &&
        errno != ENOENT)
        return error_os(errno, "cannot remove '%s'", checked->path);
    fd_drop(&checked->fd);
    checked->fd = (struct fd){0};
    return NULL;
}
