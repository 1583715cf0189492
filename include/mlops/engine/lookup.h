/* A key -> what is known about it: nothing to do, something to restore, or a miss with its reasons.
 */
#pragma once

#include "mlops/engine/fingerprint.h"
#include "mlops/store/results.h"

enum verdict_kind {
    VERDICT_UNCHANGED,
    VERDICT_RESTORE,
    VERDICT_RUN,
};

struct verdict {
    enum verdict_kind kind;
    struct result *result;     /* the known result; NULL: run */
    struct digest result_id;   /* zero if it is only known from the lock file */
    struct reason_vec reasons; /* run, restore: why */
    struct artifact *found;    /* what the work tree holds, parallel to stage->outs */
};

struct lookup_options {
    bool force;            /* ignore every known result */
    bool no_restore;       /* ignore what is not in the work tree */
    bool only_known;       /* known results count for stages that always run, too */
    bool may_be_elsewhere; /* a known result counts as restorable though the store lacks it */
};

/* `explain` looks for the nearest earlier recipe in the lock (and ledger) to fill in reasons. */
FALLIBLE lookup_stage(struct session *session, const struct stage *stage,
                      const struct fingerprint *fingerprint, const struct lookup_options *options,
                      bool explain, struct verdict *ret);

/* The lock's entry of a stage as a result (frozen stages, baselines), or NULL. */
struct result *lookup_lock_result(struct session *session, const struct stage *stage);

/* The stored result that the lock's entry describes; one is stored where there is none (a fresh
 * clone whose outputs came with it, an emptied cache). The stage must have an entry. */
FALLIBLE lookup_lock_ref(struct session *session, const struct stage *stage,
                         struct result_ref *ret);

/* The same for its effect: the result stays known when the lock's entry is replaced. */
FALLIBLE lookup_adopt(struct session *session, const struct stage *stage);
