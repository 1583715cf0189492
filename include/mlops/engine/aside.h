/* Earlier outputs are set aside before a command runs and put back if it fails. An attempt is a
 * folder .mlops/aside/ATTEMPT with a journal that is locked as long as any process of the attempt
 * lives. Layout: docs/formats.md, "Set-aside outputs". */
#pragma once

#include "mlops/engine/session.h"
#include "mlops/host/lock.h"

#include <sys/types.h>

struct attempt {
    struct str id;     /* ULID */
    struct str run;    /* of the run it belongs to */
    struct str folder; /* "aside/ATTEMPT", relative to .mlops */
    struct str marker; /* "MLOPS_ATTEMPT=<id>" */
    struct fd journal; /* locked; stages inherit it */
    struct claims claims;
    struct claims key_claim; /* of the key, in the cache */
    struct fd *gpus;         /* leased devices */
    size_t gpu_count;
};

/* Takes the locks of a stage: claims on its paths and, if it is to run, on its key, which only one
 * process in all projects of the cache computes at a time; to restore what is known (`key` NULL)
 * nobody waits for others. Never waits; *ret_taken false: somebody has one of them. */
FALLIBLE attempt_begin(struct session *session, const struct stage *stage, const struct digest *key,
                       struct str run_id, struct attempt *ret, bool *ret_taken);

/* Whether nobody works on the stage's paths right now. */
FALLIBLE attempt_is_free(struct session *session, const struct stage *stage, bool *ret);

/* Moves the stage's existing outputs (`before`, parallel to its outs) into the attempt's folder
 * (persisting ones are copied), makes the parents of its outputs and its work directory. */
FALLIBLE attempt_set_aside(struct session *session, const struct stage *stage,
                           const struct artifact *before, struct attempt *attempt);

/* Notes who runs it, so that the next mlops can end it if we are killed. */
FALLIBLE attempt_note_process(struct session *session, const struct attempt *attempt, pid_t group,
                              int64_t started_ticks);

/* Failure: what the command made goes to `failed` (relative to .mlops), what was there comes back.
 */
FALLIBLE attempt_undo(struct session *session, struct attempt *attempt, struct str failed);

/* The outputs are made: stages that read them need not wait until they are recorded. */
FALLIBLE attempt_share(const struct stage *stage, const struct attempt *attempt);

/* Success, after it was recorded: forgets the earlier outputs, but moves those that neither the
 * store holds nor a run made (hand edits) to displaced/RUN; *ret_displaced counts them. */
FALLIBLE attempt_complete(struct session *session, struct attempt *attempt, int *ret_displaced);

/* Gives the locks back; an unfinished attempt stays for recovery. */
void attempt_drop(struct attempt *attempt);

/* Undoes or completes what attempts of dead runs left, ending their processes first. Attempts of
 * living runs are left alone. */
FALLIBLE aside_recover(struct session *session);
