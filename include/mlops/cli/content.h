/* What a file of the project held in a run, at a revision or holds now: from the work tree, the
 * store (by what stages and pointers recorded), or git. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/run.h"

/* *ret_found false: not there, or its content is kept nowhere within reach. */
FALLIBLE content_read(struct context *context, const struct run_view *view, struct str path,
                      int64_t bytes_most, struct str *ret, bool *ret_found);

/* Files at or below a path, sorted, relative to the project, at most LIMIT_PLOTS; of a file itself
 * that one. */
FALLIBLE content_list(struct context *context, const struct run_view *view, struct str path,
                      struct str_vec *ret);

/* Like view_find; a revision without a lock file is one of which only git knows the files. */
FALLIBLE content_view(struct context *context, struct str word, struct str pipeline,
                      struct run_view *ret);
