/* Shared by the files of module workspace. */
#pragma once

#include "mlops/store/workspace.h"

/* Opens what there is of .mlops and its cache and loads the settings. */
FALLIBLE workspace_load(struct arena *arena, struct workspace *workspace);

/* Where home, project and (of a work directory) cache are; `state_fd`: -1 if there is none. */
FALLIBLE workspace_find_home(struct arena *arena, struct workspace *workspace, int state_fd);

/* The .mlops whose settings are loaded: of a work directory the project's. */
struct str workspace_config_dir(const struct workspace *workspace);

/* "" if the text of cache/format is one we understand. */
FALLIBLE workspace_check_format(int cache_fd, struct str cache, bool *ret_found);
