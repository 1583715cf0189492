/* What built-in validate stages found, for run and show. */
#pragma once

#include "mlops/cli/report.h"
#include "mlops/model/outcome.h"

/* A headline and a table: failures, warnings, what could not be judged, what passed. */
void checks_print(struct context *context, const struct check_results *results);

/* The same as JUnit XML or SARIF, by the context's format: one suite for all stages. */
FALLIBLE checks_findings(struct context *context, struct str suite, int64_t duration_ns,
                         const struct check_results *const *results, size_t count);
