/* A difference as text, Markdown, CSV or JSON. */
#pragma once

#include "mlops/cli/report.h"
#include "mlops/model/diff.h"

/* In the context's format. */
void report_diff(struct context *context, const struct run_diff *diff);
