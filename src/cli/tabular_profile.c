#include "mlops/cli/tabular.h"

FALLIBLE tabular_profile(struct context *context, const struct tabular_options *options,
                         struct str path)
{
    (void)context;
    (void)options;
    return error_new(ERROR_BUG, "'data profile %.*s' is not built", STR_FMT(path));
}
