#include "mlops/cli/tabular.h"

FALLIBLE tabular_validate(struct context *context, const struct tabular_options *options,
                          struct str path)
{
    (void)context;
    (void)options;
    return error_new(ERROR_BUG, "'data validate %.*s' is not built", STR_FMT(path));
}
