/* Whether differences of metrics are more than chance: tests on the predictions of both sides. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/engine/baseline.h"
#include "mlops/model/diff.h"

/* A session for reading what two sides hold, without a pipeline. */
FALLIBLE diff_session_open(struct context *context, struct session *ret);

/* A stage of a view as the engine reads evaluations. */
struct evaluated diff_evaluated(const struct run_view *view, const struct run_view_stage *stage);

/* The stage of that name, or NULL. */
const struct run_view_stage *diff_stage_named(const struct run_view *view, struct str name);

/* Fills in the tests of metrics that differ, of stages that both sides measured by a built-in
 * evaluation: rows aligned by id; Holm's correction over the main metrics, and over all of them for
 * the others. Where predictions are no longer at hand or do not fit, diff->notes says so. */
FALLIBLE diff_predictions_fill(struct context *context, const struct run_view *before,
                               const struct run_view *after, struct run_diff *diff);
