/* What the work tree holds now: path -> artifact, through the stat cache, each path hashed at most
 * once per run, in parallel. Also puts outputs into the store (capture) and writes them back
 * (restore). Rules for links, ignore files and odd files: docs/pipeline.md, "What is hashed". */
#pragma once

#include "mlops/host/pool.h"
#include "mlops/model/artifact.h"
#include "mlops/model/tree.h"
#include "mlops/store/cas.h"

struct worktree;

struct worktree_counts {
    int64_t hashed_files, hashed_bytes; /* read and hashed, not taken from the stat cache */
    int64_t stored_files, stored_bytes; /* new to the store */
    int64_t restored_files, restored_bytes;
};

enum look_role {
    LOOK_DEP, /* ignores .git .dvc .mlops __pycache__ .ipynb_checkpoints and the ignore files'
                 patterns; links are followed */
    LOOK_OUT, /* ignores .git, .mlops and the ignore files' patterns; inside a directory a relative
                 link that stays inside is kept, others are refused */
};

/* `cas` may be NULL for read-only looks without a store. */
FALLIBLE worktree_open(struct arena *arena, const struct workspace *workspace, struct index *index,
                       struct cas *cas, struct pool *pool, struct worktree **ret);
void worktree_drop(struct worktree **worktree);

/* From now on files that are looked at are hashed for both sums in one pass; NULL: no more. */
struct sums;
void worktree_note_sums(struct worktree *worktree, struct sums *sums);

/* DVC's dialect: from now on links inside directories are followed wherever they lead, in outputs
 * too; what they name is data. Before the first look. */
void worktree_follow_links(struct worktree *worktree);

/* The artifact at a path (project-relative or absolute). ARTIFACT_ABSENT is no error; a FIFO,
 * device or socket, a link loop, an unreadable file, a file that keeps changing is. */
FALLIBLE worktree_look(struct worktree *worktree, struct str path, enum look_role role,
                       struct artifact *ret);

/* Looks at many paths at once, in parallel, biggest first; results are then immediate in
 * worktree_look. Errors are kept per path and returned by worktree_look. Tells progress, if
 * `observer` is not NULL, and answers stop signals. */
struct observer;
struct worktree_wish {
    struct str path;
    enum look_role role;
    const struct artifact *recorded; /* NULL, or what worktree_compare will be asked about: what it
                                        needs is kept if something else lies there */
};
FALLIBLE worktree_prefetch(struct worktree *worktree, const struct worktree_wish *wishes,
                           size_t count, const struct observer *observer);

/* Files that match a native glob, sorted, as dependencies (ignored ones left out). */
FALLIBLE worktree_glob(struct worktree *worktree, struct arena *arena, struct str pattern,
                       struct str **ret_paths, size_t *ret_count);

/* What was known about a path, everything below it and its parents is no longer true (a stage wrote
 * there). */
void worktree_forget(struct worktree *worktree, struct str path);

/* Stats a dependency again (no hashing if the stat is as before): false if it is no longer what
 * `seen` says. Ignores the memory of this run, uses the stat cache. */
FALLIBLE worktree_recheck(struct worktree *worktree, const struct artifact *seen,
                          enum look_role role, bool *ret_same);

/* Hashes an output and puts its objects into the store in the same pass (files, trees, link
 * targets); directories in parallel. Not yet flushed. Errors as worktree_look; absent gives
 * ARTIFACT_ABSENT. */
FALLIBLE worktree_capture(struct worktree *worktree, struct str path, struct artifact *ret);

/* The same of many paths at once, in parallel; telling progress as worktree_prefetch does. What
 * each became is then the answer of worktree_look as an output. An error ends all of it.
 * `forbids_links`: also on the way to the paths no symbolic link is followed. */
FALLIBLE worktree_capture_all(struct worktree *worktree, const struct str *paths, size_t count,
                              bool forbids_links, const struct observer *observer);

/* Warns of files that another program had open for writing, as the kernel says, when the last
 * capture read them: what is stored may be a half of what they become. Once for each capture. */
void worktree_tell_held(struct worktree *worktree, const struct observer *observer);

