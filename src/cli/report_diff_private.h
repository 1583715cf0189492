/* Shared by the files of module report_diff. */
#pragma once

#include "mlops/cli/report_diff.h"

struct cell report_change_cell(enum diff_change change);

/* Sections as tables; those without rows are not shown. */
struct table report_diff_metrics(struct arena *arena, const struct run_diff *diff);
struct table report_diff_params(struct arena *arena, const struct run_diff *diff);
struct table report_diff_data(struct arena *arena, const struct run_diff *diff);
struct table report_diff_code(struct arena *arena, const struct run_diff *diff);
struct table report_diff_environment(struct arena *arena, const struct run_diff *diff);
struct table report_diff_pipeline(struct arena *arena, const struct run_diff *diff);
struct table report_diff_usage(struct arena *arena, const struct run_diff *diff);

void report_diff_markdown(struct context *context, const struct run_diff *diff);

/* One table of section, change, file, key, before, after, delta. */
void report_diff_csv(struct context *context, const struct run_diff *diff);

void report_diff_json(struct context *context, const struct run_diff *diff);
