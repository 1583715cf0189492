#include "mlops/cli/command.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/cli/help.h"
#include "mlops/host/terminal.h"

#include <errno.h>
#include <unistd.h>

#define COMMAND_POINTER(name) &cmd_##name,
static const struct cli_command *const all_commands[] = {COMMANDS(COMMAND_POINTER)};
#undef COMMAND_POINTER

static const char *const group_titles[GROUP_COUNT] = {
    [GROUP_RUN] = "run",     [GROUP_LOOK] = "look",
    [GROUP_DATA] = "data",   [GROUP_EXPERIMENTS] = "experiments",
    [GROUP_OTHER] = "other",
};

static const char *const format_names[] = {
    [FORMAT_TABLE] = "table",
    [FORMAT_JSON] = "json",
    [FORMAT_CSV] = "csv",
    [FORMAT_MARKDOWN] = "md",
    [FORMAT_JUNIT] = "junit",
    [FORMAT_SARIF] = "sarif",
    NULL,
};

static const struct option_row common_option_rows[] = {
    {"help", 'h', OPTION_FLAG_AT(struct common_options, help), .help = "Show this help"},
    {"json", 0, OPTION_FLAG_AT(struct common_options, json), .help = "The same as --format=json"},
    {"format", 0, OPTION_CHOICE_AT(struct common_options, format), .choices = format_names,
     .value = "FORMAT",
     .help = "Print the answer as table, json, csv, md or, of checks of data, junit or sarif"},
    {"quiet", 'q', OPTION_FLAG_AT(struct common_options, quiet),
     .help = "Print the answer and errors only"},
    {"verbose", 'v', OPTION_FLAG_AT(struct common_options, verbose), .help = "Say more"},
    {"no-color", 0, OPTION_FLAG_AT(struct common_options, no_colour),
     .help = "Do not colour (also: NO_COLOR in the environment)"},
    {"directory", 'C', OPTION_STR_AT(struct common_options, directory), .value = "DIR",
     .help = "Run as if started in DIR", .completes = COMPLETE_FILES},
};

/* Only in front of the command's name. */
struct leading_options {
    bool version;
};

static const struct option_row leading_rows[] = {
    {"version", 0, OPTION_FLAG_AT(struct leading_options, version), .help = "Print the version"},
};

const struct cli_command *const *commands_all(size_t *ret_count)
{
    *ret_count = COUNT_OF(all_commands);
    return all_commands;
}

const struct option_row *common_rows(size_t *ret_count)
{
    *ret_count = COUNT_OF(common_option_rows);
    return common_option_rows;
}

const char *command_group_title(enum command_group group)
{
    check(group < GROUP_COUNT);
    return group_titles[group];
}

const struct cli_command *command_find(struct str name)
{
    if (str_is(name, "repro")) /* what DVC's users type; it takes the options of 'dvc repro' */
        return &cmd_run;
    for (size_t i = 0; i < COUNT_OF(all_commands); i++) {
        if (str_is(name, all_commands[i]->name))
            return all_commands[i];
    }
    return NULL;
}

/* What users of DVC, or those in a hurry, type, and what to do instead: docs/coming-from-dvc.md. */
static const struct {
    const char *name, *instead;
} dvc_commands[] = {
    {"commit", "'mlops accept STAGE' takes outputs as made from inputs that changed meanwhile"},
    {"freeze", "write 'frozen: true' into the stage"},
    {"unfreeze", "take 'frozen: true' out of the stage"},
    {"get-url", "'mlops get URL'"},
    {"list", "'mlops ls'"},
    {"stage", "stages are written into the file; 'mlops dag' and 'mlops lint' show and check it"},
    {"exp", "'mlops run -S KEY=VALUE' and 'mlops sweep -S KEY=VALUE,VALUE' try, 'mlops sweep show' "
            "and 'mlops runs' list, 'mlops apply RUN' takes"},
    {"queue", "'mlops sweep -S KEY=VALUE,VALUE' runs its trials side by side; 'mlops sweep list', "
              "'show' and '--resume' are its queue"},
    {"profile", "'mlops data profile FILE'"},
    {"infer", "'mlops data infer FILE'"},
    {"validate", "'mlops data validate FILE --schema FILE'"},
    {"drift", "'mlops data drift REFERENCE CURRENT'"},
    {"ui", "'mlops report -o report.html' and 'mlops diff A B --html diff.html' write pages"},
    {"compare", "'mlops diff A B'"},
};

static const char *instead_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(dvc_commands); i++) {
        if (str_is(name, dvc_commands[i].name))
            return dvc_commands[i].instead;
    }
    return NULL;
}

FALLIBLE command_unknown(struct str name)
{
    const char *instead = instead_of(name);
    if (instead)
        return error_hint(error_new(ERROR_USAGE, "there is no command '%.*s'", STR_FMT(name)), "%s",
                          instead);
    const char *names[COUNT_OF(all_commands)];
    for (size_t i = 0; i < COUNT_OF(all_commands); i++)
        names[i] = all_commands[i]->name;
    const char *near = schema_suggest(name, names, COUNT_OF(names));
    if (near)
        return error_new(ERROR_USAGE, "there is no command '%.*s' (did you mean '%s'?)",
                         STR_FMT(name), near);
    return error_hint(error_new(ERROR_USAGE, "there is no command '%.*s'", STR_FMT(name)),
                      "'mlops help' lists the commands");
}

