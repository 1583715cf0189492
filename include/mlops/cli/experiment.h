/* `mlops run -P`: one trial in a work directory of its own, told and summed up as a run is. */
#pragma once

#include "mlops/cli/stages.h"
#include "mlops/engine/sweep.h"

struct experiment_options {
    struct stage_words words;
    struct override_vec overrides;
    int progress;               /* enum progress */
    struct sweep_options sweep; /* jobs, isolation and so on; `shown` is set here */
};
FALLIBLE experiment_run(struct context *context, const struct experiment_options *options);

/* How a sweep is named to people: its name, else the end of its id. */
struct str sweep_shown(const struct sweep_row *row);
