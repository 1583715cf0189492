/* Manual pages in man(7), made from the same tables as help. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/cli/help.h"

#include <ctype.h>

/* Text whose dots, quotes, dashes and backslashes mean nothing to roff. */
static void add_roff(struct buf *out, struct str text)
{
    bool is_line_start = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (is_line_start && (c == '.' || c == '\''))
            buf_add_text(out, "\\&");
        if (c == '\\')
            buf_add_text(out, "\\e");
        else if (c == '-')
            buf_add_text(out, "\\-");
        else
            buf_add_char(out, c);
        is_line_start = c == '\n';
    }
}

static void add_text(struct buf *out, const char *text)
{
    add_roff(out, str_of(text));
}

static void add_paragraphs(struct buf *out, struct str text)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        if (line.len == 0) {
            buf_add_text(out, ".PP\n");
            continue;
        }
        add_roff(out, line);
        buf_add_char(out, '\n');
    }
}

static void add_title(struct buf *out, const char *name, const char *summary)
{
    buf_print(out, ".TH \"MLOPS%s", *name ? "-" : "");
    for (const char *at = name; *at; at++)
        buf_add_char(out, (char)toupper((unsigned char)*at));
    buf_print(out, "\" 1 \"\" \"mlops %s\" \"mlops\"\n.SH NAME\nmlops%s%s \\- ", MLOPS_VERSION,
              *name ? "\\-" : "", name);
    add_text(out, summary);
    buf_add_char(out, '\n');
}

static void add_options(struct buf *out, const struct option_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].is_hidden)
            continue;
        AUTO(arena_drop) struct arena arena = {0};
        buf_add_text(out, ".TP\n.B ");
        add_roff(out, str_trim(option_show(&arena, &rows[i])));
        buf_add_char(out, '\n');
        add_text(out, rows[i].help);
        buf_add_text(out, ".\n");
    }
}

static void add_common_options(struct buf *out)
{
    size_t count;
    const struct option_row *rows = common_rows(&count);
    buf_add_text(out, ".SH OPTIONS OF EVERY COMMAND\n");
    add_options(out, rows, count);
}

static void add_exit_statuses(struct buf *out)
{
    size_t count;
    const struct exit_status *rows = exit_statuses(&count);
    buf_add_text(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < count; i++) {
        buf_print(out, ".TP\n.B %s\n", rows[i].code);
        add_text(out, rows[i].meaning);
        buf_add_text(out, ".\n");
    }
}

static void man_overview(struct buf *out)
{
    size_t count;
    const struct cli_command *const *all = commands_all(&count);
    add_title(out, "", "pipelines, data and models: versioned, cached, compared");
    buf_add_text(out, ".SH SYNOPSIS\n.B mlops\n.I COMMAND\n[\\fIARGUMENTS\\fR]\n.SH COMMANDS\n");
    for (int group = 0; group < GROUP_COUNT; group++) {
        bool is_titled = false;
        for (size_t i = 0; i < count; i++) {
            if ((int)all[i]->group != group || all[i]->is_hidden)
                continue;
            if (!is_titled)
                buf_print(out, ".SS %s\n", command_group_title((enum command_group)group));
            is_titled = true;
            buf_print(out, ".TP\n.BR mlops\\-%s (1)\n", all[i]->name);
            add_text(out, all[i]->summary);
            buf_add_text(out, ".\n");
        }
    }
    add_common_options(out);
    add_exit_statuses(out);
}

static void add_actions(struct buf *out, const struct cli_command *command)
{
    for (size_t i = 0; i < command->action_count; i++) {
        buf_print(out, ".TP\n.B %s\n", command->actions[i].name);
        if (*command->actions[i].arguments)
            buf_print(out, ".I %s\n.br\n", command->actions[i].arguments);
        add_text(out, command->actions[i].help);
        buf_add_text(out, ".\n");
    }
}

static void add_examples(struct buf *out, const struct cli_command *command)
{
    if (command->example_count)
        buf_add_text(out, ".SH EXAMPLES\n");
    for (size_t i = 0; i < command->example_count; i++) {
        buf_add_text(out, ".TP\n.B ");
        add_text(out, command->examples[i].line);
        buf_add_char(out, '\n');
        add_text(out, command->examples[i].says);
        buf_add_text(out, ".\n");
    }
}

static void add_see_also(struct buf *out, const struct cli_command *command)
{
    buf_add_text(out, ".SH SEE ALSO\n.BR mlops (1)");
    struct str rest = str_of(command->see_also);
    struct str name;
    while (str_split(&rest, ',', &name)) {
        name = str_trim(name);
        buf_print(out, ",\n.BR mlops\\-%.*s (1)", STR_FMT(name));
    }
    buf_add_char(out, '\n');
}

static void man_command(struct buf *out, const struct cli_command *command)
{
    add_title(out, command->name, command->summary);
    buf_print(out, ".SH SYNOPSIS\n.B mlops %s\n[\\fIOPTIONS\\fR]\n", command->name);
    add_text(out, command->arguments);
    buf_add_text(out, "\n.SH DESCRIPTION\n");
    add_paragraphs(out, str_of(command->description ? command->description : command->summary));
    add_actions(out, command);
    if (command->option_count)
        buf_add_text(out, ".SH OPTIONS\n");
    add_options(out, command->options, command->option_count);
    add_common_options(out);
    add_examples(out, command);
    add_exit_statuses(out);
    add_see_also(out, command);
}

void help_man(struct buf *out, const struct cli_command *command)
{
    if (command)
        man_command(out, command);
    else
        man_overview(out);
}
