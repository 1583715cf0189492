/* Going through a directory tree with one open descriptor, whatever its depth and however long its
 * paths are: down by openat without following links, up by ".." with a check that it leads back to
 * where we came from. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/walk.h"

struct descent_level {
    struct arena arena; /* holds the list */
    struct walk_list list;
    size_t next;      /* entry to look at next */
    const char *name; /* in the directory above */
    uint64_t device, inode;
};

enum { DESCENT_LEVELS = 256 };
/* LIMIT_TREE_DEPTH, which C does not take as the length of an array. */

struct descent {
    struct fd fd;    /* the directory that levels[depth - 1] lists; empty at depth 0 */
    int parent_fd;   /* borrowed: where the tree hangs */
    size_t depth;    /* 0: beside the tree */
    bool is_forcing; /* makes directories readable and writable if they are not */
    struct descent_level levels[DESCENT_LEVELS];
};

/* The directory the next entry lies in. */
int descent_fd(const struct descent *descent);

/* The next entry of the current directory, or NULL when all were seen. */
struct walk_entry *descent_next(struct descent *descent);

/* Goes down into directory `name` of the current one (text lives in the level's list). */
FALLIBLE descent_enter(struct descent *descent, const char *name);

/* Goes up; *ret_name is the directory just left. */
FALLIBLE descent_leave(struct descent *descent, const char **ret_name);

/* ".." of a directory if that is the one meant, else an error: somebody moved the tree. */
FALLIBLE descent_parent(int fd, uint64_t device, uint64_t inode, struct fd *ret);

/* An error about entry `name` of the current directory, told with the path inside the tree. */
FALLIBLE descent_error(const struct descent *descent, int code, const char *verb, const char *name);

void descent_drop(struct descent *descent);
