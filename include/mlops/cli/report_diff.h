/* A difference as text, Markdown, CSV or JSON. */
#pragma once

#include "mlops/cli/report.h"
#include "mlops/model/diff.h"

/* In the context's format. */
void report_diff(struct context *context, const struct run_diff *diff);

/* Its sections, in the order they are told; those without rows are not. */
enum { DIFF_SECTION_COUNT = 7 };

struct diff_section {
    const char *name;  /* "metrics", "params", "data", "code", "environment", "pipeline", "usage" */
    const char *title; /* "Time and memory" */
    struct table table;
};

void report_diff_sections(struct arena *arena, const struct run_diff *diff,
                          struct diff_section ret[static DIFF_SECTION_COUNT]);

/* Good, bad or neither. */
enum tone report_diff_tone(enum diff_verdict verdict);

/* Commits and how many other files changed, a line each. */
void report_diff_history(struct buf *out, const struct run_diff *diff);

/* Metrics that the section leaves out, and why metrics are not tested, a line each. */
void report_diff_notes(struct buf *out, const struct run_diff *diff);
