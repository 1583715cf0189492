/* What the actions of `data` share, and the parts of 'data profile'. */
#pragma once

#include "mlops/cli/report.h"
#include "mlops/cli/tabular.h"

/* Measures a file as the options say; of Parquet what the footer tells. `schema` may be NULL. */
/* Records of more or fewer cells than the header has are told on stderr: no figure shows them. */
void tabular_warn_form(struct context *context, struct str path,
                       const struct conformity *conformity);

FALLIBLE tabular_measure_file(struct context *context, const struct tabular_options *options,
                              struct str path, const struct table_schema *schema,
                              struct measured *ret);

/* Says on stderr by which dialect a file looks as if it were written, if not as its name says. */
void tabular_suggest_dialect(struct context *context, struct str path);

/* A mapping or list as YAML in block style. */
struct doc_node;
void tabular_yaml(struct buf *out, const struct doc_node *node);

/* For people: six significant digits, dates as dates. */
struct str tabular_number(struct arena *arena, enum field_type type, double number);

/* "12.3 %", "<0.1 %", "0". */
struct str tabular_share(struct arena *arena, uint64_t part, uint64_t all);

/* One row a column; `is_narrow`: bounds and shape in one. */
struct table tabular_profile_table(struct arena *arena, const struct profile *profile,
                                   bool is_narrow);

/* A profile as one page of HTML: a table of all columns, and for each its figures with a histogram
 * or bars of its frequent values as SVG. Self-contained, without a script, light or dark as the
 * reader's system is. `name`: of the file. */
void tabular_page(struct buf *out, struct str name, const struct profile *profile);

/* What deserves to be said in words: columns that go together, constant ones, mixed types. */
void tabular_profile_notes(struct arena *arena, const struct profile *profile, struct str_vec *ret);
