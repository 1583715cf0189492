/* A pipeline with all the files it names. A native pipeline is one file; in DVC's dialect all
 * dvc.yaml and .dvc files of the project are one graph, so they are looked for: below the nearest
 * directory with a `.dvc` (else the project's root), not in .git, .hg, .dvc, .mlops, links, nested
 * projects (a directory with a .git, .dvc or .mlops of its own), what .dvcignore and git's ignore
 * files name, and directories that a .dvc file tracks. */
#pragma once

#include "mlops/host/vcs.h"
#include "mlops/model/pipeline.h"
#include "mlops/store/workspace.h"

/* `path` is the file that is named, relative to the project; it is always part of the result, and
 * files[0]. Messages name files as seen from the absolute directory `cwd`. A mistake in another
 * dvc.yaml of the project is an error too, since it is part of the graph. Without the file:
 * ERROR_PROJECT. */
FALLIBLE pipelines_load(struct arena *arena, const struct workspace *workspace, struct str path,
                        struct str cwd, struct pipeline **ret);

/* What a project without any pipeline tracks: an empty pipeline, as of a dvc.yaml in `directory`
 * (relative to the project), with the .dvc files. */
FALLIBLE pipelines_load_data(struct arena *arena, const struct workspace *workspace,
                             struct str directory, struct str cwd, struct pipeline **ret);

/* The same without the project's other dvc.yaml, whose mistakes then do not count. */
FALLIBLE pipelines_load_alone(struct arena *arena, const struct workspace *workspace,
                              struct str path, struct str cwd, struct pipeline **ret);

/* As pipelines_load_alone, with all files as a commit has them; DVC's settings are those of now. */
struct pipelines_commit {
    struct vcs *vcs;
    struct str id;    /* 40 hex digits */
    struct str inner; /* where the project lies in the repository, "" = top */
};
FALLIBLE pipelines_load_committed(struct arena *arena, const struct workspace *workspace,
                                  const struct pipelines_commit *commit, struct str path,
                                  struct pipeline **ret);

/* The first dvc.yaml, by path, of the project that the workspace's `cwd` is in: for who names none.
 * `*ret` is absolute. */
FALLIBLE pipelines_first(struct arena *arena, const struct workspace *workspace, struct str *ret,
                         bool *ret_found);
