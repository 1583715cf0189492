/* What the actions of `data` share, and the parts of 'data profile'. */
#pragma once

#include "mlops/cli/report.h"
#include "mlops/cli/tabular.h"

/* Writes context->out to --output instead of stdout, if that was given. */
FALLIBLE tabular_publish(struct context *context, const struct tabular_options *options);

/* For people: six significant digits, dates as dates. */
struct str tabular_number(struct arena *arena, enum field_type type, double number);

/* "12.3 %", "<0.1 %", "0". */
struct str tabular_share(struct arena *arena, uint64_t part, uint64_t all);

/* One row a column. */
struct table tabular_profile_table(struct arena *arena, const struct profile *profile);

/* What deserves to be said in words: columns that go together, constant ones, mixed types. */
void tabular_profile_notes(struct arena *arena, const struct profile *profile, struct str_vec *ret);
