/* Shared by the files of module dvcfiles. */
#pragma once

#include "mlops/store/dvcfiles.h"
#include "mlops/store/imported.h"
#include "mlops/store/pipelines.h"
#include "mlops/store/sums.h"

struct dvcfinding {
    struct arena *arena;
    const struct pipelines_commit *commit; /* NULL: the work tree */
    struct map seen;                       /* of commits: path and digest of files that were read */
    const struct workspace *workspace;
    const struct observer *observer;
    const struct sums *sums;
    struct imported imported;
    struct map paths; /* what is tracked already -> itself */
    struct dvc_tracked_vec found;
};

/* A file of the work tree or of the commit. */
FALLIBLE dvcfiles_read(const struct dvcfinding *finding, struct str path, struct str *ret,
                       bool *ret_found);

/* As messages call it. */
struct str dvcfiles_show(const struct dvcfinding *finding, struct str path);

/* Warns of a file that is left out, unless the error is none of its. */
FALLIBLE dvcfiles_leave_out(struct dvcfinding *finding, struct str file, struct error *error);

/* dvc.lock and X.dvc. */
bool dvcfiles_is_name(struct str name);

/* What such a file tracks. */
FALLIBLE dvcfiles_add(struct dvcfinding *finding, struct str path);

/* By path, then by MD5. */
void dvcfiles_sort(struct dvc_tracked_vec *tracked);
