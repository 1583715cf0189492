/* Clocks and random bytes. The realtime clock is only for display; order and durations never use
 * it. */
#pragma once

#include "mlops/base/moment.h"

int64_t clock_real_ns(void);
int64_t clock_monotonic_ns(void);

/* The time that a file written now gets on a local file system; for nothing but looks at files. */
int64_t clock_stamp_ns(void);
void random_bytes(void *at, size_t len);

/* A new ULID (model/name.h) from the realtime clock and random bytes. */
struct str clock_ulid(struct arena *arena);
