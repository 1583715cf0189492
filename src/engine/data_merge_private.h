/* Shared by the files of merging pointers. */
#pragma once

#include "mlops/engine/data.h"

/* Files of one version by path. */
struct version {
    struct worktree_file *files;
    size_t count;
    struct map by_path; /* -> struct worktree_file * */
};

VEC(merged_vec, struct worktree_file);

struct merging {
    struct session *session;
    const struct data_conflict *conflict;
    enum data_side side;
    struct version base, ours, theirs;
    struct merged_vec files;
    struct map directories; /* that hold them */
    struct data_merge *merge;
};

/* A version's files; *ret_known false: the store lacks some of its trees. */
FALLIBLE merge_load(struct session *session, const struct pointer *pointer, struct version *ret,
                    bool *ret_known);

/* Notes something that the options do not decide either. */
void merge_undecided(struct merging *merging, struct str path);

/* Both sides are directories: merged into merging->merge, file by file. */
FALLIBLE merge_trees(struct merging *merging);
