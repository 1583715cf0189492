/* The command of built-in validate stages, a process of its own so that a large table is measured
 * beside other stages, under their limits and deadlines, and ends with the run. */
#include "mlops/base/buf.h"
#include "mlops/cli/tabular.h"
#include "mlops/codec/json.h"
#include "mlops/data/measurement.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <fcntl.h>

static void print_table(struct context *context, const struct table_measurement *table)
{
    struct buf *out = &context->out;
    buf_add_escaped(out, table->path, false);
    if (table->fault.len) {
        buf_add_text(out, ": ");
        buf_add_escaped(out, table->fault, false);
        buf_add_char(out, '\n');
        return;
    }
    buf_print(out, ": %llu rows, %zu columns", (unsigned long long)table->profile.record_count,
              table->profile.column_count);
    if (table->has_conformity)
        buf_print(out, ", %llu violations%s", (unsigned long long)table->conformity.count,
                  table->is_form_only ? "" : " of the schema");
    buf_add_char(out, '\n');
}

FALLIBLE tabular_measure(struct context *context, const struct tabular_options *options,
                         struct str measuring)
{
    struct measurement measurement;
    AUTO(buf_drop) struct buf bytes = {0};
    struct json_writer json = {.out = &bytes};
    struct measurement_options how = {
        .at_fd = AT_FDCWD, .threads = (int)options->jobs, .observer = &context->observer};
    TRY(measurement_make(context->arena, measuring, &how, &measurement));
    measurement_write(&json, &measurement);
    for (size_t i = 0; i < measurement.table_count; i++)
        print_table(context, &measurement.tables[i]);
    const char *path = str_terminate(context->arena, options->output);
    TRY(directory_make(AT_FDCWD, str_terminate(context->arena, path_directory(options->output)),
                       false));
    return file_publish(AT_FDCWD, path, buf_str(&bytes), 0644, false);
}
