#include "mlops/base/arena.h"
#include "mlops/host/file.h"

#include <fcntl.h>

#include "tabular_private.h"

FALLIBLE tabular_publish(struct context *context, const struct tabular_options *options)
{
    if (!options->output.len)
        return NULL;
    const char *path = str_terminate(context->arena, options->output);
    TRY(file_publish(AT_FDCWD, path, buf_str(&context->out), 0644, false));
    buf_clear(&context->out);
    return NULL;
}
