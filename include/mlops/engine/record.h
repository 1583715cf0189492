/* Outcomes -> objects, one transaction, lock file: in groups, so that exit 0 (and every flush)
 * means durable. Order: objects, results, transaction (the commit point), lock file, then the
 * earlier outputs are forgotten and the stages' locks given back. */
#pragma once

#include "mlops/engine/aside.h"
#include "mlops/model/run.h"

struct recorder;

FALLIBLE recorder_open(struct session *session, struct run *run, struct recorder **ret);

/* From now on results are only named, not stored: no later run takes them. */
void recorder_keep_private(struct recorder *recorder);
void recorder_drop(struct recorder **recorder);

/* Takes over the attempt (NULL or empty: none); the outcome must live until it is flushed, but for
 * its log_text, which is copied and then dropped. */
FALLIBLE recorder_add(struct recorder *recorder, struct outcome *outcome, struct attempt *attempt);

/* A result that was not made by this run, for the ledger's knowledge only. */
void recorder_adopt(struct recorder *recorder, struct outcome *outcome);

/* Whether it is time: 64 outcomes, a second, a stage that took longer than a second. */
bool recorder_is_due(const struct recorder *recorder, int64_t now_ns);

/* Next moment at which it becomes due (monotonic), or -1. */
int64_t recorder_deadline(const struct recorder *recorder);
FALLIBLE recorder_flush(struct recorder *recorder);

/* When recording is impossible: puts back what was there before the outcomes that are not recorded.
 * What they made goes to failed/. */
void recorder_undo(struct recorder *recorder);

/* The last group together with the end of the run. `complete`, of each of the pipeline's files:
 * every stage of it succeeded, so stale entries of its lock may go. */
FALLIBLE recorder_finish(struct recorder *recorder, const struct state *state,
                         const bool *complete);

/* The end of the run is recorded, even if recorder_finish could not do all that follows from it. */
bool recorder_is_finished(const struct recorder *recorder);

/* Hand-edited files that were moved to displaced/. */
int recorder_displaced(const struct recorder *recorder);
