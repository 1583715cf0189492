#include "mlops/cli/command.h"
#include "mlops/cli/help.h"

struct help_options {
    bool man, stages;
};

static const struct option_row rows[] = {
    {"man", 0, OPTION_FLAG_AT(struct help_options, man),
     .help = "Print the manual page in man(7) format", .is_hidden = true},
    {"stages", 0, OPTION_FLAG_AT(struct help_options, stages),
     .help = "Print the names of the stages, for completion", .is_hidden = true},
};

/* For completion while somebody types: a pipeline that is absent or wrong has no names. */
static void print_stages(struct context *context)
{
    struct pipeline *pipeline = NULL;
    struct error *error = context_pipeline(context, (struct str){0}, &pipeline);
    if (error) {
        error_drop(error);
        return;
    }
    vec_each (struct stage, stage, &pipeline->stages) {
        buf_add_str(&context->out, stage->name);
        buf_add_char(&context->out, '\n');
    }
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct help_options *options = opaque;
    if (options->stages) {
        print_stages(context);
        return NULL;
    }
    const struct cli_command *command = argc ? command_find(argv[0]) : NULL;
    bool is_overview = argc == 0 || str_is(argv[0], "mlops");
    if (!command && !is_overview)
        return !options->man && help_topic(context, argv[0]) ? NULL : command_unknown(argv[0]);
    if (options->man)
        help_man(&context->out, command);
    else if (command)
        help_command(context, command);
    else
        help_overview(context);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops help diff", "explain one command"},
    {"mlops help exit-status", "what the exit status of every command means"},
    {"mlops help naming-runs", "how a run is named on the command line"},
};

const struct cli_command cmd_help = {
    .name = "help",
    .group = GROUP_OTHER,
    .arguments = "[COMMAND|TOPIC]",
    .summary = "Explain a command or a topic",
    .description = "Without an argument: the list of commands. Topics: exit-status, limits, "
                   "naming-runs.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct help_options),
    .words_most = 1,
    .completes = COMPLETE_COMMANDS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "version",
    .run = run,
};
