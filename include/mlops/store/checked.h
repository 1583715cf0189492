/* What a long verification has found to be good so far, so that an interrupted one goes on where it
 * was. One small file; format: docs/formats.md, "Verification". Losing it costs only time. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/codec/digest.h"
#include "mlops/host/path.h"

struct checked {
    struct arena memory;
    struct map known; /* digests as bytes */
    int at_fd;        /* borrowed */
    const char *path;
    struct fd fd; /* empty: nothing is kept (a read-only project) */
};

/* Reads what an interrupted one left below `at_fd` (-1: keeps nothing), unless it is `afresh` or
 * was begun more than a week ago. `path` must outlive it. */
FALLIBLE checked_open(int at_fd, const char *path, bool afresh, struct checked *ret);
void checked_drop(struct checked *checked);
bool checked_has(const struct checked *checked, struct digest digest);

/* Written at once, not synced. */
FALLIBLE checked_add(struct checked *checked, const struct digest *digests, size_t count);

/* All was looked at: the next one begins afresh. */
FALLIBLE checked_finish(struct checked *checked);
