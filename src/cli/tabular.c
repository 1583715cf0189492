#include "mlops/cli/tabular.h"

#include <fcntl.h>

FALLIBLE tabular_table_options(struct context *context, const struct tabular_options *options,
                               struct str path, struct table_options *ret)
{
    *ret = (struct table_options){
        .dialect = dialect_for(path),
        .threads = (int)options->jobs,
        .observer = &context->observer,
    };
    return options->dialect.len
               ? dialect_load(context->arena, AT_FDCWD, options->dialect, &ret->dialect)
               : NULL;
}
