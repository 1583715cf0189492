/* From a word on the command line to one side of a comparison: runs, the workspace, revisions. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/run.h"

/* The run a word names: id (prefix or suffix), tag, name, "@", "@~N". ERROR_USAGE if it names none
 * or several (all are listed). Loaded with its stages. */
FALLIBLE view_find_run(struct context *context, struct str word, struct run **ret);

/* Any word of 'mlops help naming-runs', so also "workspace" and git revisions, whose lock file of
 * `pipeline` (as typed; empty: the usual one) counts. A word with several meanings is an error. */
FALLIBLE view_find(struct context *context, struct str word, struct str pipeline,
                   struct run_view *ret);

/* A recorded run with the results it ended with. */
FALLIBLE view_of_run(struct context *context, struct run *run, struct run_view *ret);

/* What the files say now: every stage's recipe, outputs and metrics as a run would see them. */
FALLIBLE view_of_workspace(struct context *context, struct str pipeline, struct run_view *ret);

/* The newest run; *ret NULL if there is none. */
FALLIBLE view_newest_run(struct context *context, struct run **ret);

/* What a command means that was given no word: "@"; in a clone that has recorded no run "HEAD"
 * where there is one, else "@" all the same (view_find then says what to do). */
FALLIBLE view_usual_word(struct context *context, struct str *ret);
/* "HEAD" where git has one, else "@". */
FALLIBLE view_usual_base(struct context *context, struct str *ret);
