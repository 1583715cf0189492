/* What import-url and update tell. */
#pragma once

#include "mlops/cli/data.h"
#include "mlops/engine/urls.h"

/* {"path", "pointer", "url", "status", ...} of each, in a list "data". */
void url_report_json(struct json_writer *json, const struct url_outcome_vec *outcomes);

/* A line each; the unchanged ones only with `all`. */
void url_report_print(struct context *context, const struct url_outcome_vec *outcomes, bool all);

/* The whole answer of an import. */
void url_report_imported(struct context *context, const struct session *session,
                         const struct url_outcome *outcome);
