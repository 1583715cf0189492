/* Restoring a directory, in steps: plan, stage, apply. What is missing or differs is put into a
 * temporary directory first, then what is in the way goes, then each file takes its place by a
 * rename. Directories that are not there at all are built whole and renamed. */
#pragma once

#include <stdatomic.h>

#include "worktree_private.h"

/* The highest of directories that are not there, built whole under a name of its own. */
struct built {
    struct str below;  /* its path below the place */
    struct str staged; /* its name in the temporary directory */
    bool is_placed;    /* renamed, with all that was put into it */
};

/* A file to be put; stat is of the staged file, later of the file in its place. */
struct put {
    const struct wanted *wanted;
    size_t number;        /* in the order of the tree */
    struct built *built;  /* what it lies in, or NULL */
    struct str staged_in; /* directory where it is staged, below stage_fd */
    const char *staged;   /* its name there */
    struct file_stat stat;
};

/* What stands at a path below the place now. */
struct present {
    struct str below;
    const struct node *node;
    bool is_wanted; /* as it is: equal to what is to be */
};

VEC(put_vec, struct put);
VEC(present_vec, struct present);

struct delta {
    struct restoring *restoring;
    struct arena *arena;
    struct wanted_vec files, directories; /* that are to be, where something differs */
    struct map present_by_path;           /* below -> struct present * */
    struct map directory_paths;           /* of all directories that are to be */
    struct str *sorted_paths;             /* the same, parents first */
    struct present_vec present;
    struct str *old_directories; /* below, parents first */
    size_t old_count;
    struct put_vec puts;
    struct map old_paths; /* old_directories as a set */
    struct map built;     /* below -> struct built * */
    bool is_fresh;        /* nothing is at the place */
    struct fd stage_fd;   /* the temporary directory, or the new top in it */
    struct fd top_fd;
    struct fd parent_fd; /* directory last used, */
    struct str parent;   /* and its path below the top */
    atomic_bool is_missing;
    struct worktree_counts counts; /* of what was noted */
};

/* Finds what is to be and what is there, but for what is below directories that are the same.
 * *ret_found false: the store lacks a tree. Nodes of the batch, or in delta's memory. */
FALLIBLE delta_find(struct delta *delta, struct directory *top, const struct batch *batch,
                    bool *ret_found);

/* Takes all that is there. */
void delta_add_present(struct delta *delta, const struct batch *batch);

/* Puts all files into the temporary directory; sets is_missing if the store lacks one. */
FALLIBLE delta_stage(struct delta *delta);

/* The same of those that are listed now, into a directory that is open and has all that they lie
 * in. */
FALLIBLE delta_stage_puts(struct delta *delta);

/* Of a place where nothing is: builds all of it in the temporary directory, as delta_find, a plan
 * and delta_stage would, without a list of its files; notes them. *ret_found false: the store lacks
 * something. */
FALLIBLE delta_build(struct delta *delta, bool *ret_found);

/* Records the puts as they lie there now, which is what their paths will hold. */
void delta_note_puts(struct delta *delta);

/* Makes the directories that are to be, below an open one. */
FALLIBLE delta_make_directories(struct delta *delta, int top_fd);

/* Makes the place hold what is to be. */
FALLIBLE delta_apply(struct delta *delta);

/* A path below the top as one of the project. */
struct str delta_path(const struct delta *delta, struct str below);
