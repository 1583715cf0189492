/* A project on the disk: its root, its .mlops/ and its cache, as open directories. The root is the
 * nearest directory upwards with .mlops, else the git or DVC top, else the pipeline's folder.
 * Places: docs/formats.md, "Places". */
#pragma once

#include "mlops/host/lock.h"
#include "mlops/store/config.h"

struct results_batch;

struct workspace {
    struct str root; /* absolute, real path */
    struct fd root_fd;
    struct str state;   /* root/.mlops */
    struct fd state_fd; /* empty: not initialised (read-only commands may go on) */
    /* .mlops of the project: the history, logs, locks of records and settings. The same as `state`
     * but in a work directory (engine/work_dir), whose state holds only what is about its own
     * files: aside, displaced, failed and unconfirmed outputs, claims, tmp, the stat cache. */
    struct str home;
    struct fd home_fd;
    bool is_work_dir;
    struct str project; /* root of the project itself: other than `root` only in a work directory
                           that does not stand at the project's path */
    struct str cache;   /* absolute */
    struct fd cache_fd; /* empty as above */
    struct str cwd;     /* of the caller relative to the root, "" = root */
    struct config config;
    bool is_new;             /* just made */
    bool is_read_only;       /* cannot be written: databases are opened accordingly */
    const char *network_fs;  /* name if .mlops lies on a network file system, else NULL */
    struct str database_dir; /* where lineage.db is: home, or local XDG state on a network file
                                system */
    struct str index_dir;    /* where index.db is: the same, but in a work directory its state */
    struct results_batch *results; /* put and not yet flushed: store/results */
};

/* Finds the project around `start` (absolute directory); ret->state_fd stays empty if there is no
 * .mlops. */
FALLIBLE workspace_find(struct arena *arena, struct str start, struct workspace *ret);

/* Makes .mlops/ (config.yaml with a random project id, .gitignore) and the cache if absent;
 * idempotent and safe against a crash at any point and against another process doing the same.
 * Refuses a directory owned by another user unless MLOPS_SAFE=1. */
FALLIBLE workspace_init(struct arena *arena, struct workspace *workspace);
void workspace_drop(struct workspace *workspace);

/* What makes a directory a work directory: .mlops/trial in it (docs/formats.md, "Work
 * directories"). */
struct work_marker {
    struct str name;           /* "8QK2M1VD-12" */
    struct str project, cache; /* absolute, as seen from outside */
    bool is_kept;              /* it stays when the trial has ended */
};
FALLIBLE work_marker_load(struct arena *arena, int state_fd, struct work_marker *ret,
                          bool *ret_found);
FALLIBLE work_marker_save(int state_fd, const struct work_marker *marker);

/* From now on a work directory keeps its history to itself: its home is its own .mlops, and goes
 * with it. Before any database is open. */
FALLIBLE workspace_seclude(struct workspace *workspace);

/* Below .mlops of a work directory that stands at the project's own path: the project's .mlops and
 * its cache. */
#define WORK_HOME "home"
#define WORK_CACHE "cache"

/* A directory of this process in a tmp/ (or, with a longer prefix, beside a file of another file
 * system), locked while it lives; dropped means removed. */
struct temp_dir {
    struct fd parent_fd;
    struct fd fd;
    char name[40];
};
/* Below a temporary directory: files that were taken out of their place, maybe the only copies of
 * somebody's work. While something is in it neither dropping nor sweeping removes the directory. */
#define TEMP_TAKEN "taken"
#define TEMP_TAKEN_FROM "taken-from" /* a link to the directory they stood in, "." at the top */
#define TEMP_PREFIX "t-"
#define TEMP_PREFIX_BESIDE ".mlops-tmp-"
FALLIBLE temp_dir_open(int parent_fd, const char *prefix, struct temp_dir *ret);
void temp_dir_drop(struct temp_dir *temp);

/* Removes the directories that dead processes left there. */
FALLIBLE temp_dir_sweep(int parent_fd, const char *prefix);

/* file_publish for a file of the user's (project-relative): what a kill leaves lies in .mlops/tmp.
 */
FALLIBLE workspace_publish(const struct workspace *workspace, const char *path, struct str bytes,
                           uint32_t mode, bool is_durable);

/* The same, through no symbolic link. */
FALLIBLE workspace_publish_straight(const struct workspace *workspace, const char *path,
                                    struct str bytes, uint32_t mode, bool is_durable);

/* A user's path (relative to the caller's directory or absolute) as project-relative, normalised.
 * An error if it lies outside the project. */
FALLIBLE workspace_path(struct arena *arena, const struct workspace *workspace, struct str path,
                        struct str *ret);

/* A project-relative path as the caller would type it. */
struct str workspace_show(struct arena *arena, const struct workspace *workspace, struct str path);
