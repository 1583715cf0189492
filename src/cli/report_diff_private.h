/* Shared by the files of module report_diff. */
#pragma once

#include "mlops/cli/report_diff.h"

/* {schema_version, before, after, is_empty, metrics, params, data, code, stages} */
void report_diff_json(struct context *context, const struct run_diff *diff);
