/* The files of a project at one moment as a tree of the store: what trials and reproductions are
 * made from, whatever happens to the work tree meanwhile. Tracked files, untracked ones that are
 * not ignored, and dependencies of the pipeline that no stage makes and no pointer tracks; never
 * .git, .mlops or outputs. Outside git: all that .mlopsignore and .dvcignore do not name. */
#pragma once

#include "mlops/engine/session.h"

struct snapshot {
    struct digest tree;
    int64_t file_count, size_bytes;
    struct code_state code; /* patch stored if the tree is dirty */
};

/* Of the work tree as it is; the stat cache makes it cost what has changed. Stored and flushed.
 * `written`: a file that runs will write though it is no output (empty: none); like outputs it is
 * not shared. */
FALLIBLE snapshot_take(struct session *session, struct str written, struct snapshot *ret);

/* Of a commit, or what else names one to git (empty: before the first one), with a patch object on
 * top (zero: none). Dependencies that git does not have come from the store or the work tree only
 * if their digests are those that the lock of that commit names; what is missing is an error that
 * lists it. */
FALLIBLE snapshot_of_commit(struct session *session, struct str commit, struct digest patch,
                            struct str written, struct snapshot *ret);

/* Its files by path, and the bytes of one (*ret_found false: no such regular file). */
FALLIBLE snapshot_files(struct session *session, struct arena *arena, struct digest tree,
                        struct worktree_file **ret, size_t *ret_count);
FALLIBLE snapshot_read(struct session *session, struct arena *arena, struct digest tree,
                       struct str path, struct str *ret, bool *ret_found);
