/* What a run came to, as its answer: a line for people, JSON, or findings for CI. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/cli/metric_note.h"

/* `note` remembers the metrics from before the run (unless the answer is JSON). */
FALLIBLE run_summary(struct context *context, const struct session *session,
                     const struct run_report *report, struct metric_note *note);
