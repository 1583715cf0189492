#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_private.h"

/* A second link to the file. 0 or the errno. */
static int link_into_temp(struct cas *cas, int at_fd, const char *path, const char *name)
{
    return linkat(at_fd, path, fd_number(cas->temp.fd), name, 0) == 0 ? 0 : errno;
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

static void add_named(struct cas *cas, const char *name, const struct cas_put *seen)
{
    struct cas_pending pending = {.digest = seen->digest, .size_bytes = seen->stat.size_bytes};
    memcpy(pending.name, name, sizeof pending.name);
    cas_pending_add(cas, &pending);
}

FALLIBLE cas_adopt(struct cas *cas, int at_fd, const char *path, const struct cas_put *seen,
                   bool *ret_done)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    char name[CAS_NAME_BYTES];
    *ret_done = false;
    TRY(cas_temp_name(locked, name));
    if (link_into_temp(locked, at_fd, path, name) != 0)
        return NULL; /* EXDEV, EPERM, EMLINK: the caller copies */
    *ret_done = is_same_inode(locked, name, &seen->stat);
    if (!*ret_done || cas_pending_find(locked, seen->digest)) {
        unlinkat(fd_number(locked->temp.fd), name, 0);
        return NULL;
    }
    add_named(locked, name, seen);
    return NULL;
}

/* The file gets a name among the files not yet published, and loses its own. Read-only only then:
 * under its own name a later try must be able to open it. */
static FALLIBLE take_over(struct cas *cas, int at_fd, const char *path, const struct cas_put *seen)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    char name[CAS_NAME_BYTES];
    bool existed = false;
    if (cas_pending_find(locked, seen->digest))
        return path_remove(at_fd, path);
    TRY(cas_temp_name(locked, name));
    TRY(file_rename_new(at_fd, path, fd_number(locked->temp.fd), name, &existed));
    if (existed)
        return error_new(ERROR_MACHINE, "somebody else makes files in the store's 'tmp'");
    if (fchmodat(fd_number(locked->temp.fd), name, 0444, 0) != 0)
        return error_os(errno, "cannot set the mode of an object");
    add_named(locked, name, seen);
    return NULL;
}

struct error *cas_put_assembled(struct cas *cas, int at_fd, const char *path,
                                struct digest expected, bool *ret_same)
{
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(cas);
    struct cas_put seen = {0};
    bool is_known = false;
    TRY(cas_begin_put(cas));
    TRY(cas_read_file(at_fd, path, buffer.at, NULL, &seen));
    *ret_same = digest_equal(seen.digest, expected);
    if (!*ret_same)
        return NULL;
    TRY(cas_is_known(cas, expected, &is_known));
    if (is_known)
        return path_remove(at_fd, path);
    return take_over(cas, at_fd, path, &seen);
}
