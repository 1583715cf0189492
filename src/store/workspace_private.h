/* Shared by the files of module workspace. */
#pragma once

#include "mlops/store/workspace.h"

/* Opens what there is of .mlops and its cache and loads the settings. */
FALLIBLE workspace_load(struct arena *arena, struct workspace *workspace);

/* "" if the text of cache/format is one we understand. */
FALLIBLE workspace_check_format(int cache_fd, struct str cache, bool *ret_found);
