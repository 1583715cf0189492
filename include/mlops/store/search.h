/* Looking for files of a project by their names: pipelines, `.dvc` files, pointers. Directories are
 * listed once and nothing in them is stat'ed but what is wanted; data cost nothing, since what is
 * ignored (.dvcignore, .mlopsignore, .gitignore), nested projects and directories that a pointer
 * tracks are not entered. */
#pragma once

#include "mlops/store/workspace.h"

struct search_visitor {
    bool (*wants)(struct str name);

    /* A wanted regular file (or a link to one), its path relative to the project. Those of a
     * directory come before any directory in it is entered. */
    FALLIBLE (*visit)(void *context, struct str path);

    /* Whether a directory is not to be entered; may be NULL. */
    bool (*skips)(void *context, struct str path);
    void *context;
};

/* Below `root` (relative to the project, "" = all of it). Paths live in the arena. */
FALLIBLE search_files(struct arena *arena, const struct workspace *workspace, struct str root,
                      const struct search_visitor *visitor);
