#include "mlops/cli/tabular.h"

FALLIBLE tabular_drift(struct context *context, const struct tabular_options *options,
                       struct str reference, struct str current)
{
    (void)context;
    (void)options;
    (void)current;
    return error_new(ERROR_BUG, "'data drift %.*s' is not built", STR_FMT(reference));
}
