#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_private.h"

/* A file without a name vanishes with the process, but takes a descriptor until it is published. */
static FALLIBLE open_unnamed(struct cas *cas, struct cas_temp *temp)
{
    char link[CAS_NAME_BYTES];
    int number = openat(fd_number(cas->tmp_fd), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (number < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == EACCES))
        return error_os(errno, "cannot make a file in the store '%.*s'",
                        STR_FMT(cas->workspace->cache));
    temp->fd = fd_of(number);
    snprintf(link, sizeof link, "/proc/self/fd/%d", number);
    if (number >= 0 && faccessat(AT_FDCWD, link, F_OK, 0) == 0)
        return NULL;
    fd_drop(&temp->fd);
    cas->has_no_tmpfile = true; /* nor a /proc to give it a name by */
    return NULL;
}

FALLIBLE cas_temp_name(struct cas *cas, char ret_name[static CAS_NAME_BYTES])
{
    if (!cas->temp.fd.number_plus_one)
        TRY(temp_dir_open(fd_number(cas->tmp_fd), TEMP_PREFIX, &cas->temp));
    snprintf(ret_name, CAS_NAME_BYTES, "%llu", (unsigned long long)cas->temp_count++);
    return NULL;
}

static FALLIBLE open_named(struct cas *cas, struct cas_temp *temp)
{
    TRY(cas_temp_name(cas, temp->name));
    int flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC;
    int number = openat(fd_number(cas->temp.fd), temp->name, flags, 0600);
    if (number < 0)
        return error_os(errno, "cannot make a file in the store '%.*s'",
                        STR_FMT(cas->workspace->cache));
    temp->fd = fd_of(number);
    return NULL;
}

FALLIBLE cas_temp_open(struct cas *cas, struct cas_temp *ret)
{
    struct cas_temp temp = {.cas = cas};
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    if (!locked->has_no_tmpfile && locked->held_fds < CAS_HELD_FDS)
        TRY(open_unnamed(locked, &temp));
    if (!temp.fd.number_plus_one)
        TRY(open_named(locked, &temp));
    else
        locked->held_fds++;
    *ret = temp;
    return NULL;
}

void cas_temp_drop(struct cas_temp *temp)
{
    if (!temp->fd.number_plus_one)
        return;
    AUTO(cas_unlock) struct cas *locked = cas_lock(temp->cas);
    fd_drop(&temp->fd);
    if (temp->name[0])
        unlinkat(fd_number(locked->temp.fd), temp->name, 0);
    else
        locked->held_fds--;
}

/* NFS tells a full disk only when a file is closed. */
static FALLIBLE close_named(struct cas_temp *temp)
{
    if (close(fd_release(&temp->fd)) == 0)
        return NULL;
    int code = errno;
    unlinkat(fd_number(temp->cas->temp.fd), temp->name, 0);
    return error_os(code, "cannot write to the store '%.*s'", STR_FMT(temp->cas->workspace->cache));
}

void cas_pending_add(struct cas *cas, const struct cas_pending *pending)
{
    struct cas_pending *kept = arena_new(&cas->pending_memory, struct cas_pending);
    *kept = *pending;
    *vec_push(&cas->pending_memory, &cas->pending) = kept;
    map_put(&cas->pending_memory, &cas->pending_by_digest,
            (struct str){(const char *)kept->digest.at, sizeof kept->digest.at}, kept);
}

FALLIBLE cas_temp_keep(struct cas_temp *temp, struct digest digest, int64_t size_bytes)
{
    struct cas *cas = temp->cas;
    if (fchmod(fd_number(temp->fd), 0444) != 0)
        return error_os(errno, "cannot set the mode of an object");
    /* Of small files the disk would get one request each, where the flush makes one of many. */
    if (cas->is_durable && size_bytes > CAS_BUFFER_BYTES)
        sync_file_range(fd_number(temp->fd), 0, 0, SYNC_FILE_RANGE_WRITE);
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    if (cas_pending_find(locked, digest))
        return NULL; /* ours is dropped by the caller */
    if (temp->name[0])
        TRY(close_named(temp));
    struct cas_pending pending = {.digest = digest, .fd = temp->fd, .size_bytes = size_bytes};
    memcpy(pending.name, temp->name, sizeof pending.name);
    temp->fd = (struct fd){0};
    cas_pending_add(locked, &pending);
    return NULL;
}
