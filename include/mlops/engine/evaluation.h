/* Evaluate stages: their gates are judged anew in every run, hit or miss, against what the stage
 * measured now and what a baseline measured; the answer goes into the outcome and the ledger.
 * Measuring is the stage's command: `mlops evaluate`, a process of its own. */
#pragma once

#include "mlops/engine/baseline.h"
#include "mlops/model/gate.h"

/* Before anything runs: the gates of a built-in evaluation name metrics that it has. */
FALLIBLE evaluation_check(struct session *session, const struct stage *stage);

/* Judges the gates of the outcome's stage by the metrics of its result; fills in outcome->checks.
 * *ret_judged false: the metrics are not here, or (in a session that is read only) intervals would
 * have to be reckoned. A named baseline that can't be loaded is
 * ERROR_MACHINE. */
FALLIBLE evaluation_judge(struct session *session, int64_t sequence, struct outcome *outcome,
                          bool *ret_judged);

/* What failed, in one line: "1 of 2 gates failed: f1 0.78 is below 0.8". */
struct str evaluation_blocker(struct arena *arena, const struct check_results *results);

/* The name in the metrics file of the metric that a gate of the stage names: of a built-in binary
 * evaluation "f1" is "binary.f1". */
struct str evaluation_metric_key(const struct stage *stage, struct str name);

/* The predictions of a stage at two sides, brought together: what `diff` and gates compare by.
 * *ret_why: in words, why there is no comparison (other tasks, no ids, not in the cache); NULL:
 * there is one. */
FALLIBLE evaluation_pair(struct session *session, const struct evaluated *a,
                         const struct evaluated *b, struct predictions *ret_a,
                         struct predictions *ret_b, const char **ret_why);