/* From now on what is restored is put in place anew, also where the work tree holds it already: for
 * links of another kind. */
void worktree_relink(struct worktree *worktree);

/* Whether every object of an artifact is in the store. */
FALLIBLE worktree_can_restore(struct worktree *worktree, const struct artifact *artifact,
                              bool *ret);

/* What worktree_restore would write and move out of the way; *ret_can false: nothing, since the
 * store lacks an object. */
struct worktree_change {
    int64_t files, bytes, displaced;
};
FALLIBLE worktree_foresee(struct worktree *worktree, const struct artifact *artifact,
                          struct worktree_change *ret, bool *ret_can);

/* Looks after files that a command had taken out of their place when it was killed: those that the
 * store lacks, since somebody had just saved them, move to `displaced` (a folder relative to
 * .mlops/, made on demand); *ret_displaced says how many, even if some could not be moved. */
FALLIBLE worktree_rescue(struct worktree *worktree, struct str displaced, int *ret_displaced);

/* Makes the path hold the artifact: objects go to a temporary sibling first, then swap in by
 * rename; of a directory only what differs is replaced. What is in the way and not in the store
 * moves to `displaced` (a folder relative to .mlops/, made on demand; *ret_displaced says how
 * many). Parents are made. *ret_done false if an object is missing or bad: then nothing was
 * changed. */
FALLIBLE worktree_restore(struct worktree *worktree, const struct artifact *artifact,
                          struct str displaced, int *ret_displaced, bool *ret_done);

/* If the store lacks objects of an artifact that the work tree still holds, puts them again. */
FALLIBLE worktree_heal(struct worktree *worktree, const struct artifact *artifact,
                       bool *ret_healed);

/* Files of an artifact with digests, paths relative to the project, at most `most`; *ret_found
 * false: the store does not have its directories (those of inputs are not kept). */
struct worktree_file {
    struct str path;
    struct digest digest;
    int64_t size_bytes;
    enum tree_kind kind; /* a file, an executable or a link */
};
FALLIBLE tree_list_files(struct cas *cas, struct arena *arena, const struct artifact *artifact,
                         size_t most, struct worktree_file **ret, size_t *ret_count,
                         bool *ret_found);

/* Files of two artifacts, without those below directories that are the same in both: what differs
 * between two versions of millions of files is found in the few trees that differ. *ret_found
 * false: the store lacks some of these. */
struct worktree_files {
    struct worktree_file *files;
    size_t count;
};
FALLIBLE tree_list_differing(struct cas *cas, struct arena *arena, const struct artifact *before,
                             const struct artifact *after, struct worktree_files *ret_before,
                             struct worktree_files *ret_after, bool *ret_found);

/* What lies at the artifact's path now against what it says, file by file in the order of the tree:
 * '+' for a file that is new, '-' for one that is gone, '~' for one that changed. The path is gone
 * after the call. Directories that are as recorded are not entered, of the others one is held at a
 * time. *ret_found false: the store lacks trees of what differs, and what was told is not all. */
struct worktree_visitor {
    void (*visit)(void *context, char sign, struct str path);
    void *context;
};
FALLIBLE worktree_compare(struct worktree *worktree, const struct artifact *recorded,
                          enum look_role role, const struct worktree_visitor *visitor,
                          bool *ret_found);

/* Files of what lies at the path now; none if that is nothing. */
FALLIBLE worktree_list_files(struct worktree *worktree, struct arena *arena, struct str path,
                             enum look_role role, struct worktree_file **ret, size_t *ret_count);

/* The artifact of a directory that would hold these files (paths below it, each once), as a look in
 * that role would find it. Its tree objects are put if `puts`. */
FALLIBLE worktree_tree_of(struct worktree *worktree, struct str path,
                          const struct worktree_file *files, size_t count, enum look_role role,
                          bool puts, struct artifact *ret);

/* Reads a file for both sums (see worktree_note_sums); *ret_same false: it is not what `digest`
 * says any more. */
FALLIBLE worktree_sum_file(struct worktree *worktree, struct str path, struct digest digest,
                           bool *ret_same);

struct worktree_counts worktree_counts(const struct worktree *worktree);
