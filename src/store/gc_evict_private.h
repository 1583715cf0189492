/* Shared by the files of eviction. */
#pragma once

#include "mlops/base/arena.h"

#include "gc_private.h"

/* An object that may go once no result holds it. */
struct held_object {
    int64_t size_bytes; /* 0: it is not in the store */
    int64_t used_ns;
    uint32_t units; /* that hold it */
    bool is_kept, is_gone;
};
VEC(held_vec, struct held_object);
VEC(number_vec, uint32_t);

/* Results with equal outputs: they go together, since one alone frees nothing. */
struct unit {
    struct swept_vec results;
    struct number_vec objects; /* each once */
    struct str label;
    struct digest newest;
    int64_t created_ns, duration_ns; /* of the newest */
    int64_t used_ns;                 /* last */
    double cost;                     /* ns a byte */
    bool is_last;                    /* a lock file on a branch names its outputs */
    bool is_fetched;                 /* a remote has all of it */
    bool is_gone;
};
VEC(unit_vec, struct unit);

struct eviction {
    struct sweep *sweep;
    struct arena arena;
    struct digest_set numbers; /* objects; note: its number */
    struct held_vec objects;
    struct digest_vec names;    /* of the objects */
    struct digest_set contents; /* lists of outputs; note: number of the unit */
    struct digest_set ids;      /* of their results; note: number of the unit */
    struct unit_vec units;
    int64_t left_bytes; /* kept so far */
};

/* Finds what may go: results that are needed and not within the grace period, and data that a
 * remote has. */
FALLIBLE eviction_see(struct eviction *eviction);
