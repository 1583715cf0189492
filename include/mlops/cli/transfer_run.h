/* `run --pull`: what the plan of these words can have from a remote comes into the store: outputs
 * of stages that would run only because the store lacks them, and inputs that pointers track. */
#pragma once

#include "mlops/cli/stages.h"

/* `remote`: its name; empty: the default one. */
FALLIBLE transfer_pull_for_run(struct context *context, const struct stage_words *words,
                               struct str remote);
