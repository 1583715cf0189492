/* A stage and the work tree -> its recipe and key. */
#pragma once

#include "mlops/engine/session.h"

/* What a dry or minimal run knows better than the work tree: outputs that are not restored (yet),
 * or that would be made anew (unknown). */
struct forecast {
    const struct plan *plan;
    struct map known;   /* path -> struct artifact *, or NULL: look at the work tree */
    struct map unknown; /* path of an output -> struct stage * that would run */
    struct map above;   /* every directory above an output of these -> the first struct stage * */
    struct map data;    /* those of `known` that pointers track and that would be restored */
    bool takes_missing; /* an input that is not there is a difference, no error (status, why) */
};

/* Fills in `above` for an output that was put into `known` or `unknown`. */
void forecast_note(struct arena *arena, struct forecast *forecast, struct str path,
                   const struct stage *maker);

struct fingerprint {
    struct recipe *recipe;
    struct digest key;
    struct artifact *deps;         /* parallel to recipe->deps: as they were seen */
    const struct stage *waits_for; /* an input is not known until this stage has run, or its outputs
                                      are restored: then there is no recipe and no key */
};

/* `forecast` NULL: the work tree decides. A dependency that is not there is an error at its place
 * in the pipeline file (ERROR_PROJECT). Memory of the result is the session's. */
FALLIBLE fingerprint_stage(struct session *session, const struct stage *stage,
                           const struct forecast *forecast, struct fingerprint *ret);

/* Stats and hashes, in parallel, all that the selected stages read and make. */
FALLIBLE fingerprint_prefetch(struct session *session);

/* Every input of a selected stage that no selected stage makes must be there; all that are not are
 * told at once. Also parameters, URLs and devices. Nothing runs before this has passed. An
 * input that a stage outside this run made and the store holds is restored first; in a dry run it
 * is only foreseen. `is_lazy`: what pointers track is foreseen in any case. */
FALLIBLE fingerprint_check_inputs(struct session *session, struct forecast *forecast, bool is_dry,
                                  bool is_lazy);

/* Inputs of a recipe that are no longer what the fingerprint saw, by name; empty: all are. */
FALLIBLE fingerprint_recheck(struct session *session, const struct stage *stage,
                             const struct fingerprint *seen, struct str_vec *ret_changed);
