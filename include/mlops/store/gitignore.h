/* Paths that git is to leave alone: a line "/NAME" in the .gitignore beside each. */
#pragma once

#include "mlops/store/workspace.h"

/* Adds the lines that are not there yet. Paths are relative to the project and lie in one
 * directory; the file is written once. */
FALLIBLE gitignore_add(const struct workspace *workspace, const struct str *paths, size_t count,
                       bool is_durable);

/* Takes a path's line away, and the file with its last line. */
FALLIBLE gitignore_remove(const struct workspace *workspace, struct str path);
