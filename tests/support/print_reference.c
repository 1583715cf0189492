/* Prints the field tables of a language as Markdown, of pipelines or (print_reference sweep) of
 * sweep files: what docs/pipeline.md and docs/sweeps.md hold between their markers
 * (tests/tidy/reference.py). */
#include "mlops/base/buf.h"
#include "mlops/codec/schema.h"
#include "mlops/model/pipeline.h"
#include "mlops/model/sweep.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    AUTO(buf_drop) struct buf out = {0};
    size_t count = 0;
    const struct schema *const *schemas = argc > 1 && strcmp(argv[1], "sweep") == 0
                                              ? sweep_schemas(&count)
                                              : pipeline_schemas(&count);
    for (size_t i = 0; i < count; i++) {
        buf_print(&out, "%s### Keys of: %s\n\n", i > 0 ? "\n" : "", schemas[i]->noun);
        schema_print_reference(schemas[i], &out);
    }
    return fwrite(out.at, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}
