#include "mlops/cli/command.h"
#include "mlops/cli/help.h"
#include "mlops/model/name.h"
#include "mlops/model/pipeline.h"
#include "mlops/model/sweep.h"
#include "mlops/store/ledger.h"
#include "mlops/store/pointers.h"
#include "mlops/store/remote.h"

struct help_options {
    bool man, commands, stages, runs, settings, data, remotes;
    struct str schema;
};

static const struct option_row rows[] = {
    {"schema", 0, OPTION_STR_AT(struct help_options, schema), .value = "LANGUAGE",
     .help =
         "Print the JSON Schema, for editors, of a native 'pipeline', of 'dvc' (dvc.yaml) or of a "
         "'sweep' file"},
    {"man", 0, OPTION_FLAG_AT(struct help_options, man),
     .help = "Print the manual page in man(7) format", .is_hidden = true},
    {"commands", 0, OPTION_FLAG_AT(struct help_options, commands),
     .help = "Print the names of the commands, for packaging", .is_hidden = true},
    {"stages", 0, OPTION_FLAG_AT(struct help_options, stages),
     .help = "Print the names of the stages, for completion", .is_hidden = true},
    {"runs", 0, OPTION_FLAG_AT(struct help_options, runs),
     .help = "Print the newest runs and tags, for completion", .is_hidden = true},
    {"settings", 0, OPTION_FLAG_AT(struct help_options, settings),
     .help = "Print the names of the settings, for completion", .is_hidden = true},
    {"data", 0, OPTION_FLAG_AT(struct help_options, data),
     .help = "Print the paths that pointers track, for completion", .is_hidden = true},
    {"remotes", 0, OPTION_FLAG_AT(struct help_options, remotes),
     .help = "Print the names of the remotes, for completion", .is_hidden = true},
};

static void add_word(struct context *context, struct str word)
{
    bool is_plain = str_find_char(word, '\n') < 0;
    if (!is_plain || word.len == 0)
        return;
    buf_add_str(&context->out, word);
    buf_add_char(&context->out, '\n');
}

static void list_commands(struct context *context)
{
    size_t count;
    const struct cli_command *const *all = commands_all(&count);
    for (size_t i = 0; i < count; i++)
        add_word(context, all[i]->is_hidden ? (struct str){0} : str_of(all[i]->name));
}

static FALLIBLE list_stages(struct context *context)
{
    struct pipeline *pipeline = NULL;
    TRY(context_pipeline(context, (struct str){0}, &pipeline));
    vec_each (const struct stage, stage, &pipeline->stages)
        add_word(context, stage->name);
    return NULL;
}

static FALLIBLE list_runs(struct context *context)
{
    struct ledger *ledger = NULL;
    struct run *runs = NULL;
    size_t count = 0;
    struct ledger_filter filter = {.limit = 20};
    TRY(context_ledger(context, &ledger));
    TRY(ledger_list_runs(ledger, context->arena, &filter, &runs, &count));
    for (size_t i = 0; i < count; i++) {
        add_word(context, ulid_short(runs[i].id));
        add_word(context, runs[i].name);
        vec_each (const struct str, tag, &runs[i].tags)
            add_word(context, *tag);
    }
    return NULL;
}

static FALLIBLE list_settings(struct context *context)
{
    struct config_origin *settings = NULL;
    size_t count = 0;
    TRY(config_list(context->arena, (struct str){0}, &settings, &count));
    for (size_t i = 0; i < count; i++)
        add_word(context, str_of(settings[i].name));
    return NULL;
}

static FALLIBLE list_data(struct context *context)
{
    struct workspace *workspace = NULL;
    struct pointer_vec pointers = {0};
    TRY(context_workspace(context, &workspace));
    TRY(pointers_load_all(context->arena, workspace, &pointers));
    for (size_t i = 0; i < pointers.len; i++)
        add_word(context, workspace_show(context->arena, workspace, pointers.at[i]->artifact.path));
    return NULL;
}

static FALLIBLE list_remotes(struct context *context)
{
    struct workspace *workspace = NULL;
    struct remote_vec remotes = {0};
    TRY(context_workspace(context, &workspace));
    TRY(remotes_load(context->arena, workspace, &remotes));
    for (size_t i = 0; i < remotes.len; i++)
        add_word(context, remotes.at[i]->name);
    return NULL;
}

static FALLIBLE print_schema(struct context *context, struct str language)
{
    bool is_dvc = str_is(language, "dvc");
    if (str_is(language, "sweep")) {
        sweep_print_json_schema(&context->out);
        return NULL;
    }
    if (!is_dvc && !str_is(language, "pipeline"))
        return error_hint(error_new(ERROR_USAGE, "there is no schema of '%.*s'", STR_FMT(language)),
                          "the schemas are 'pipeline', 'dvc' and 'sweep'");
    pipeline_print_json_schema(is_dvc ? DOC_DVC : DOC_NATIVE, &context->out);
    return NULL;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct help_options *options = opaque;
    if (options->schema.len)
        return print_schema(context, options->schema);
    struct error *error = options->stages     ? list_stages(context)
                          : options->runs     ? list_runs(context)
                          : options->settings ? list_settings(context)
                          : options->data     ? list_data(context)
                          : options->remotes  ? list_remotes(context)
                                              : NULL;
    /* Completion while somebody types: where something is absent or wrong there are no words. */
    error_drop(error);
    if (options->commands)
        list_commands(context);
    if (options->commands || options->stages || options->runs || options->settings ||
        options->data || options->remotes)
        return NULL;
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
    {"mlops help --schema pipeline", "what an editor needs to complete and check pipelines"},
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
    .has_rows = true,
    .run = run,
};
