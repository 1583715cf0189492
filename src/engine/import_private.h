/* Shared by the files of module import. Flow: import.c sequences; import_lock.c reads what DVC
 * says; import_objects.c brings objects in; import_entry.c turns a recorded entry into an artifact
 * of ours; import_stage.c makes results of stages. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/engine/import.h"
#include "mlops/model/dvc.h"
#include "mlops/store/dvc_cache.h"
#include "mlops/store/imported.h"
#include "mlops/store/results.h"
#include "mlops/store/sums.h"

/* A stage of a dvc.lock that the pipeline has, too. */
struct import_stage {
    const struct stage *stage;
    const struct dvc_lock_stage *recorded;
    /* Every recorded file is what the work tree holds, or may come and DVC's cache has it. */
    bool is_matching;
};
VEC(import_stage_vec, struct import_stage);

/* An object that is wanted from DVC's cache. */
struct want {
    struct dvc_object object;
    struct str name; /* a path it belongs to, for messages */
    int64_t bytes;
    bool is_found;
    struct dvc_taken taken;
};
VEC(want_vec, struct want);

struct manifest {
    struct dvc_file_vec files;
    enum dvc_health health;
};

struct importing {
    struct session *session;
    struct arena *arena;
    bool is_dry;
    bool only_matching; /* what `run` does */
    bool is_passing;    /* what is found is noted in the session only */
    bool is_lacking;    /* a recorded file was nowhere: it may come with a 'dvc pull' */
    struct import_report *report;
    struct dvc_cache cache;
    struct sums *sums;
    struct imported imported;
    struct import_stage_vec stages;
    struct map manifests; /* hex of the MD5 -> struct manifest * */
    struct map wanted;    /* kind and hex -> itself: each object once */
    struct want_vec wants;
};

void import_fault(struct importing *importing, enum import_trouble kind, struct str name,
                  struct str why);

/* import_lock.c: reads the dvc.lock beside each file of the pipeline. */
FALLIBLE import_read_locks(struct importing *importing);

/* Directory of DVC's cache by DVC's settings, absolute; empty: there is no .dvc. */
FALLIBLE import_cache_path(struct session *session, struct str *ret);

/* import_objects.c */
FALLIBLE import_want(struct importing *importing, const struct dvc_entry *entry);
FALLIBLE import_take_wanted(struct importing *importing);
/* Whether DVC's cache has all of it; its bytes are not looked at. */
FALLIBLE import_is_cached(struct importing *importing, const struct dvc_entry *entry, bool *ret);
FALLIBLE import_manifest(struct importing *importing, const struct dvc_entry *entry,
                         const struct manifest **ret);

/* import_entry.c: what the entry says, as an artifact of ours; *ret_why says why not, else it is
 * empty. `is_here`: the work tree holds just that. */
struct translated {
    struct artifact artifact;
    bool is_here;
    bool is_absent; /* nothing lies at its path */
    bool may_come;  /* it is not here, and nothing of the user's is in its way */
    struct str why;
};
FALLIBLE import_translate(struct importing *importing, const struct dvc_entry *entry,
                          enum look_role role, struct translated *ret);

/* import_stage.c */
FALLIBLE import_match(struct importing *importing, struct import_stage *stage);
FALLIBLE import_stage(struct importing *importing, const struct import_stage *stage);

/* import_check.c: what would have to come for a stage to be up to date. */
FALLIBLE import_lacks_of(struct importing *importing, const struct import_stage *stage,
                         struct vcs_path_vec *ret);

/* import_export.c */
FALLIBLE import_export_files(struct importing *importing);
const struct output *import_output(const struct stage *stage, struct str path);
