/* The projects that share a cache, so that gc in one of them keeps what the others need. One small
 * file each in cache/repos/ (docs/formats.md, "Projects of a cache"); a project whose cache is its
 * own .mlops/cache needs none. */
#pragma once

#include "mlops/store/workspace.h"

struct project_ref {
    struct str name; /* of its file in repos/ */
    struct str id;   /* of the project */
    struct str root; /* absolute path when it last used the cache */
};

/* Says in the cache that this project uses it. One read if it is known already. */
FALLIBLE projects_register(const struct workspace *workspace);

/* All that are known but this one. */
FALLIBLE projects_list(struct arena *arena, const struct workspace *workspace,
                       struct project_ref **ret, size_t *ret_count);
