/* The charts of a profile's page. */
#pragma once

#include "tabular_private.h"

enum { PAGE_BARS = 12 }; /* frequent values that are drawn */

/* Text as HTML, control characters shown as escapes. */
void profile_text(struct buf *out, struct str text);

void profile_histogram(struct buf *out, struct arena *arena, const struct column_profile *column);
void profile_bars(struct buf *out, struct arena *arena, const struct column_profile *column);
