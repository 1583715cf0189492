#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/store/workspace.h"

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    (void)options, (void)argc, (void)argv;
    struct workspace *workspace = NULL;
    TRY(context_workspace(context, &workspace));
    TRY(workspace_init(context->arena, workspace));
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "root");
        json_str(&json, workspace->root);
        json_name(&json, "project");
        json_str(&json, workspace->config.project);
        json_name(&json, "is_new");
        json_bool(&json, workspace->is_new);
        report_json_close(&json);
        return NULL;
    }
    if (context->common.quiet)
        return NULL;
    buf_add_text(&context->out, workspace->is_new ? "made " : "already there: ");
    buf_add_escaped(&context->out, workspace->state, false);
    buf_add_text(&context->out, "\n");
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops init", "make .mlops at the top of this repository, or here if there is none"},
    {"mlops -C ../other init", "the same for another directory"},
};

const struct cli_command cmd_init = {
    .name = "init",
    .group = GROUP_RUN,
    .arguments = "",
    .summary = "Make .mlops, where results and history are kept",
    .description =
        "The first 'mlops run' does the same. The project is what lies in the nearest directory "
        "upwards that has .mlops, else the top of the git repository, else the current "
        "directory. Running it again changes nothing.\n"
        "\n"
        ".mlops has its own .gitignore; of it, git should track config.yaml only.",
    .needs = NEED_WORKSPACE,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "run, config, doctor",
    .run = run,
};
