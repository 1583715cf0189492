/* Data that `.dvc` files and pointers track, where stages of a run read them: what is missing comes
 * back, what is not as recorded is told. */
#pragma once

#include "mlops/engine/session.h"

/* Of each file that a selected stage reads: if it is missing in the work tree it is taken from the
 * store or from DVC's cache, else the error names the .dvc file; if it is other than the .dvc file
 * says, the observer is warned. `is_dry`: nothing is written, and with `takes_missing` what is
 * missing is no error. What becomes known of files of a dry run by that, path -> struct artifact *,
 * is put into `known` (NULL: not asked). */
FALLIBLE tracked_check(struct session *session, bool is_dry, bool takes_missing, struct map *known);

/* The same of what pointers track, a path inside a directory or a glob included: only what is
 * needed is restored. What of a dry run becomes known is put into both maps. */
struct tracked_options {
    bool is_dry, takes_missing;
    bool is_lazy; /* what a stage names is not restored but put into the maps, as its pointer says,
                     whether the store has it or not; parameter files and pointers below a directory
                     that a stage reads are restored all the same */
    struct map *known, *data; /* of a dry or lazy run */
};
FALLIBLE tracked_check_pointers(struct session *session, const struct tracked_options *options);

/* Puts one of `data` in place after all: a stage executes. ERROR_STORED if the store lacks it. */
FALLIBLE tracked_restore(struct session *session, const struct artifact *input);
