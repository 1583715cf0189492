#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_private.h"

/* A name in tmp/ for a second link to the file. 0 or the errno. */
static int link_into_temp(struct cas *cas, int at_fd, const char *path, char *ret_name)
{
    snprintf(ret_name, CAS_NAME_BYTES, "%llu", (unsigned long long)cas->temp_count++);
    return linkat(at_fd, path, fd_number(cas->temp.fd), ret_name, 0) == 0 ? 0 : errno;
}

/* Between opening and linking the name may have got another file. */
static bool is_same_inode(struct cas *cas, const char *name, const struct file_stat *seen)
{
    struct file_stat stat;
    bool found = false;
    struct error *error = file_stat_at(fd_number(cas->temp.fd), name, false, &stat, &found);
    bool is_same = !error && found && stat.inode == seen->inode && stat.device == seen->device &&
                   stat.size_bytes == seen->size_bytes && stat.mtime_ns == seen->mtime_ns;
    error_drop(error);
    return is_same;
}

FALLIBLE cas_adopt(struct cas *cas, int at_fd, const char *path, const struct cas_put *seen,
                   bool *ret_done)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    char name[CAS_NAME_BYTES];
    *ret_done = false;
    if (!locked->temp.fd.number_plus_one)
        TRY(temp_dir_open(fd_number(locked->tmp_fd), TEMP_PREFIX, &locked->temp));
    if (link_into_temp(locked, at_fd, path, name) != 0)
        return NULL; /* EXDEV, EPERM, EMLINK: the caller copies */
    *ret_done = is_same_inode(locked, name, &seen->stat);
    if (!*ret_done || cas_pending_find(locked, seen->digest)) {
        unlinkat(fd_number(locked->temp.fd), name, 0);
        return NULL;
    }
    struct cas_pending *pending = arena_new(&locked->pending_memory, struct cas_pending);
    *pending = (struct cas_pending){.digest = seen->digest, .size_bytes = seen->stat.size_bytes};
    memcpy(pending->name, name, sizeof pending->name);
    *vec_push(&locked->pending_memory, &locked->pending) = pending;
    map_put(&locked->pending_memory, &locked->pending_by_digest,
            (struct str){(const char *)pending->digest.at, sizeof pending->digest.at}, pending);
    return NULL;
}
