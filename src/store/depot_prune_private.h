/* Shared by the files that take packs out of a remote. */
#pragma once

#include "depot_private.h"

/* Of each pack of the catalogue, then of those without a good index. */
struct judged {
    int64_t blob_bytes; /* of all that is in it */
    int64_t kept_count;
    int64_t kept_bytes;     /* that are needed, and that it is to keep */
    int64_t condemned_ns;   /* by the server's clock; INT64_MAX: it is not condemned */
    bool is_old;            /* it may be condemned */
    bool is_due;            /* it was condemned long enough ago */
    bool has_idle_manifest; /* of a file that nothing needs: its chunks may go before it */
    bool is_stuck;          /* needed bytes of it could not be read: it stays */
    enum depot_verdict verdict;
};

/* A blob that moves to a new pack. */
struct move {
    size_t pack;
    struct pack_row row;
};
VEC(move_vec, struct move);

struct pruning {
    struct depot *depot;
    const struct depot_pruning *wish;
    struct arena arena;
    struct judged *packs;
    size_t known_count; /* of the catalogue */
    size_t pack_count;  /* those there at first; new ones come behind */
    struct move_vec moves;
    int64_t moved_bytes;
};

/* Copies what moves into new packs, several blobs each; a pack of which something can't be read is
 * stuck. */
FALLIBLE prune_copy(struct pruning *pruning);
