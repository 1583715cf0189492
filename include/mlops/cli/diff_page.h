/* A difference as one HTML page, with the curves of both sides over each other. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/diff.h"

/* `pipeline` as typed: whose plots are drawn. */
FALLIBLE diff_page_print(struct context *context, const struct run_view *before,
                         const struct run_view *after, const struct run_diff *diff,
                         struct str pipeline, struct buf *out);
