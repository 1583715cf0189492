/* A bounded thread pool for hashing, copying and scanning. Work
 * items own their data; SQLite and git never enter. With zero threads pool_run does the same in the
 * caller (crash tests use that: MLOPS_POOL=0). */
#pragma once

#include "mlops/base/error.h"

struct pool;

/* `threads` < 0: as many as cpus (MLOPS_POOL overrides). Threads start at the first use. */
struct pool *pool_open(int threads);
void pool_drop(struct pool **pool);
int pool_threads(const struct pool *pool);

/* As many as a pool opened with -1 has. */
int pool_default_threads(void);

/* Calls work(context, i) for every i in [0, count), spread over the pool and the caller, handing
 * out items in order (sort the biggest first). Returns when all are done: the first error by index,
 * the others dropped; after an error, or when `stops` (may be NULL) answers true, no new items are
 * begun. */
FALLIBLE pool_run(struct pool *pool, size_t count, FALLIBLE (*work)(void *context, size_t index),
                  void *context, bool (*stops)(void));
