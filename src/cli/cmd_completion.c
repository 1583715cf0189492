#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report.h"

static const struct command_action actions[] = {
    {"bash", "", "for ~/.bashrc: eval \"$(mlops completion bash)\""},
    {"zsh", "", "for ~/.zshrc: eval \"$(mlops completion zsh)\""},
    {"fish", "", "for config.fish: mlops completion fish | source"},
};

/* Options of a command and of all commands, as the table with index 0 and 1. */
static const struct option_row *rows_of(const struct cli_command *command, int table, size_t *ret)
{
    if (table == 1)
        return common_rows(ret);
    *ret = command->option_count;
    return command->options;
}

static void add_option_words(struct buf *out, const struct cli_command *command)
{
    for (int table = 0; table < 2; table++) {
        size_t count;
        const struct option_row *rows = rows_of(command, table, &count);
        for (size_t i = 0; i < count; i++) {
            if (!rows[i].is_hidden)
                buf_print(out, " --%s%s", rows[i].name, rows[i].kind == OPTION_FLAG ? "" : "=");
        }
    }
}

static void add_command_words(struct buf *out)
{
    size_t count;
    const struct cli_command *const *all = commands_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (!all[i]->is_hidden)
            buf_print(out, "%s%s", i ? " " : "", all[i]->name);
    }
}

/* Words that the project has: `mlops help --LIST` prints one a line. They are others' text: no
 * shell may evaluate them once more, and they may hold blanks. */
static const struct {
    unsigned bit;
    const char *list;
} sources[] = {
    {COMPLETE_STAGES, "stages"}, {COMPLETE_RUNS, "runs"},       {COMPLETE_SETTINGS, "settings"},
    {COMPLETE_DATA, "data"},     {COMPLETE_REMOTES, "remotes"},
};

/* Words that are known now. */
static void add_fixed_words(struct buf *out, const struct cli_command *command)
{
    for (size_t i = 0; i < command->action_count; i++)
        buf_print(out, " %s", command->actions[i].name);
    if (command->completes & COMPLETE_RUNS)
        buf_add_text(out, " @ workspace");
    if (command->completes & COMPLETE_COMMANDS) {
        buf_add_char(out, ' ');
        add_command_words(out);
    }
}

static void add_bash_case(struct buf *out, const struct cli_command *command)
{
    buf_print(out, "    %s)\n        options=\"", command->name);
    add_option_words(out, command);
    buf_add_text(out, "\"\n        words=\"");
    add_fixed_words(out, command);
    buf_add_text(out, "\"\n        lists=\"");
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        if (command->completes & sources[i].bit)
            buf_print(out, " --%s", sources[i].list);
    buf_print(out, "\"\n        files=%d ;;\n", command->completes & COMPLETE_FILES ? 1 : 0);
}

static void add_bash_choices(struct buf *out)
{
    size_t count;
    const struct option_row *rows = common_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].kind != OPTION_CHOICE)
            continue;
        buf_print(out, "    --%s=*) COMPREPLY=($(compgen -P --%s= -W \"", rows[i].name,
                  rows[i].name);
        for (int c = 0; rows[i].choices[c]; c++)
            buf_print(out, "%s%s", c ? " " : "", rows[i].choices[c]);
        buf_add_text(out, "\" -- \"${current#*=}\")); return ;;\n");
    }
}

static void print_bash(struct buf *out)
{
    size_t count;
    const struct cli_command *const *all = commands_all(&count);
    buf_add_text(out, "# completion of mlops for bash, made by 'mlops completion bash'\n"
                      "_mlops() {\n"
                      "    local current=\"${COMP_LINE:0:COMP_POINT}\" command='' word list\n"
                      "    local options='' words='' lists='' files=0 IFS=$' \\t\\n'\n"
                      "    current=\"${current##* }\"\n"
                      "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                      "        case \"$word\" in -*) ;; *) command=\"$word\"; break ;; esac\n"
                      "    done\n"
                      "    case \"$current\" in\n");
    add_bash_choices(out);
    buf_add_text(out, "    esac\n    case \"$command\" in\n    '')\n        words=\"");
    add_command_words(out);
    buf_add_text(out, "\"\n        options=\"--help --version\" ;;\n");
    for (size_t i = 0; i < count; i++) {
        if (!all[i]->is_hidden)
            add_bash_case(out, all[i]);
    }
    buf_add_text(out, "    esac\n"
                      "    case \"$current\" in\n"
                      "    --remote=* | --remote-name=*)\n"
                      "        COMPREPLY=($(compgen -P \"${current%%=*}=\" -W \"$(mlops help "
                      "--remotes 2>/dev/null)\" -- \"${current#*=}\"))\n"
                      "        return ;;\n"
                      "    -*) words=\"$options\"; lists=''; files=0 ;;\n"
                      "    esac\n"
                      "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                      "    for list in $lists; do\n"
                      "        while IFS= read -r word; do\n"
                      "            case \"$word\" in\n"
                      "            \"$current\"*) COMPREPLY+=(\"$word\") ;;\n"
                      "            esac\n"
                      "        done < <(mlops help \"$list\" 2>/dev/null)\n"
                      "    done\n"
                      "    if [ \"$files\" = 1 ]; then\n"
                      "        COMPREPLY+=($(compgen -f -- \"$current\"))\n"
                      "    fi\n"
                      "    case \"${COMPREPLY[0]-}\" in *=) compopt -o nospace ;; esac\n"
                      "}\n"
                      "complete -o filenames -F _mlops mlops\n");
}

