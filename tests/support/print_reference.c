/* Prints the field tables of the pipeline language as Markdown: what docs/pipeline.md holds between
 * its markers (tests/tidy/reference.py). */
#include "mlops/base/buf.h"
#include "mlops/codec/schema.h"
#include "mlops/model/pipeline.h"

#include <stdio.h>

int main(void)
{
    AUTO(buf_drop) struct buf out = {0};
    size_t count = 0;
    const struct schema *const *schemas = pipeline_schemas(&count);
    for (size_t i = 0; i < count; i++) {
        buf_print(&out, "%s### Keys of: %s\n\n", i > 0 ? "\n" : "", schemas[i]->noun);
        schema_print_reference(schemas[i], &out);
    }
    return fwrite(out.at, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}
