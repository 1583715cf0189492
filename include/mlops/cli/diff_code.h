/* What git knows of a difference: commits between the sides, changed files, the text. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/diff.h"

/* Commits listed of each side; all are counted. */
enum { DIFF_COMMITS_LISTED = 10 };

/* Fills in `files`, commits and, if it is wanted, `patch` of diff->code. What git can't say (a
 * commit that is gone, a shallow clone) is told as a notice and left out. After diff_files_fill. */
FALLIBLE diff_code_fill(struct context *context, const struct run_view *before,
                        const struct run_view *after, bool wants_patch, struct run_diff *diff);
