/* Reading objects, wherever they lie. */
#include "mlops/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cas_private.h"

void cas_content_drop(struct cas_content *content)
{
    fd_drop(&content->fd);
    buf_drop(&content->bytes);
}

/* A descriptor of its own, so that it may outlive the flush. */
static FALLIBLE open_pending(struct cas *cas, struct digest digest, struct fd *ret)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    const struct cas_pending *pending = cas_pending_find(locked, digest);
    if (!pending)
        return NULL;
    if (pending->name[0])
        return file_open(fd_number(locked->temp.fd), pending->name, ret);
    int number = fcntl(fd_number(pending->fd), F_DUPFD_CLOEXEC, 0);
    if (number < 0)
        return error_os(errno, "cannot open an object");
    *ret = fd_of(number);
    return NULL;
}

static FALLIBLE open_inside(struct cas *cas, struct digest digest, struct cas_content *content,
                            bool *ret_found)
{
    TRY(cas_get_inside(cas, digest, &content->bytes, ret_found));
    if (*ret_found)
        content->stat = (struct file_stat){.size_bytes = (int64_t)content->bytes.len};
    return NULL;
}

static FALLIBLE open_loose(struct cas *cas, struct digest digest, struct cas_content *content,
                           bool *ret_found)
{
    enum cas_health health = CAS_ABSENT;
    char path[CAS_PATH_BYTES];
    TRY(cas_examine_loose(cas, digest, false, &content->stat, &health));
    *ret_found = health == CAS_GOOD;
    if (!*ret_found)
        return NULL;
    cas_path(digest, path);
    return file_open(cas->cache_fd, path, &content->fd);
}

FALLIBLE cas_content_open(struct cas *cas, struct digest digest, struct cas_content *ret,
                          bool *ret_found)
{
    AUTO(cas_content_drop) struct cas_content content = {0};
    struct cas_packed packed;
    TRY(open_pending(cas, digest, &content.fd));
    *ret_found = content.fd.number_plus_one != 0;
    if (*ret_found)
        TRY(file_stat_fd(fd_number(content.fd), &content.stat));
    if (!*ret_found)
        TRY(open_inside(cas, digest, &content, ret_found));
    if (!*ret_found)
        TRY(open_loose(cas, digest, &content, ret_found));
    if (!*ret_found)
        TRY(cas_packed_find(cas, digest, true, &packed, ret_found));
    if (*ret_found && !content.fd.number_plus_one && !content.bytes.at)
        TRY(open_inside(cas, digest, &content, ret_found)); /* it has just come */
    *ret = content;
    content = (struct cas_content){0};
    return NULL;
}

/* For who wants a file: one that lives in memory. */
static FALLIBLE file_of_bytes(struct str bytes, struct fd *ret)
{
    AUTO(fd_drop) struct fd fd = fd_of(memfd_create("object", MFD_CLOEXEC));
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open an object");
    TRY(file_write(fd_number(fd), bytes.at, bytes.len, "an object"));
    *ret = fd;
    fd = (struct fd){0};
    return NULL;
}

struct error *cas_open_object(struct cas *cas, struct digest digest, struct fd *ret,
                              struct file_stat *ret_stat, bool *ret_found)
{
    AUTO(cas_content_drop) struct cas_content content = {0};
    TRY(cas_content_open(cas, digest, &content, ret_found));
    if (!*ret_found)
        return NULL;
    *ret_stat = content.stat;
    if (!content.fd.number_plus_one)
        return file_of_bytes(buf_str(&content.bytes), ret);
    *ret = content.fd;
    content.fd = (struct fd){0};
    return NULL;
}

void cas_source_drop(struct cas_source *source)
{
    fd_drop(&source->fd);
}

struct error *cas_open_for_reading(struct cas *cas, struct digest digest, struct cas_source *ret,
                                   bool *ret_found)
{
    struct file_stat stat;
    struct cas_packed packed;
    struct cas_source source = {0};
    TRY(cas_packed_find(cas, digest, false, &packed, ret_found));
    if (*ret_found)
        TRY(cas_packed_open(cas, &packed, &source.fd));
    if (source.fd.number_plus_one) {
        source.offset = packed.row.offset;
        source.size_bytes = packed.row.raw_bytes;
    } else {
        TRY(cas_open_object(cas, digest, &source.fd, &stat, ret_found));
        source.size_bytes = *ret_found ? stat.size_bytes : 0;
    }
    *ret = source;
    return NULL;
}

static FALLIBLE read_whole(int fd, int64_t size_bytes, struct buf *to)
{
    char *at = buf_reserve(to, (size_t)size_bytes + 1);
    while (to->len < (size_t)size_bytes) {
        ssize_t got = pread(fd, at + to->len, (size_t)size_bytes - to->len, (off_t)to->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read an object");
        if (got == 0)
            break;
        to->len += (size_t)got;
    }
    at[to->len] = '\0';
    return NULL;
}

struct error *cas_get_bytes(struct cas *cas, struct arena *arena, struct digest digest,
                            int64_t bytes_most, struct str *ret, bool *ret_found)
{
    AUTO(cas_content_drop) struct cas_content content = {0};
    enum cas_health health;
    TRY(cas_content_open(cas, digest, &content, ret_found));
    if (!*ret_found)
        return NULL;
    if (content.stat.size_bytes > bytes_most)
        return error_new(ERROR_STORED, "an object has %lld bytes where at most %lld are expected",
                         (long long)content.stat.size_bytes, (long long)bytes_most);
    if (!content.fd.number_plus_one) {
        *ret = str_copy(arena, buf_str(&content.bytes));
        return NULL;
    }
    struct buf bytes = buf_in(arena);
    TRY(read_whole(fd_number(content.fd), content.stat.size_bytes, &bytes));
    *ret = buf_str(&bytes);
    *ret_found = digest_equal(digest_of(ret->at, ret->len), digest);
    return *ret_found ? NULL : cas_verify(cas, digest, &health);
}
