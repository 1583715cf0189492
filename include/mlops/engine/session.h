/* One command's view of one pipeline in one project: everything opened once, dropped once. What is
 * not needed is not opened: the ledger and git come on first use. */
#pragma once

#include "mlops/host/pool.h"
#include "mlops/host/vcs.h"
#include "mlops/model/plan.h"
#include "mlops/store/dvcfiles.h"
#include "mlops/store/ledger.h"
#include "mlops/store/lockfile.h"
#include "mlops/store/worktree.h"

struct session_options {
    struct str cwd;      /* absolute directory of the caller */
    struct str pipeline; /* as typed; empty: pipeline.yaml, then dvc.yaml, found upwards */
    const struct str *targets;
    size_t target_count;
    struct plan_choice choice;
    bool wants_dvc;    /* a dvc.yaml, whatever pipeline.yaml there is; none is fine where .dvc files
                          track data */
    bool is_read_only; /* plan, status, why: nothing is made or written */
    int threads;       /* of the pool; < 0: as many as cpus */
    const struct observer *observer;
};

/* A parameter file that was read: parsed once per run. */
struct param_file;

struct environment_memory;

struct session {
    struct arena *arena;
    struct workspace workspace;
    const struct observer *observer;
    struct index *index;
    struct index *objects; /* what is known of the store's objects: `index`, but in a work directory
                              the project's, so that what one trial has verified all know */
    struct pool *pool;
    struct cas *cas; /* NULL: read only and there is no cache yet */
    struct worktree *worktree;
    const struct doc *doc; /* of the file that was named */
    struct pipeline *pipeline;
    struct plan plan;
    struct lockfile *locks; /* of each of pipeline->files */
    struct ledger *ledger;  /* NULL until session_ledger */
    struct vcs *vcs;        /* NULL until session_vcs, or none */
    bool vcs_tried;
    bool is_read_only;
    struct environment_memory *environments; /* what environment_capture knows by now, or NULL */
    struct str boot_id;                      /* empty until an attempt needs it */
    struct map param_files;                  /* path -> struct param_file * */
    struct map outputs; /* of the pipelines around: path -> name of the stage; see data_outputs */
    bool has_outputs;
    struct dvc_tracked_vec tracked; /* by DVC, for checks of paths; see data_check_path */
    bool has_tracked;
};

/* pipeline.yaml, then dvc.yaml, in the absolute directory `cwd` and then upwards. */
FALLIBLE session_find_pipeline(struct arena *arena, struct str cwd, struct str *ret,
                               bool *ret_found);

/* Finds the project and the pipeline, reads and checks it whole, plans the targets, loads the lock.
 * A missing .mlops is made (unless read only) only after the pipeline was found to be right. */
FALLIBLE session_open(struct arena *arena, const struct session_options *options,
                      struct session *ret);

/* The same without a pipeline, for commands about data: `pipeline`, `plan` and `locks` stay empty.
 */
FALLIBLE session_open_data(struct arena *arena, const struct session_options *options,
                           struct session *ret);

/* Saves the stat cache and closes everything. */
void session_drop(struct session *session);

/* Reads the lock file of one of the pipeline's files (again): an absent one gives an empty value
 * with the project's id. */
FALLIBLE session_load_lock(struct session *session, size_t file);

/* The lock file that a stage is recorded in, and its entry there, or NULL. */
struct lockfile *session_lock(struct session *session, const struct stage *stage);
struct lock_entry *session_lock_entry(const struct session *session, const struct stage *stage);

/* Whether a project path is a lock file of the pipeline. */
bool session_is_lock(const struct session *session, struct str path);

/* Digest of all lock files as they are known now: see lockfile_digest_all. */
struct digest session_lock_digest(const struct session *session);

FALLIBLE session_ledger(struct session *session, struct ledger **ret);

/* The repository around the project; *ret NULL: none. */
FALLIBLE session_vcs(struct session *session, struct vcs **ret);

/* A path as seen from the git top: root of the project relative to it + path. */
struct str session_vcs_path(struct session *session, struct arena *arena, struct str path);

/* Parsed parameter file; *ret_root NULL: it does not exist. Errors carry places in it. */
FALLIBLE session_params(struct session *session, struct str path, const struct doc_node **ret_root);

/* The file was written by a stage: read it again when asked. */
void session_forget_params(struct session *session, struct str path);
