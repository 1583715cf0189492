/* What checking a table and telling about it share. */
#pragma once

#include "mlops/cli/tabular.h"

struct validating {
    struct context *context;
    const struct tabular_options *options;
    struct str path;
    struct table_schema schema;
    struct conform_resource *resources;
    struct conformity conformity;
    uint64_t record_count;
};

/* In the context's format. */
void validate_report(const struct validating *validating);
void validate_report_json(const struct validating *validating);
void validate_report_ci(const struct validating *validating);

/* "minimum" of a constraint-error, else its type. */
struct str group_kind(const struct violation_group *group);

/* One line: "minimum: 5 cells, expected at least 18". */
struct str group_message(const struct validating *validating, const struct violation_group *group);
