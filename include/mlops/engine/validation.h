/* Built-in validate stages: what they measured is judged anew in every run, hit or miss; the answer
 * goes into the outcome, the ledger and the report. Measuring is the stage's command (engine/job):
 * `mlops data measure`, a process of its own. */
#pragma once

#include "mlops/engine/data.h"
#include "mlops/model/checks.h"

/* Schemas and dialects that no stage of the pipeline makes are read and checked before anything
 * runs. */
FALLIBLE validation_check(struct session *session, const struct stage *stage);

/* Judges what the outcome's result measured; fills in outcome->checks and says whether the data are
 * rejected. *ret_judged false: the measurements are not here (a plan whose outputs would come from
 * elsewhere). `sequence` of the run that goes on, 0: none. A reference that is named and can't be
 * loaded is ERROR_MACHINE. Writes the stage's report (JSON, and Markdown and HTML beside it), if it
 * has one and it differs from what is there; not of a session that is read only. */
FALLIBLE validation_judge(struct session *session, int64_t sequence, struct outcome *outcome,
                          bool *ret_judged);

/* Whether a stage that is not part of the run passes by what it measured before. What is not here
 * passes nothing. Neither records nor reports. */
FALLIBLE validation_passes(struct session *session, int64_t sequence, const struct stage *stage,
                           struct result *value, bool *ret);

/* What failed, in one line: "2 of 9 checks failed: ...". */
struct str validation_blocker(struct arena *arena, const struct check_results *results);
