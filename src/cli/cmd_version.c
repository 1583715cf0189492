#include "mlops/cli/command.h"
#include "mlops/cli/report.h"

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    (void)options, (void)argc, (void)argv;
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "version");
        json_text(&json, MLOPS_VERSION);
        report_json_close(&json);
        return NULL;
    }
    buf_print(&context->out, "mlops %s\n", MLOPS_VERSION);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops version", "print it; 'mlops doctor' also tells the versions of the libraries"},
};

const struct cli_command cmd_version = {
    .name = "version",
    .group = GROUP_OTHER,
    .arguments = "",
    .summary = "Print the version",
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "doctor",
    .run = run,
};
