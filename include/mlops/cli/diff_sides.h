/* More than two sides: metrics and parameters, a column for each. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/run.h"

/* In the context's format; what is the same on all sides only if `all`. True: something differs. */
bool diff_sides_report(struct context *context, const struct run_view *views, size_t count,
                       bool all);
