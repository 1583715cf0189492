/* Stage results: cache/res/PROJECT/ab/KEY/RESULT, one canonical file each, content-addressed by
 * name
 * ("<sequence, 8 hex>-<64 hex>"). Looked up only under the project's own id (and results_from). */
#pragma once

#include "mlops/model/outcome.h"
#include "mlops/store/workspace.h"

struct result_ref {
    struct digest id;
    struct result value;
};

/* All good results of a key, newest first. Damaged files are moved aside and skipped. */
FALLIBLE results_find(struct arena *arena, const struct workspace *workspace, struct digest key,
                      struct result_ref **ret, size_t *ret_count);

/* One by key and id, wherever it is; *ret_found false if absent or damaged. */
FALLIBLE results_load(struct arena *arena, const struct workspace *workspace, struct digest key,
                      struct digest id, struct result *ret, bool *ret_found);

/* Writes (not yet synced: results_flush). A result of equal content exists once. */
FALLIBLE results_put(struct arena *scratch, const struct workspace *workspace,
                     const struct result *result, struct digest *ret_id);

/* Makes all that was put since the last flush durable. Call after cas_flush. */
FALLIBLE results_flush(const struct workspace *workspace);

/* Every result of every project in the cache (gc, verify). */
FALLIBLE results_each(const struct workspace *workspace,
                      FALLIBLE (*visit)(void *context, struct str project, struct digest key,
                                        struct digest id, struct str bytes, const char *path),
                      void *context);
FALLIBLE results_remove(const struct workspace *workspace, struct str project, struct digest key,
                        struct digest id);
