/* Patches in git's unified format, as host/vcs writes them down: one part a file, hunks that fit
 * their file exactly or not at all. No renames. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/base/vec.h"

struct patch_file {
    struct str path; /* the same before and after, without "a/" */
    uint32_t mode;   /* after it: 0100644, 0100755, 0120000; 0: as before, or it goes */
    bool is_new, is_removed;
    bool is_mentioned; /* "Binary files ... differ": its content is not in the patch */
    struct str hunks;  /* from the first "@@" on; empty: the content stays */
};
VEC(patch_file_vec, struct patch_file);

/* In the order of the text; text borrows from it. ERROR_STORED: it is no such patch, a path is not
 * clean (path_fault's business is the caller's), or it ends in the middle of a hunk. */
FALLIBLE patch_parse(struct arena *arena, struct str text, struct patch_file_vec *ret);

/* The file's bytes after it; `before` is empty for a new one. *ret_fits false: they are not what
 * the hunks were made from. */
void patch_apply(struct arena *arena, const struct patch_file *file, struct str before,
                 struct str *ret, bool *ret_fits);
