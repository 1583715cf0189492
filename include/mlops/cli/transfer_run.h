/* `run --pull`: what the plan of these words can have from a remote comes into the store: outputs
 * of stages that would run only because the store lacks them, and inputs that pointers track. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/cli/stages.h"

struct transfer_for_run {
    struct str remote;      /* its name; empty: the default one */
    bool force, no_restore; /* as the run will have them */
    bool leaves_outputs;    /* where words name stages, what others made comes only if a stage that
                               executes reads it; the run must know of is_minimal and lost, then */
    bool is_minimal;        /* asked for, or found by leaves_outputs */
    struct map lost;        /* names of stages of which something is known that is nowhere */
};

FALLIBLE transfer_pull_for_run(struct context *context, const struct stage_words *words,
                               struct transfer_for_run *wish);
