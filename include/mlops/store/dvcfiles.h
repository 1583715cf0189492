/* What DVC tracks in a project: the outs of its `.dvc` files, and the cached ones that dvc.lock
 * records. DVC names contents by MD5; what is in our store or was seen before is known by SHA-256,
 * too. */
#pragma once

#include "mlops/host/vcs.h"
#include "mlops/model/artifact.h"
#include "mlops/model/dvc.h"
#include "mlops/model/event.h"
#include "mlops/store/dvcconfig.h"
#include "mlops/store/index.h"

struct dvc_tracked {
    const struct dvc_entry *entry;    /* a path inside the project with a hash */
    struct str named_by;              /* "data/raw.dvc", "dvc.lock: train" */
    struct str file;                  /* the `.dvc` file or the dvc.lock */
    struct str pipeline, stage;       /* of an out in dvc.lock: its dvc.yaml and its name there */
    const struct dvc_entry_vec *deps; /* of an out in dvc.lock: what it was made from; else NULL */
    struct str remote;                /* of DVC, that the out itself names; else empty */
    bool is_pushed;                   /* not `push: false` */
    bool is_import;                   /* of another DVC project: its remote has it, not ours */
    bool is_of_commit;                /* not of the work tree */
    /* What it holds. Not known: path, kind, and size and number of files as far as recorded, with
     * an empty digest. */
    bool is_known;
    struct artifact artifact;
};
VEC(dvc_tracked_vec, struct dvc_tracked);

/* All of the work tree, by path; `cache: false` is left out. `observer` (may be NULL) is warned of
 * a dvc.lock whose dvc.yaml can't be read: that one is left out. A broken `.dvc` file or dvc.lock
 * is an error. */
FALLIBLE dvcfiles_load(struct arena *arena, const struct workspace *workspace, struct index *index,
                       const struct observer *observer, struct dvc_tracked_vec *ret);

/* The same of commits (40 hex digits each): what one of them tracks, once for each path and MD5.
 * What can't be read there can't be mended: it is told and left out. Asked for whether or not the
 * work tree still has a `.dvc`. */
FALLIBLE dvcfiles_load_commits(struct arena *arena, const struct workspace *workspace,
                               struct index *index, struct vcs *vcs,
                               const struct vcs_path_vec *commits, const struct observer *observer,
                               struct dvc_tracked_vec *ret);

/* The one of these that tracks a path or a directory above it; NULL: none. */
const struct dvc_tracked *dvcfiles_find(const struct dvc_tracked_vec *tracked, struct str path);

/* DVC's settings for the project; *ret_found false: there is no `.dvc`. `root` as of
 * dvcconfig_root_above. */
FALLIBLE dvcfiles_settings(struct arena *arena, const struct workspace *workspace,
                           struct dvcconfig *ret, struct str *ret_root, bool *ret_found);
