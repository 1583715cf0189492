/* Descriptors and names on the disk. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

/* An owned descriptor, kept as number plus one so that zero means none. All are CLOEXEC. */
struct fd {
    int number_plus_one;
};

static inline struct fd fd_of(int number)
{
    return (struct fd){number + 1};
}

/* The number, or -1 when empty. */
static inline int fd_number(struct fd fd)
{
    return fd.number_plus_one - 1;
}

void fd_drop(struct fd *fd);

/* Gives up ownership and returns the number. */
int fd_release(struct fd *fd);

/* The current directory, absolute; an error says so if it was deleted. */
FALLIBLE path_current(struct arena *arena, struct str *ret);

/* Absolute path with symbolic links resolved (the last part may be absent). */
FALLIBLE path_real(struct arena *arena, struct str path, struct str *ret);

/* base + "/" + path; `path` alone if it is absolute or base is empty. NUL-terminated. */
struct str path_join(struct arena *arena, struct str base, struct str path);

/* `path` (absolute) as seen from `base` (absolute): "../data/x". For messages. */
struct str path_relative(struct arena *arena, struct str base, struct str path);

FALLIBLE directory_open(int at_fd, const char *path, struct fd *ret);

/* mkdir -p below at_fd; `is_durable` fsyncs the parents of new directories. */
FALLIBLE directory_make(int at_fd, const char *path, bool is_durable);

/* --- ways without symbolic links --- */

/* open(2) that follows no symbolic link, on the way or at the end: one that came there after the
 * path was looked at leads nowhere. -1 with errno, ELOOP at a link. Paths hold no "..". */
int path_open_straight(int at_fd, const char *path, int flags);

/* What such an errno means; `verb`: "open". */
FALLIBLE path_straight_error(int code, const char *verb, const char *path);

/* "" is at_fd itself. */
FALLIBLE directory_open_straight(int at_fd, const char *path, struct fd *ret);

/* mkdir -p (relative path), then open; `is_durable` fsyncs the parents of new directories. */
FALLIBLE directory_make_straight(int at_fd, const char *path, bool is_durable, struct fd *ret);

/* The directory that holds what `path` names; *ret_name is the last part of the path. */
FALLIBLE parent_open_straight(int at_fd, const char *path, struct fd *ret, const char **ret_name);

/* Removes a file or a directory tree below at_fd (no '/' at the end); absent is fine. Never follows
 * links; makes read-only directories writable on the way. */
FALLIBLE path_remove(int at_fd, const char *path);

/* Removes empty directories from `path` upwards until one is not empty or at_fd is reached. */
void directory_prune(int at_fd, const char *path);