/* Text within single quotes. */
static void add_single_quoted(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_char(out, *text);
    }
}

/* zsh takes ':' in a description apart. */
static void add_zsh_text(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_add_text(out, "'\\''");
        else if (strchr(":[]", *text))
            buf_print(out, "\\%c", *text);
        else
            buf_add_char(out, *text);
    }
}

static void add_zsh_value(struct buf *out, const struct option_row *row)
{
    if (row->kind == OPTION_FLAG)
        return;
    buf_add_char(out, ':');
    add_zsh_text(out, row->value ? row->value : "value");
    buf_add_char(out, ':');
    if (row->kind == OPTION_CHOICE) {
        for (int c = 0; row->choices[c]; c++)
            buf_print(out, "%s%s", c ? " " : "(", row->choices[c]);
        buf_add_char(out, ')');
    } else if (row->completes & COMPLETE_FILES) {
        buf_add_text(out, "_files");
    } else if (row->completes & COMPLETE_REMOTES) {
        buf_add_text(out, "($(mlops help --remotes 2>/dev/null))");
    }
}

static void add_zsh_option(struct buf *out, const struct option_row *row)
{
    const char *equals = row->kind == OPTION_FLAG ? "" : "=";
    const char *repeats = row->kind == OPTION_STRS ? "*" : "";
    buf_print(out, "            '%s--%s%s[", repeats, row->name, equals);
    add_zsh_text(out, row->help);
    buf_add_char(out, ']');
    add_zsh_value(out, row);
    buf_add_text(out, "' \\\n");
    if (!row->letter)
        return;
    buf_print(out, "            '%s-%c%s[", repeats, row->letter,
              row->kind == OPTION_FLAG ? "" : "+");
    add_zsh_text(out, row->help);
    buf_add_char(out, ']');
    add_zsh_value(out, row);
    buf_add_text(out, "' \\\n");
}

static void add_zsh_case(struct buf *out, const struct cli_command *command)
{
    buf_print(out, "    %s)\n        words=(", command->name);
    add_fixed_words(out, command);
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        if (command->completes & sources[i].bit)
            buf_print(out, " ${(f)\"$(mlops help --%s 2>/dev/null)\"}", sources[i].list);
    buf_add_text(out, ")\n        _arguments -s \\\n");
    for (int table = 0; table < 2; table++) {
        size_t count;
        const struct option_row *rows = rows_of(command, table, &count);
        for (size_t i = 0; i < count; i++) {
            if (!rows[i].is_hidden)
                add_zsh_option(out, &rows[i]);
        }
    }
    buf_print(out, "            '*:word:%s' ;;\n",
              command->completes & COMPLETE_FILES ? "_alternative \"words:word:(\\${words})\" "
                                                    "\"files:file:_files\""
                                                  : "(${words})");
}

static void print_zsh(struct buf *out)
{
    size_t count;
    const struct cli_command *const *all = commands_all(&count);
    buf_add_text(out, "#compdef mlops\n"
                      "# completion of mlops for zsh, made by 'mlops completion zsh'\n"
                      "_mlops_command() {\n"
                      "    local -a words\n"
                      "    case \"$1\" in\n");
    for (size_t i = 0; i < count; i++) {
        if (!all[i]->is_hidden)
            add_zsh_case(out, all[i]);
    }
    buf_add_text(out, "    esac\n}\n"
                      "_mlops() {\n"
                      "    local -a commands\n"
                      "    commands=(\n");
    for (size_t i = 0; i < count; i++) {
        if (all[i]->is_hidden)
            continue;
        buf_print(out, "        '%s:", all[i]->name);
        add_zsh_text(out, all[i]->summary);
        buf_add_text(out, "'\n");
    }
    buf_add_text(out, "    )\n"
                      "    local context state state_descr line\n"
                      "    typeset -A opt_args\n"
                      "    _arguments -C '1:command:->command' '*::arguments:->arguments'\n"
                      "    case \"$state\" in\n"
                      "    command) _describe command commands ;;\n"
                      "    arguments) _mlops_command \"$line[1]\" ;;\n"
                      "    esac\n"
                      "}\n"
                      "if [ \"$funcstack[1]\" = _mlops ]; then _mlops \"$@\"; else compdef _mlops "
                      "mlops; fi\n");
}

