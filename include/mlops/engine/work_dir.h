/* A directory of its own for a trial or a reproduction: the files of a snapshot with overrides
 * applied, the project's ignored top-level entries (`.venv`) linked in, a `.mlops` that is its root
 * marker and shares the project's history and cache, and, where the kernel allows it, a mount
 * namespace in which it stands at the project's own path. docs/sweeps.md, "Isolation". */
#pragma once

#include "mlops/engine/override.h"
#include "mlops/engine/snapshot.h"
#include "mlops/host/namespace.h"

enum isolation {
    ISOLATION_AUTO,
    ISOLATION_NAMESPACE, /* the trial stands at the project's path */
    ISOLATION_DIRECTORY, /* only a directory of its own: an absolute project path is refused */
};
const char *isolation_name(enum isolation isolation);

struct work_dir_options {
    struct session *session; /* of the project, outside of any work directory */
    struct digest snapshot;
    const struct override_vec *overrides; /* resolved */
    struct str name; /* of the directory below work_dir: unique, "8QK2M1VD-12" */
    enum isolation isolation;
    bool allows_shared;   /* --allow-shared */
    bool without_results; /* a reproduction: the lock files of the snapshot are left out */
};

struct work_dir {
    struct str path;          /* absolute, as seen from outside */
    struct str project;       /* absolute root of the project */
    enum isolation isolation; /* never AUTO */
    struct mount *mounts;
    size_t mount_count;
    struct str python_path; /* directory level: what goes in front of PYTHONPATH */
};

/* Makes it; one of the same name that a killed process left is removed first. Durable only as far
 * as it needs to be: it is thrown away. */
FALLIBLE work_dir_make(struct arena *arena, const struct work_dir_options *options,
                       struct work_dir *ret);

/* Directory level: an absolute path of the project in a command, plain env, the environment, a
 * .pth or editable install of the interpreter in use, or a link of the snapshot is an ERROR_PROJECT
 * that names it and --allow-shared. */
FALLIBLE work_dir_check(struct session *session, struct digest snapshot);

/* This process, before it has threads or databases open, goes in: afterwards `root` is where the
 * project is (its own path, or the directory) and the environment says so. */
FALLIBLE work_dir_enter(struct arena *arena, const struct work_dir *work_dir, struct str *ret_root);

/* Removes it, from outside. What failed stages left moves to the project's .mlops/failed first. */
FALLIBLE work_dir_remove(struct session *session, const struct work_dir *work_dir);

/* Removes what dead processes left below work_dir; gc and every driver call it. */
FALLIBLE work_dir_sweep(struct session *session, int64_t *ret_count);
