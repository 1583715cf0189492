/* What the newest run made of what the workspace holds: failures, verdicts of checks and gates. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/diff.h"

/* Whether a run, with its stages, ran with all that `workspace` has and that no result was made
 * from. */
bool diff_was_tried(const struct run *run, const struct run_view *workspace);

/* The newest run, if it ran with all that `workspace` has and that no result was made from: *ret
 * NULL otherwise. *ret_text: "run 7Q4XM2VD with that: train failed (exited with status 1)". */
FALLIBLE diff_find_tried(struct context *context, const struct run_view *workspace,
                         const struct run **ret, struct str *ret_text);

/* Fills in `tried` and `judgements`. */
FALLIBLE diff_tried_fill(struct context *context, const struct run_view *before,
                         const struct run_view *after, struct run_diff *diff);
