#include "mlops/cli/experiment.h"

FALLIBLE experiment_run(struct context *context, const struct experiment *experiment)
{
    (void)context;
    return error_hint(error_new(ERROR_USAGE, "%zu parameters are changed without --in-place",
                                experiment->overrides->len),
                      "--in-place writes them into their files and runs here");
}
