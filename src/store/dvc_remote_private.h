/* Shared by the files of module dvc_remote. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
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
