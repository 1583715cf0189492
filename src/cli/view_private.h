/* Shared by the files of module view. */
#pragma once

#include "mlops/cli/view.h"

/* By name, as the stages of a view are. */
void view_sort_stages(struct run_view *view);

/* What the lock files of a git commit say (view_revision.c). */
FALLIBLE view_of_revision(struct context *context, struct str word, struct str commit,
                          struct str pipeline, struct run_view *ret);
