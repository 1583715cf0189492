/* What is known of metrics beyond their names, for the verdict of a difference. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/diff.h"

/* The metric of the pipeline's first gate is the main one; without gates those that built-in
 * evaluations show first. Gates also say which way is better. `pipeline` as typed; one that is
 * absent or can't be read now says nothing. */
FALLIBLE diff_guides_find(struct context *context, struct str pipeline,
                          const struct run_view *before, const struct run_view *after,
                          struct diff_guide_vec *ret);

/* The built-in evaluation of a stage, by its recipe; false: it is none. */
struct evaluating;
bool diff_evaluating(struct arena *arena, const struct run_view_stage *stage,
                     struct evaluating *ret);
