/* What is known of metrics beyond their names, for the verdict of a difference. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/diff.h"

struct evaluating;

/* The metric of the pipeline's first gate is the main one; without gates those that built-in
 * evaluations show first. Gates also say which way is better. `pipeline` as typed; one that is
 * absent or can't be read now says nothing. */
FALLIBLE diff_guides_find(struct context *context, struct str pipeline,
                          const struct run_view *before, const struct run_view *after,
                          struct diff_guide_vec *ret);

/* How a metric is listed: those that an evaluation shows first, others, and those of classes,
 * slices and the trivial baseline, of which there are many. */
enum metric_rank { METRIC_MAIN, METRIC_USUAL, METRIC_DETAIL };

/* `evaluating` is of the stage that has the metric; NULL: it is no built-in evaluation. */
enum metric_rank metric_rank_of(const struct evaluating *evaluating, struct str key);

/* The built-in evaluation of a stage, by its recipe; false: it is none. */
bool diff_evaluating(struct arena *arena, const struct run_view_stage *stage,
                     struct evaluating *ret);
