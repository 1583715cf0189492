/* Data that pointers track: adding, checking out, comparing, moving, removing. All of it works on a
 * session without a pipeline (session_open_data); paths are relative to the project. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/engine/session.h"
#include "mlops/model/plan.h"
#include "mlops/store/dvcfiles.h"
#include "mlops/store/pointers.h"

/* What differs inside a directory (or of a file), with the first few by name. */
enum { DATA_CHANGES_NAMED = 10 };
struct data_change {
    char sign; /* '+' added, '~' changed, '-' removed */
    struct str path;
};
VEC(data_change_vec, struct data_change);
struct data_changes {
    int64_t added, changed, removed;
    struct data_change_vec named;
    bool is_unknown; /* the store lacks a part of what was: the above says nothing */
};

/* Held while pointers and .gitignore are read and written: no other command writes them, and no gc
 * looks for what they name while a name goes from one file to another. */
struct data_lock {
    struct lock lock;
    struct cas *held; /* borrowed; NULL: no store */
};
FALLIBLE data_lock(struct session *session, struct data_lock *ret);
void data_lock_drop(struct data_lock *lock);

/* Claims paths that are about to be written, all at once. A run may be reading or making one of
 * them just now: waits for that. Before data_lock, which is not held while waiting. */
FALLIBLE data_claim(struct session *session, const struct str *paths, size_t count,
                    struct claims *ret);

/* --- add --- */

enum data_add_status { DATA_ADDED, DATA_UPDATED, DATA_SAME };
const char *data_add_status_name(enum data_add_status status);

struct data_added {
    enum data_add_status status;
    struct pointer *pointer;
    struct data_changes changes; /* of an update, if the store knows what it was before */
};
VEC(data_added_vec, struct data_added);

struct data_add_options {
    const struct str *words; /* as typed: paths, or globs that match files */
    size_t count;
    struct str desc; /* empty: as it was */
};

/* Puts the content into the store, makes it durable, then writes the pointers, then .gitignore. The
 * user's files are only read. Everything that is wrong with the words is told at once, before
 * anything is read. A path inside a directory that is tracked updates just that part of it. */
FALLIBLE data_add(struct session *session, const struct data_add_options *options,
                  struct data_added_vec *ret);

/* Refuses a path that can't be tracked: pointers, what git has to keep, outputs of stages, places
 * above or below what is tracked. `is_move`: the path need not be there. */
FALLIBLE data_check_path(struct session *session, struct str path, bool must_be_there);

/* Every directory on the way, and the path itself, must be no link: one might lead anywhere. */
FALLIBLE data_check_way(struct session *session, struct str path);

/* Outputs of the pipelines that can be found: path -> name of the stage. */
FALLIBLE data_outputs(struct session *session, struct map *ret);

/* --- what is recorded --- */

/* A path with what it should hold, and who says so. */
struct data_record {
    struct artifact artifact;
    struct str named_by;           /* "data/raw.mlops", "pipeline.lock: train" */
    const struct pointer *pointer; /* NULL: an output of a stage, or what DVC tracks */
    const struct dvc_tracked *dvc; /* what DVC tracks; while it is not known, the artifact has no
                                      digest, and no store has it. Else NULL */
    enum tree_kind kind; /* of a part of a directory; TREE_SYMLINK: its target is the object */
    bool is_part;        /* of what pointer or lock file name: its links may lead to other parts */
};
VEC(data_record_vec, struct data_record);

/* All that pointers and lock files say, sorted by path; of the work tree (`commit` empty) or of a
 * commit. Outputs that pointers track as well are left out, and those that are not stored. What DVC
 * tracks comes last, and not what ours say, too; of a commit only to a session with an index. */
FALLIBLE data_records(struct session *session, struct str commit, struct data_record_vec *ret);

/* Whether the text is that of a lock file of ours. */
bool data_is_lock(struct str bytes);

/* " (did you mean 'X'?)" for a path of the project that names nothing: of what is tracked, or of
 * what lies on the disk; empty: there is nothing like it. */
struct str data_near(struct session *session, struct str path, bool is_tracked);

/* The part of a record at `path`, which is it or lies inside it; *ret_found false: there is no such
 * path in it; *ret_known false: the store lacks the trees that tell. */
FALLIBLE data_part(struct session *session, const struct data_record *record, struct str path,
                   struct data_record *ret, bool *ret_found, bool *ret_known);

/* What lies directly in a directory. */
FALLIBLE data_entries(struct session *session, const struct data_record *record,
                      struct data_record_vec *ret, bool *ret_known);

/* Every file of a directory, in the order of its trees; a directory of which the store lacks the
 * tree as itself, with `is_lacking`. The record is gone after the call. */
struct data_visitor {
    FALLIBLE (*visit)(void *context, const struct data_record *part, bool is_lacking);
    void *context;
};
FALLIBLE data_each_file(struct session *session, const struct data_record *record,
                        const struct data_visitor *visitor);

/* Files in a directory that match a glob; an empty one matches all. *ret_lacks: directories that
 * may hold some, of which the store can't tell. */
