/* Shared by the files of module dvc_remote. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/host/lock.h"
#include "mlops/host/pool.h"
#include "mlops/store/dvc_remote.h"

#include <stdatomic.h>

#include "cas_private.h"
#include "dvc_cache_private.h"

struct dvc_depot {
    struct dvc_depot_options options;
    struct dvc_cache directory;               /* it lies on this machine: read there */
    struct transport *transport;              /* else, or to write */
    int64_t told_ns, done_bytes, total_bytes; /* of this call; atomic */
    atomic_bool is_telling;
    atomic_llong sent_bytes, received_bytes;
};

/* Work on `count` items by as many connections as are decent: each calls `work` with numbers from
 * 0 on, each once, until none is left. `connection` NULL: the remote is a directory here. */
struct dvc_crew {
    struct dvc_depot *depot;
    size_t count;
    FALLIBLE (*work)(void *context, struct connection *connection, size_t index);
    void *context;
    bool connects; /* by a connection, even to a directory */
    size_t next;   /* atomic */
    bool has_failed;
};
FALLIBLE dvc_depot_work(struct dvc_crew *crew);

/* Progress of bytes; from any thread. */
void dvc_depot_tell(struct dvc_depot *depot, int64_t bytes);

/* --- parts --- */

enum { DVC_PART_NAME_BYTES = 64 };

/* Nothing open: there is none or, with a name, another process is at it. `cache` is the
 * workspace's.
 */
struct dvc_part {
    struct fd fd;
    struct lock lock;               /* on the file itself */
    char name[DVC_PART_NAME_BYTES]; /* below the cache */
};

/* What an earlier try left. */
FALLIBLE dvc_part_find(int cache, const struct dvc_object *object, struct dvc_part *ret,
                       int64_t *ret_bytes);

/* An empty one. */
FALLIBLE dvc_part_make(int cache, const struct dvc_object *object, struct dvc_part *ret);
FALLIBLE dvc_part_read(const struct dvc_part *part, int64_t offset, char *block, size_t len);

/* Keeps the first bytes; what is written next stands behind them. */
FALLIBLE dvc_part_cut(const struct dvc_part *part, int64_t bytes);
void dvc_part_remove(int cache, struct dvc_part *part);

/* Lets it lie, for the next try. */
void dvc_part_drop(struct dvc_part *part);
