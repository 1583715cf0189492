/* Shared by the files of module pipelines. */
#pragma once

#include "mlops/host/vcs.h"
#include "mlops/model/dvc.h"
#include "mlops/store/pipelines.h"

struct loader {
    struct arena *arena;
    const struct workspace *workspace;
    struct str cwd; /* of the caller, absolute */
    enum doc_dialect dialect;
    struct map docs;   /* path -> struct loaded * */
    struct vcs *vcs;   /* files of a commit; NULL: of the work tree */
    struct str commit; /* 40 hex digits */
    struct str inner;  /* where the project lies in the repository, "" = top */
};

/* The document at a project path: a pipeline or .dvc file, or one of values by its suffix; *ret
 * NULL if nothing is there. Each is read once. */
FALLIBLE loader_read(struct loader *loader, struct str path, bool is_pipeline,
                     const struct doc **ret);

/* What was found in a project, by path. */
struct discovery {
    struct str_vec pipelines;
    struct dvc_pointer_vec pointers;
};

/* pipelines_walk.c: below `root` (relative to the project). */
FALLIBLE pipelines_discover(struct loader *loader, struct str root, struct discovery *ret);
