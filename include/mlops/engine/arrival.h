/* Bytes from elsewhere into the store: what a URL names is fetched, in parallel, hashed as it
 * arrives, and only then named. A large file whose server tells versions apart is continued by the
 * next command if this one is broken off. The work tree is not touched. */
#pragma once

#include "mlops/model/event.h"
#include "mlops/store/upstream.h"
#include "mlops/store/worktree.h"

struct arrival {
    struct arena *arena;
    const struct workspace *workspace;
    struct index *index; /* remembers what versions of files of a directory held */
    struct cas *cas;
    struct worktree *worktree;
    const struct observer *observer; /* progress; NULL: nobody */
};

struct arrival_counts {
    int64_t files, bytes;                 /* of what was asked for */
    int64_t fetched_files, fetched_bytes; /* that had to travel */
    int64_t continued_bytes;              /* that an earlier command had left */
};

/* Puts what `state` (of upstream_look) says into the store, not yet flushed, and gives the artifact
 * that it makes at `path`. The ETag in `state` becomes that of what was really read. ERROR_MACHINE
 * if the disk is too small (told before), something went away, or the transfer failed for good. */
FALLIBLE arrival_take(const struct arrival *arrival, struct upstream *upstream,
                      struct upstream_state *state, struct str path, struct artifact *ret,
                      struct arrival_counts *ret_counts);
