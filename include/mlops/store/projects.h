/* The projects that share a cache, so that gc in one of them keeps what the others need. One small
 * file each in cache/repos/ (docs/formats.md, "Projects of a cache"); a project whose cache is its
 * own .mlops/cache needs none: where it is says so. */
#pragma once

#include "mlops/store/workspace.h"

struct project_ref {
    struct str name; /* of its file in repos/; empty: the cache is its own .mlops/cache */
    struct str id;   /* of the project */
    struct str root; /* absolute path when it last used the cache */
};

/* Says in the cache that this project uses it, durably; cas does so before anything is put. One
 * stat if it is known already. */
FALLIBLE projects_register(const struct workspace *workspace);

/* What a project that is gone for good (by its id) needed of the cache is kept no longer.
 * *ret_count: of its checkouts that were known; 0: no such project. One that is still where it was
 * is refused (ERROR_USAGE). */
FALLIBLE projects_forget(struct arena *arena, const struct workspace *workspace, struct str id,
                         size_t *ret_count);

/* All that are known but this one. */
FALLIBLE projects_list(struct arena *arena, const struct workspace *workspace,
                       struct project_ref **ret, size_t *ret_count);
