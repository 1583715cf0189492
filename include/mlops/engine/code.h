/* The state of the project's code by git: what a run records, and what the workspace is now. */
#pragma once

#include "mlops/engine/session.h"

/* Commit, branch, remote and whether the work tree differs from the commit; what mlops itself
 * writes and cached outputs do not count. *ret_patch: the diff of a dirty tree, else empty; its
 * digest is in ret->patch. Without a repository nothing but is_dirty = -1 is set. */
FALLIBLE code_examine(struct session *session, struct code_state *ret, struct str *ret_patch);

/* An error at each cached output that git tracks. */
FALLIBLE code_refuse_outputs(struct session *session);

/* What a recorded run was made from: its own record, or, of a run that executed nothing and so did
 * not look, that of one which left the same state and did. */
FALLIBLE code_of_run(struct session *session, const struct run *run, struct code_state *ret);
