/* A Table Schema out of data: the types that all values fit, what is never null, values of columns
 * with few different ones. Proposed for people to read and mend. */
#pragma once

#include "mlops/data/profile.h"

/* From a profile made without a schema. `required` for columns without nulls; `enum` for text
 * columns whose values are complete, few and repeated; `missingValues` that occur. */
void infer_schema(struct arena *arena, const struct profile *profile, struct table_schema *ret);

/* Fields that the file, measured with `schema`, has cells of another type in: their type or format
 * becomes wider. False if there are none. */
bool infer_widen(struct arena *arena, const struct profile *measured, struct table_schema *schema);

/* The dialect a file seems to have: of delimiters , ; tab | and quotes " ' the pair that gives the
 * same number (at least 2) of cells in most of the first records. A suggestion, never used unasked.
 */
FALLIBLE infer_dialect(struct arena *arena, int at_fd, struct str path, struct dialect *ret);
