/* What differs inside the directories of a difference, file by file. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/diff.h"

/* Files listed of one directory; all are counted. */
enum { DIFF_FILES_LISTED = 20 };

/* Fills in `files` of each directory that differs and is known on both sides: from the store, or,
 * of a side that is the workspace, from the work tree. An input in which only program texts differ
 * becomes code. */
FALLIBLE diff_files_fill(struct context *context, bool before_is_now, bool after_is_now,
                         struct run_diff *diff);
