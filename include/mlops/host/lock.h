/* Kernel locks: they die with their processes, so there are no stale ones. Whole-file flock for
 * named locks; open-file-description byte-range locks on one file for claims on many paths. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/host/path.h"

enum lock_mode {
    LOCK_SHARED,
    LOCK_EXCLUSIVE,
};

struct lock {
    struct fd fd;
};

/* Takes a lock on a file (made if absent). Waits up to wait_ns (0: not at all, -1: for ever),
 * answers stop signals; *ret_taken false when time is up. `waits` (may be NULL) is called once
 * after one second of waiting. */
FALLIBLE lock_take(int at_fd, const char *path, enum lock_mode mode, int64_t wait_ns,
                   void (*waits)(void *context), void *context, struct lock *ret, bool *ret_taken);
void lock_drop(struct lock *lock);

/* Locks on ranges of one file, which stays empty: a thousand things that can be locked need no
 * thousand files. Each opening is a holder of its own, also within a process; a child may inherit
 * it. What it holds is given back when the last copy is closed. */
FALLIBLE lock_open(int at_fd, const char *path, struct lock *ret);

/* Exclusive; never waits. A range that is held by this opening already stays held. */
FALLIBLE lock_range_take(const struct lock *lock, int64_t at, int64_t len, bool *ret_taken);

/* Shared. */
FALLIBLE lock_range_share(const struct lock *lock, int64_t at, int64_t len, bool *ret_taken);

/* The first part of the range that another opening holds; *ret_found false: none does. */
FALLIBLE lock_range_find(const struct lock *lock, int64_t at, int64_t len, int64_t *ret_at,
                         int64_t *ret_len, bool *ret_found);

/* Claims on paths, hierarchical: exclusive on `d` excludes shared and exclusive on `d/x` and on
 * parents. All claims of one struct live on one descriptor, which a child may inherit: they are
 * held until the last copy of it is closed. */
struct claims {
    struct fd fd;
};

struct claim {
    struct str path; /* relative to the project */
    enum lock_mode mode;
};

/* Never blocks: all are taken, or none and *ret_taken is false. Above 256 claims, those in crowded
 * directories are taken on the directory instead: excludes more than asked for, never less. */
FALLIBLE claims_take(int at_fd, const char *file, const struct claim *claims, size_t count,
                     struct claims *ret, bool *ret_taken);

/* Makes every exclusive one of the same claims shared, without letting go of it in between: what
 * was written may be read by others now, but not changed. */
FALLIBLE claims_share(const struct claims *held, const struct claim *claims, size_t count);
void claims_drop(struct claims *claims);