FALLIBLE data_match(struct session *session, const struct data_record *record, struct str pattern,
                    struct data_record_vec *ret, struct data_record_vec *ret_lacks);

/* The same of directories, too, each as one. */
FALLIBLE data_match_parts(struct session *session, const struct data_record *record,
                          struct str pattern, struct data_record_vec *ret,
                          struct data_record_vec *ret_lacks);

/* The same directory with parts of it exchanged, added or (absent ones) taken out, none of which
 * lies in another; they are sorted by it. Tree objects are put. */
FALLIBLE data_graft(struct session *session, const struct artifact *top, struct artifact *parts,
                    size_t count, struct artifact *ret, bool *ret_known);

/* --- checkout --- */

/* What was put in place (or would be); files and bytes are those that were written. */
struct data_placed {
    struct data_record record;
    int64_t files, bytes;
};
VEC(data_placed_vec, struct data_placed);

struct data_checkout {
    int64_t restored, unchanged, displaced, pointers;
    struct data_record_vec missing; /* not in the store */
    struct data_placed_vec changed;
    struct str displaced_to; /* folder, relative to .mlops */
};

struct data_checkout_options {
    struct str
        commit; /* 40 hex digits: pointers and data of that revision; empty: the work tree's */
    const struct str *paths; /* files, directories or globs; none: everything */
    size_t count;
    bool is_dry, relinks;
    bool is_no_revision; /* the first path could have been one, and git knows none of that name */
    const struct data_record_vec *also; /* to be put in place, too; NULL: none */
    bool takes_only_also;
};
FALLIBLE data_checkout(struct session *session, const struct data_checkout_options *options,
                       struct data_checkout *ret);

/* Whether a word names a path here: something in the work tree or that a pointer tracks. */
FALLIBLE data_is_path(struct session *session, struct str path, bool *ret);

/* --- status --- */

enum data_state {
    DATA_UNCHANGED,
    DATA_MODIFIED,
    DATA_DELETED,
    DATA_NOT_FETCHED, /* neither here nor in the store */
    DATA_NOT_STORED,  /* here, but the store lacks it */
};
const char *data_state_name(enum data_state state);

struct data_status {
    const struct pointer *pointer; /* of what DVC tracks: its file and artifact as one */
    const struct dvc_tracked *dvc; /* or NULL */
    enum data_state state;
    struct artifact now;
    struct data_changes changes;
};
VEC(data_status_vec, struct data_status);

/* Of each pointer, by path. One stat a file where nothing changed. */
FALLIBLE data_status(struct session *session, const struct pointer_vec *pointers,
                     struct data_status_vec *ret);

/* The same of what `.dvc` files track (those of `tracked`), compared by MD5 where it has to be.
 * What the work tree holds as recorded is unchanged, whether the store has it or not: DVC keeps it.
 */
FALLIBLE data_status_dvc(struct session *session, const struct dvc_tracked_vec *tracked,
                         struct data_status_vec *ret);

/* Two lists of files; both are sorted by it. */
void data_compare_files(struct arena *arena, struct worktree_file *before, size_t before_count,
                        struct worktree_file *after, size_t after_count, struct data_changes *ret);

/* --- merge --- */

/* A pointer that git could not merge; a side that does not have it: NULL. */
struct data_conflict {
    struct str file; /* of the pointer, relative to the project */
    const struct pointer *base, *ours, *theirs;
};
VEC(data_conflict_vec, struct data_conflict);

/* Those of git's index, by path. */
FALLIBLE data_conflicts(struct session *session, struct data_conflict_vec *ret);

/* Directories of them whose trees the store lacks, which a merge needs. */
FALLIBLE data_conflict_lacks(struct session *session, const struct data_conflict *conflict,
                             struct artifact **ret, size_t *ret_count);

/* What decides where both sides changed the same file. */
enum data_side { SIDE_NONE, SIDE_OURS, SIDE_THEIRS };

struct data_merge {
    int64_t from_ours, from_theirs; /* files that only this side added, changed or removed */
    struct vcs_path_vec undecided;  /* relative to the project, those of directories with names */
    struct pointer merged;
};

/* Merges file by file, as git merges lines: what one side changed is taken from it. Nothing is
 * written while something is undecided; else the trees are put, then the pointer is written. The
 * work tree's data and git's index are not touched. */
FALLIBLE data_resolve(struct session *session, const struct data_conflict *conflict,
                      enum data_side side, struct data_merge *ret);

/* --- move and remove --- */

/* Renames what is tracked (if it is here), its pointer and its line in .gitignore. */
FALLIBLE data_move(struct session *session, struct str from, struct str to,
                   struct pointer **ret_moved);

/* Whether data_remove knows what a path is. */
FALLIBLE data_check_tracked(struct session *session, struct str path);

/* Takes the pointer and the line in .gitignore away, or a part of a directory out of the tree that
 * its pointer names, of which nothing else need be here; with `data` also what the work tree holds,
 * and the store holds; what only the work tree holds moves to .mlops/displaced. */
FALLIBLE data_remove(struct session *session, struct str path, bool with_data, int *ret_displaced);
