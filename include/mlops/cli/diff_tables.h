/* What changed inside tables, by the profiles that stages which check data have stored. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/diff.h"

/* Fills in `table` of each file that differs and was measured as it is on both sides: nothing is
 * read but measurements. Drift is by psi, whose reference is `before`. */
FALLIBLE diff_tables_fill(struct context *context, const struct run_view *before,
                          const struct run_view *after, struct run_diff *diff);
