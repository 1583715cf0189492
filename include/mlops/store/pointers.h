/* The pointers of a project: found, read and written. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/host/vcs.h"
#include "mlops/model/pointer.h"
#include "mlops/store/workspace.h"

VEC(pointer_vec, struct pointer *);

/* All of the work tree, sorted by path of what they track; not in .git, .mlops, ignored
 * directories, nested projects or directories that a pointer tracks. Broken ones are errors, told
 * together. */
FALLIBLE pointers_load_all(struct arena *arena, const struct workspace *workspace,
                           struct pointer_vec *ret);

/* The same, where broken ones don't keep anybody from the others: what is wrong with them is
 * *ret_broken (NULL: nothing). */
FALLIBLE pointers_load_sound(struct arena *arena, const struct workspace *workspace,
                             struct pointer_vec *ret, struct error **ret_broken);

/* Those in and below a directory of the project. */
FALLIBLE pointers_load_below(struct arena *arena, const struct workspace *workspace,
                             struct str directory, struct pointer_vec *ret);

/* One by its place; *ret NULL: there is no such file. */
FALLIBLE pointers_load(struct arena *arena, const struct workspace *workspace, struct str file,
                       struct pointer **ret);

/* Whether a file is there that can't be read and may be written anew. */
FALLIBLE pointers_is_damaged(struct arena *arena, const struct workspace *workspace,
                             struct str file, bool *ret);

/* The pointer that tracks `path` itself or a directory that holds it; *ret NULL: none. */
FALLIBLE pointers_find(struct arena *arena, const struct workspace *workspace, struct str path,
                       struct pointer **ret);

/* Those of a commit (40 hex digits): read from git, nothing is checked out. */
FALLIBLE pointers_load_commit(struct arena *arena, const struct workspace *workspace,
                              struct vcs *vcs, struct str commit, struct pointer_vec *ret);

/* Writes one (temp, sync, rename, sync) if its bytes differ. */
FALLIBLE pointers_save(const struct workspace *workspace, const struct pointer *pointer,
                       bool *ret_changed);

/* The same of many, synced together; says of each whether its bytes differed. After a crash each is
 * the old one or the new one. */
FALLIBLE pointers_save_all(const struct workspace *workspace, struct pointer *const *pointers,
                           size_t count, bool *ret_changed);
