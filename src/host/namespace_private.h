/* Mounts, as host/namespace makes them. */
#pragma once

#include "mlops/host/namespace.h"

/* With all that is mounted below it; a kernel before 5.12 can do it only for the top. */
bool namespace_make_read_only(const char *to);

/* What is mounted below `from` is no part of an overlay of it: it comes to the same place below
 * `to`, read only. */
FALLIBLE namespace_bind_below(struct str from, struct str to);
