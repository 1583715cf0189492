/* Shared by the files of module view. */
#pragma once

#include "mlops/cli/view.h"

/* By name, as the stages of a view are. */
void view_sort_stages(struct run_view *view);

/* What the lock files of a git commit say (view_revision.c). */
FALLIBLE view_of_revision(struct context *context, struct str word, struct str commit,
                          struct str pipeline, struct run_view *ret);

struct ledger;
struct state;

/* Times, memory and environment of the executions that made these results, one for each stage of
 * the view (view_run.c). */
FALLIBLE view_load_makings(struct context *context, struct ledger *ledger,
                           const struct digest *results, struct run_view *view);

/* The same for the work tree: of stages that are as the pipeline's newest run left them. */
FALLIBLE view_add_makings(struct context *context, struct str pipeline, struct run_view *view);

/* The state a run left, or what it recorded until it ended. */
FALLIBLE view_load_state(struct context *context, struct ledger *ledger, const struct run *run,
                         struct state *ret);

/* A file of the project as a git commit has it. */
FALLIBLE view_read_committed(struct context *context, struct str commit, struct str path,
                             struct str *ret, bool *ret_found);

/* By the keys of stages, as far as the ledger knows them. */
FALLIBLE view_load_templates(struct context *context, struct ledger *ledger, struct run_view *view);

/* Of stages of which none are known, what the commit's files say (view_templates.c). */
void view_add_committed_templates(struct context *context, struct str commit,
                                  const struct pipeline *pipeline, struct run_view *view);

/* Warns if the commit's dvc.lock records other outputs than `view`, which our lock file of the same
 * commit gave (view_dvc.c). `pipeline` is of dvc.yaml files as they are now. */
FALLIBLE view_warn_if_behind(struct context *context, struct str commit,
                             const struct pipeline *pipeline, const struct run_view *view);

/* The decoded form of each environment, by where its bytes lie. No bytes: *ret stays. */
struct map;
FALLIBLE view_environment(struct arena *arena, struct map *known, struct str bytes,
                          const struct environment **ret);

/* What a `.dvc` file tracks, among the data of a view, which has room for it; what stages make is
 * left out. */
struct dvc_tracked;
void view_add_tracked(const struct dvc_tracked *tracked, struct run_view *view);
