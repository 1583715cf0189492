/* Shared by the files of module verify. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/model/tree.h"
#include "mlops/store/checked.h"
#include "mlops/store/pointers.h"

#include "gc_private.h"

VEC(object_vec, struct cas_checked);
VEC(fault_vec, struct verify_fault);
VEC(name_vec, struct str);

struct verification {
    struct arena *arena;           /* of what is told */
    struct arena memory;           /* of the rest */
    struct pointer_vec pointers;   /* of the work tree, those that can be read */
    struct name_vec packs;         /* that were set aside before */
    struct digest_set seen;        /* needed objects that were looked at */
    struct digest_set quarantined; /* found to be damaged, now or earlier */
    struct digest_set told;        /* of them those that are faults already */
    struct object_vec missing;
    const struct workspace *workspace;
    struct cas *cas;
    struct object_vec objects; /* biggest first */
    struct fault_vec faults;
    struct verify_report *report;
};

void verify_add_fault(struct verification *verification, struct verify_fault fault);

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
                      struct cas_checked *object, struct verify_teller *teller);

/* Reads every object of the store, biggest first. */
FALLIBLE verify_objects(struct verification *verification, struct pool *pool,
                        const struct verify_wish *wish, const struct observer *observer);

/* Reads the pointers of the work tree; those that can't be read are faults. */
FALLIBLE verify_load_pointers(struct verification *verification);

/* Whether what the work tree's pointers name is here. */
FALLIBLE verify_pointers(struct verification *verification);

/* Tells damaged objects and results that lack some, with who needs them. */
FALLIBLE verify_tell_bad(struct verification *verification);

/* Packs whose index is damaged are set aside as soon as they are seen: which of them were before,
 * and then those that were not or that may hold what is missing. */
FALLIBLE verify_note_packs(struct verification *verification);
FALLIBLE verify_tell_packs(struct verification *verification);

/* The entries of a stored directory; none if it is missing or damaged itself. */
FALLIBLE verify_load_tree(struct cas *cas, struct arena *scratch, struct digest digest,
                          struct tree *ret);
