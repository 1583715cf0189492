/* What a stage measured elsewhere: in a run (id, tag, "@~1"), or at a git revision by the lock file
 * of that revision, so also in a fresh clone without a ledger. */
#pragma once

#include "mlops/data/predictions.h"
#include "mlops/engine/session.h"

/* An evaluate stage at one side: workspace, run or revision. */
struct evaluated {
    struct str title;      /* "main (3fa1c2d)", "run 7Q4XM2VD" */
    struct str commit;     /* of a revision: git may have what the cache lacks; else empty */
    struct recipe *recipe; /* of the stage there: its command says how it measures */
    const struct artifact *outs;
    size_t out_count;
    struct metric_vec metrics;
};

enum baseline_found {
    BASELINE_FOUND,
    BASELINE_FIRST, /* the lock or the run has no such stage (`title` names it), or there is no
                     * earlier run (no title) */
};

/* `word` empty: the last run of the pipeline (other than number `sequence`) in which the stage was
 * not rejected; in a ledger without one: BASELINE_FIRST. A word that names a run and a revision, or
 * nothing, or a revision that can't be read: ERROR_MACHINE, with what to do. A branch that is only
 * on "origin", as in checkouts of CI, counts. Metrics that the lock does not hold are read from git
 * or the cache. */
FALLIBLE baseline_find(struct session *session, const struct stage *stage, struct str word,
                       int64_t sequence, struct evaluated *ret, enum baseline_found *ret_found);

/* A file of one side by its path and digest: the work tree's if it is that, else out of the cache
 * or of git. *ret_found false: none of them has it. */
FALLIBLE baseline_read(struct session *session, struct str commit, struct str path,
                       struct digest digest, int64_t bytes_most, struct str *ret, bool *ret_found);
