/* Lines on a terminal that are drawn again and again, below what scrolls: appended to a buffer that
 * goes out in one write. */
#pragma once

#include "mlops/base/buf.h"

/* Goes to the first of the *lines that were drawn and clears from there, before what `out` holds
 * already; then there are none. */
void block_erase(struct buf *out, int *lines);

/* One more, escaped and cut to the terminal's width (stderr). */
void block_add(struct buf *out, int *lines, struct str line);
