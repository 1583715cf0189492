/* What the files of the module share. */
#pragma once

#include "mlops/engine/baseline.h"

/* The commit that a word names; empty: none. */
FALLIBLE baseline_commit(struct session *session, struct str word, struct str *ret);

/* The stage as the lock file of a commit has it. */
FALLIBLE baseline_in_revision(struct session *session, const struct stage *stage, struct str word,
                              struct str commit, struct evaluated *ret,
                              enum baseline_found *ret_found);

/* The error that a word names nothing here, and what to do. */
FALLIBLE baseline_unknown(struct session *session, struct str word);