static FALLIBLE enter_directory(struct context *context)
{
    struct str directory = context->common.directory;
    if (directory.len == 0)
        return NULL;
    context->common.directory = (struct str){0};
    if (chdir(str_terminate(context->arena, directory)) != 0)
        return error_recode(error_os(errno, "cannot enter '%.*s'", STR_FMT(directory)),
                            ERROR_USAGE);
    return NULL;
}

static FALLIBLE apply_common(struct context *context)
{
    const struct common_options *common = &context->common;
    context->format = common->json ? FORMAT_JSON : (enum output_format)common->format;
    context->has_colour = !common->no_colour && terminal_has_colour(STDOUT_FILENO);
    context->columns = isatty(STDOUT_FILENO) ? terminal_columns(STDOUT_FILENO) : 0;
    return enter_directory(context);
}

static FALLIBLE check_words(const struct cli_command *command, size_t count)
{
    int given = (int)MIN_OF(count, 1000000);
    bool too_many = command->words_most >= 0 && given > command->words_most;
    if (given >= command->words_least && !too_many)
        return NULL;
    const char *fault = too_many ? "takes fewer words than that" : "needs more words";
    return error_hint(error_new(ERROR_USAGE, "'mlops %s' %s: mlops %s%s%s", command->name, fault,
                                command->name, *command->arguments ? " " : "", command->arguments),
                      "'mlops %s --help' explains them", command->name);
}

static const char *const format_titles[] = {
    [FORMAT_CSV] = "CSV",
    [FORMAT_MARKDOWN] = "Markdown",
    [FORMAT_JUNIT] = "JUnit XML",
    [FORMAT_SARIF] = "SARIF",
};

/* An answer in another form than was asked for would be found out late. */
static FALLIBLE check_format(const struct context *context, const struct cli_command *command)
{
    enum output_format format = context->format;
    bool is_rows = format == FORMAT_CSV || format == FORMAT_MARKDOWN;
    bool is_findings = format == FORMAT_JUNIT || format == FORMAT_SARIF;
    if ((!is_rows || command->has_rows) && (!is_findings || command->has_findings))
        return NULL;
    return error_hint(
        error_new(ERROR_USAGE, "'mlops %s' prints no %s", command->name, format_titles[format]),
        "it prints text or, with --json, JSON%s",
        command->has_findings ? "; with --format junit or sarif what its checks found" : "");
}

static FALLIBLE check_needs(struct context *context, const struct cli_command *command)
{
    struct workspace *workspace = NULL;
    if (command->needs & NEED_PROJECT)
        return context_project(context, &workspace);
    if (command->needs & NEED_DATA)
        return context_data_project(context, &workspace);
    if (command->needs & NEED_WORKSPACE)
        return context_workspace(context, &workspace);
    return NULL;
}

static FALLIBLE run_command(struct context *context, const struct cli_command *command, int argc,
                            const struct str *argv)
{
    /* Options in front of the command count too: what is given behind it wins. */
    struct common_options before = context->common;
    void *options = arena_alloc(context->arena, command->options_size);
    const struct option_table tables[] = {
        {command->options, command->option_count, options},
        {common_option_rows, COUNT_OF(common_option_rows), &context->common},
    };
    struct option_parse parse = {
        .arena = context->arena,
        .tables = tables,
        .table_count = COUNT_OF(tables),
        .argv = argv,
        .argc = argc,
        .command = str_print(context->arena, "mlops %s", command->name).at,
    };
    TRY(options_parse(&parse));
    context->common.format = context->common.format ? context->common.format : before.format;
    context->command = command;
    TRY(apply_common(context));
    if (context->common.help) {
        help_command(context, command);
        return NULL;
    }
    TRY(check_words(command, parse.words.len));
    context->dash_at = parse.dash_at;
    TRY(check_format(context, command));
    TRY(check_needs(context, command));
    /* Never NULL, so that commands may add to it. */
    static const struct str no_words[1];
    return command->run(context, options, (int)parse.words.len,
                        parse.words.len ? parse.words.at : no_words);
}

/* What `mlops` does without a command. */
static FALLIBLE run_bare(struct context *context, const struct leading_options *leading)
{
    if (leading->version)
        return cmd_version.run(context, NULL, 0, NULL);
    help_overview(context);
    if (context->common.help)
        return NULL;
    return error_new(ERROR_USAGE, "which command?");
}

FALLIBLE command_run(struct context *context, int argc, const struct str *argv)
{
    struct leading_options leading = {0};
    const struct option_table tables[] = {
        {common_option_rows, COUNT_OF(common_option_rows), &context->common},
        {leading_rows, COUNT_OF(leading_rows), &leading},
    };
    struct option_parse parse = {
        .arena = context->arena,
        .tables = tables,
        .table_count = COUNT_OF(tables),
        .argv = argv,
        .argc = argc,
        .stops_at_word = true,
        .command = "mlops",
    };
    TRY(options_parse(&parse));
    TRY(apply_common(context));
    if (leading.version || parse.at == argc)
        return run_bare(context, &leading);
    struct str name = argv[parse.at];
    const struct cli_command *command = command_find(name);
    if (!command)
        return command_unknown(name);
    return run_command(context, command, argc - parse.at - 1, argv + parse.at + 1);
}
