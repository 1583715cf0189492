/* A directory of its own for a trial or a reproduction: the files of a snapshot with overrides
 * applied, the project's ignored entries (`.venv`) linked in, a `.mlops` that is its root marker
 * and shares the project's history and cache, and, where the kernel allows it, a mount namespace in
 * which it stands at the project's own path. docs/sweeps.md, "Isolation". */
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

/* What `wanted` comes to here, AUTO being first what the setting says, then what the kernel allows;
 * *ret is never AUTO. *ret_why: why there are no namespaces although they were looked for, else
 * empty. NAMESPACE where there are none is an ERROR_MACHINE. */
FALLIBLE isolation_choose(struct session *session, struct arena *arena, enum isolation wanted,
                          enum isolation *ret, struct str *ret_why);

struct work_dir_options {
    struct session *session; /* of the project, outside of any work directory; it needs no pipeline
                              */
    struct digest snapshot;
    const struct override_vec *overrides; /* resolved; NULL: none */
    struct str name; /* of the directory below work_dir: unique, "8QK2M1VD-12" */
    enum isolation isolation;
    bool allows_shared;   /* --allow-shared: variables may go on naming the project */
    bool without_results; /* a reproduction: the lock files of the snapshot are left out */
    bool keeps;           /* --keep-work: no sweep takes it away */
};

struct work_dir {
    struct str name;
    struct str path;          /* absolute, as seen from outside */
    struct str project;       /* absolute root of the project */
    enum isolation isolation; /* never AUTO */
    struct mount *mounts;
    size_t mount_count;
    struct str_vec variables; /* directory level: "NAME=VALUE" for what named the project */
    struct fd held;           /* locked as long as this process lives: nobody takes it away */
};

/* Makes it; one of the same name that a killed process left is removed first. Durable only as far
 * as it needs to be: it is thrown away. Refused inside of a work directory. */
FALLIBLE work_dir_make(struct arena *arena, const struct work_dir_options *options,
                       struct work_dir *ret);

/* An error inside of a work directory: nothing starts from there. */
FALLIBLE work_dir_refuse_inside(const struct workspace *workspace);

/* Where the one of this name is, or would be: for who removes it. */
FALLIBLE work_dir_find(struct arena *arena, struct session *session, struct str name,
                       struct work_dir *ret);

/* Lets go of it; the directory stays. */
void work_dir_drop(struct work_dir *work_dir);

/* Directory level: an absolute path of the project in a command, plain env, a file of parameters, a
 * .pth or editable install of the interpreter in use, or a link of the snapshot is an ERROR_PROJECT
 * that names it and --allow-shared. (In the environment it is made the trial's.) */
FALLIBLE work_dir_check(struct session *session, struct digest snapshot);

/* This process, before it has threads or databases open, goes in: afterwards `root` is where the
 * project is (its own path, or the directory), the current directory is there, and the environment
 * says so. */
FALLIBLE work_dir_enter(struct arena *arena, const struct work_dir *work_dir, struct str *ret_root);

/* Removes it, from outside, when the process that made it has ended: what that left running is
 * ended first. What failed stages left moves to the project's .mlops/failed. One that is not there
 * is fine; one that somebody works in is an ERROR_MACHINE. */
FALLIBLE work_dir_remove(struct session *session, const struct work_dir *work_dir);

/* Removes what dead processes left below work_dir, but for what was to be kept; gc calls it, and
 * every driver when it begins and ends. What can't be removed is told and stays. */
FALLIBLE work_dir_sweep(struct session *session, int64_t *ret_count);
