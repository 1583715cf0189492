/* A profile as one page of HTML: a table of all columns, and for each its figures with a histogram
 * or bars of its frequent values as SVG. Self-contained, without a script, light or dark as the
 * reader's system is. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/data/profile.h"

/* `name`: of the file. */
void profile_page_write(struct buf *out, struct str name, const struct profile *profile);