static void add_fish_option(struct buf *out, const char *command, const struct option_row *row)
{
    buf_add_text(out, "complete -c mlops");
    if (command)
        buf_print(out, " -n '__fish_seen_subcommand_from %s'", command);
    if (row->letter)
        buf_print(out, " -s %c", row->letter);
    buf_print(out, " -l %s", row->name);
    if (row->kind != OPTION_FLAG)
        buf_add_text(out, row->completes & COMPLETE_FILES ? " -r -F" : " -x");
    if (row->kind == OPTION_CHOICE) {
        buf_add_text(out, " -a '");
        for (int c = 0; row->choices[c]; c++)
            buf_print(out, "%s%s", c ? " " : "", row->choices[c]);
        buf_add_char(out, '\'');
    }
    if (row->completes & COMPLETE_REMOTES)
        buf_add_text(out, " -a '(mlops help --remotes 2>/dev/null)'");
    buf_add_text(out, " -d '");
    add_single_quoted(out, row->help);
    buf_add_text(out, "'\n");
}

static void add_fish_words(struct buf *out, const struct cli_command *command)
{
    const char *name = command->name;
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        if (command->completes & sources[i].bit)
            buf_print(out,
                      "complete -c mlops -n '__fish_seen_subcommand_from %s' -a '%s(mlops help "
                      "--%s 2>/dev/null)'\n",
                      name, sources[i].bit == COMPLETE_RUNS ? "@ workspace " : "", sources[i].list);
    }
    for (size_t i = 0; i < command->action_count; i++)
        buf_print(out, "complete -c mlops -n '__fish_seen_subcommand_from %s' -a %s\n", name,
                  command->actions[i].name);
    if (command->completes & COMPLETE_FILES)
        buf_print(out, "complete -c mlops -n '__fish_seen_subcommand_from %s' -F\n", name);
    if (command->completes & COMPLETE_COMMANDS) {
        buf_print(out, "complete -c mlops -n '__fish_seen_subcommand_from %s' -a '", name);
        add_command_words(out);
        buf_add_text(out, "'\n");
    }
}

static void print_fish(struct buf *out)
{
    size_t count;
    size_t row_count;
    const struct cli_command *const *all = commands_all(&count);
    const struct option_row *rows = common_rows(&row_count);
    buf_add_text(out, "# completion of mlops for fish, made by 'mlops completion fish'\n"
                      "complete -c mlops -f\n");
    for (size_t i = 0; i < row_count; i++)
        add_fish_option(out, NULL, &rows[i]);
    for (size_t i = 0; i < count; i++) {
        const struct cli_command *command = all[i];
        if (command->is_hidden)
            continue;
        buf_print(out, "complete -c mlops -n __fish_use_subcommand -a %s -d '", command->name);
        add_single_quoted(out, command->summary);
        buf_add_text(out, "'\n");
        for (size_t o = 0; o < command->option_count; o++) {
            if (!command->options[o].is_hidden)
                add_fish_option(out, command->name, &command->options[o]);
        }
        add_fish_words(out, command);
    }
}

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    static void (*const printers[])(struct buf * out) = {print_bash, print_zsh, print_fish};
    (void)options, (void)argc;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (str_is(argv[0], actions[i].name)) {
            printers[i](&context->out);
            return NULL;
        }
    }
    return error_new(ERROR_USAGE, "there is no completion for '%.*s', but for bash, zsh and fish",
                     STR_FMT(argv[0]));
}

static const struct command_example examples[] = {
    {"eval \"$(mlops completion bash)\"", "in ~/.bashrc"},
    {"mlops completion zsh > ~/.zfunc/_mlops", "as an autoloaded function of zsh"},
};

const struct cli_command cmd_completion = {
    .name = "completion",
    .group = GROUP_OTHER,
    .arguments = "SHELL",
    .summary = "Print the completion for a shell",
    .description = "Completes commands, options, names of stages, runs and settings. The package "
                   "installs these files; this is for other ways of installing.",
    .words_least = 1,
    .words_most = 1,
    .actions = actions,
    .action_count = COUNT_OF(actions),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "help",
    .run = run,
};
