/* Reading and publishing files. Publishing: write to a temporary name in the same directory, fsync,
 * rename, fsync of the directory; a crash leaves old or new. A failed fsync is never retried. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/host/path.h"

struct buf;

/* What stat says, in our units. */
struct file_stat {
    uint64_t device, inode;
    int64_t size_bytes;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode; /* st_mode */
    uint32_t links;
};

/* false if nothing is there (ENOENT, ENOTDIR). `follow` follows a final symbolic link. */
FALLIBLE file_stat_at(int at_fd, const char *path, bool follow, struct file_stat *ret,
                      bool *ret_found);
FALLIBLE file_stat_fd(int fd, struct file_stat *ret);

/* Whole file up to bytes_most (an error beyond), regular files only (a FIFO or device is refused
 * without blocking). ERROR_MACHINE; *ret_found false (and no error) if it is not there. The text
 * has a NUL behind it. */
FALLIBLE file_read(struct arena *arena, int at_fd, const char *path, int64_t bytes_most,
                   struct str *ret, bool *ret_found);

/* Opens a regular file for reading without blocking; refuses other kinds by name ("is a FIFO"). */
FALLIBLE file_open(int at_fd, const char *path, struct fd *ret);

/* The same, with what the file is, which had to be asked anyway. */
FALLIBLE file_open_seen(int at_fd, const char *path, struct fd *ret, struct file_stat *ret_seen);

/* The same, through no symbolic link, on the way or at the end. */
FALLIBLE file_open_straight(int at_fd, const char *path, struct fd *ret,
                            struct file_stat *ret_seen);

/* Whether anybody has the open file open for writing; false where that can't be told: files of
 * others, and some file systems. */
bool file_has_writer(int fd);

/* Publishes bytes under a name with `mode`, whatever the umask is. A symbolic link of that name is
 * replaced, not followed. is_durable = fsync file and directory. */
FALLIBLE file_publish(int at_fd, const char *path, struct str bytes, uint32_t mode,
                      bool is_durable);

/* All of it, or an error; EINTR and short writes are handled. */
FALLIBLE file_write(int fd, const void *at, size_t len, const char *name);
FALLIBLE file_sync(int fd, const char *name);         /* fdatasync */
FALLIBLE directory_sync(int at_fd, const char *path); /* fsync of a directory */

/* rename(2) without replacing; *ret_existed says it was there already. */
FALLIBLE file_rename_new(int from_fd, const char *from, int to_fd, const char *to,
                         bool *ret_existed);

/* Renames; falls back to copy + fsync + remove across file systems (files and trees). */
FALLIBLE path_move(int from_fd, const char *from, int to_fd, const char *to);

/* A durable copy of a file or tree (reflinks where possible): complete under its name or not there.
 */
FALLIBLE path_copy(int from_fd, const char *from, int to_fd, const char *to);

enum copy_method {
    COPY_REFLINK,
    COPY_HARDLINK,
    COPY_BYTES,
};

/* Copies an open file's content to an open empty one by the cheapest way that works (FICLONE, then
 * copy_file_range, then read/write); *ret_method says which. `stop` (may be NULL) is asked between
 * steps, and its error ends the copy: signal_check. */
FALLIBLE file_copy(int from_fd, int to_fd, const char *name, FALLIBLE (*stop)(void),
                   enum copy_method *ret_method);

/* Whether two open files of one file system are the same bytes on its disk, all of them: one was
 * made as a clone of the other, and neither was changed since, by whatever means and whatever its
 * times say, since a write to what is shared goes elsewhere. False also where that can't be told.
 */
bool file_is_clone(int fd, int other_fd);

/* Short kind for messages: "a FIFO", "a device", "a socket", "a directory". */
const char *file_kind_name(uint32_t mode);
