/* What the files of the module share. */
#pragma once

#include "mlops/data/judge.h"
#include "mlops/engine/validation.h"

/* A measurement out of the store; *ret_found false: it is not there. */
FALLIBLE validation_load(struct session *session, struct str path, struct digest digest,
                         struct measurement *ret, bool *ret_found);

/* The measurement among a stage's outputs, or NULL. */
const struct artifact *validation_artifact(const struct artifact *outs, size_t count,
                                           struct str path);

/* What the stage measured in the last run that it passed. */
FALLIBLE validation_last(struct session *session, const struct stage *stage, int64_t sequence,
                         struct measurement *ret, bool *ret_found);

/* What its checks are compared with, parallel to them. */
FALLIBLE validation_references(struct session *session, const struct stage *stage,
                               const struct measurement *last, const struct judge_reference **ret);

/* Writes the report in its three forms where it differs from what is there. */
FALLIBLE validation_report(struct session *session, const struct stage *stage,
                           const struct measurement *measurement,
                           const struct check_results *results);
