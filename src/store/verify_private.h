/* Shared by the files of module verify. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/model/tree.h"
#include "mlops/store/checked.h"

#include "gc_private.h"

struct checked_object {
    struct digest digest;
    int64_t size_bytes;
    enum cas_health health;
};

VEC(object_vec, struct checked_object);
VEC(fault_vec, struct verify_fault);

struct verification {
    struct arena *arena;
    struct digest_set seen;        /* needed objects that were looked at */
    struct digest_set quarantined; /* found to be damaged, now or earlier */
    struct object_vec missing;
    const struct workspace *workspace;
    struct cas *cas;
    struct object_vec objects; /* biggest first */
    struct fault_vec faults;
    struct verify_report *report;
};

/* Who hears how far the reading is. */
struct verify_teller {
    const struct observer *observer;
    int64_t done, total;
};
/* That `more` bytes beyond `done` are read. */
void verify_tell(struct verify_teller *teller, int64_t more);

/* Reads one object of some size by all threads: by its leaves, which are made where there are none.
 */
FALLIBLE verify_large(struct verification *verification, struct pool *pool,
                      struct checked_object *object, struct verify_teller *teller);

/* Reads every object of the store, biggest first. */
FALLIBLE verify_objects(struct verification *verification, struct pool *pool,
                        const struct verify_wish *wish, const struct observer *observer);

/* Whether what the work tree's pointers name is here. */
FALLIBLE verify_pointers(struct verification *verification);

/* The entries of a stored directory; none if it is missing or damaged itself. */
FALLIBLE verify_load_tree(struct cas *cas, struct arena *scratch, struct digest digest,
                          struct tree *ret);
