/* What a run came to, as its answer: a line for people, JSON, or findings for CI. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/cli/metric_note.h"

struct override_change_vec;

/* `note` remembers the metrics from before the run (unless the answer is JSON); `changes`: what was
 * written into parameter files before it, or NULL. */
FALLIBLE run_summary(struct context *context, const struct session *session,
                     const struct run_report *report, const struct override_change_vec *changes,
                     struct metric_note *note);
