#include "mlops/cli/help.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report.h"

enum { HELP_COLUMNS = 80, HELP_COLUMN = 26, NAME_COLUMN = 14 };

static const struct exit_status exit_status_rows[] = {
    {"0", "done, and durable (also: a gate that is inconclusive, with a warning)"},
    {"1", "the answer is no: a stage failed, was rejected or is unconfirmed, a gate failed, or "
          "--exit-code was given and there are differences or changes"},
    {"2", "usage: unknown command or option"},
    {"3", "the project's own files are wrong: pipeline, parameters, schema, lock"},
    {"4", "the machine or a service failed: I/O, disk full, git, network"},
    {"5", "stored data is damaged, or written by a newer version"},
    {"70", "a bug in mlops"},
    {"128+n", "ended by signal n (130: Ctrl-C)"},
};

const struct exit_status *exit_statuses(size_t *ret_count)
{
    *ret_count = COUNT_OF(exit_status_rows);
    return exit_status_rows;
}

static int help_width(const struct context *context)
{
    return context->columns ? MIN_OF(context->columns, 100) : HELP_COLUMNS;
}

/* "  left        right, wrapped" */
static void add_pair(struct context *context, struct str left, struct str right, int column)
{
    struct buf *out = &context->out;
    int width = help_width(context);
    column = MIN_OF(column, width / 2);
    buf_add_text(out, "  ");
    report_add_toned(context, TONE_STRONG, left);
    int at = 2 + (int)left.len;
    if (at + 2 > column) {
        buf_add_char(out, '\n');
        at = 0;
    }
    buf_add_repeated(out, ' ', (size_t)(column - at));
    report_wrap(out, right, column, column, width);
    buf_add_char(out, '\n');
}

static void add_heading(struct context *context, const char *text)
{
    report_add_toned(context, TONE_STRONG, str_of(text));
    buf_add_char(&context->out, '\n');
}

void help_overview(struct context *context)
{
    size_t count;
    const struct cli_command *const *all = commands_all(&count);
    buf_add_text(&context->out, "usage: mlops COMMAND [ARGUMENTS]\n");
    for (int group = 0; group < GROUP_COUNT; group++) {
        bool is_titled = false;
        for (size_t i = 0; i < count; i++) {
            if ((int)all[i]->group != group || all[i]->is_hidden)
                continue;
            if (!is_titled) {
                buf_add_char(&context->out, '\n');
                add_heading(context, command_group_title((enum command_group)group));
                is_titled = true;
            }
            add_pair(context, str_of(all[i]->name), str_of(all[i]->summary), NAME_COLUMN);
        }
    }
    struct buf more = buf_in(context->arena);
    buf_add_text(&more, "'mlops help COMMAND' explains one; topics:");
    const struct help_topic *topics = help_topics(&count);
    for (size_t i = 0; i < count; i++)
        buf_print(&more, " %s", topics[i].name);
    buf_add_char(&context->out, '\n');
    report_wrap(&context->out, buf_str(&more), 0, 0, help_width(context));
    buf_add_char(&context->out, '\n');
}

static struct str option_help(struct arena *arena, const struct option_row *row)
{
    if (row->kind == OPTION_INT && row->initial && row->initial >= row->least)
        return str_print(arena, "%s (%lld)", row->help, (long long)row->initial);
    if (row->kind == OPTION_DURATION && row->initial > 0)
        return str_print(arena, "%s (%.*s)", row->help,
                         STR_FMT(duration_print(arena, row->initial)));
    return str_of(row->help);
}

static void add_options(struct context *context, const struct option_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_hidden)
            add_pair(context, option_show(context->arena, &rows[i]),
                     option_help(context->arena, &rows[i]), HELP_COLUMN);
    }
}

static void add_paragraphs(struct context *context, struct str text)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        report_wrap(&context->out, line, 0, 0, help_width(context));
        buf_add_char(&context->out, '\n');
    }
}

static void add_actions(struct context *context, const struct cli_command *command)
{
    if (command->action_count == 0)
        return;
    buf_add_char(&context->out, '\n');
    for (size_t i = 0; i < command->action_count; i++) {
        const struct command_action *action = &command->actions[i];
        struct str left = str_print(context->arena, "%s%s%s", action->name,
                                    *action->arguments ? " " : "", action->arguments);
        add_pair(context, left, str_of(action->help), HELP_COLUMN);
    }
}

static void add_examples(struct context *context, const struct cli_command *command)
{
    if (command->example_count == 0)
        return;
    buf_add_char(&context->out, '\n');
    add_heading(context, "examples");
    for (size_t i = 0; i < command->example_count; i++) {
        buf_print(&context->out, "  %s\n      ", command->examples[i].line);
        report_wrap(&context->out, str_of(command->examples[i].says), 6, 6, help_width(context));
        buf_add_char(&context->out, '\n');
    }
}

void help_command(struct context *context, const struct cli_command *command)
{
    struct buf *out = &context->out;
    struct str usage = str_print(context->arena, "usage: mlops %s [OPTIONS]%s%s", command->name,
                                 *command->arguments ? " " : "", command->arguments);
    report_wrap(out, usage, 11, 0, help_width(context));
    buf_add_text(out, "\n\n");
    add_paragraphs(context, str_print(context->arena, "%s.", command->summary));
    if (command->description) {
        buf_add_char(out, '\n');
        add_paragraphs(context, str_of(command->description));
    }
    add_actions(context, command);
    if (command->option_count) {
        buf_add_char(out, '\n');
        add_heading(context, "options");
        add_options(context, command->options, command->option_count);
    }
    buf_add_char(out, '\n');
    add_heading(context, "options of every command");
    size_t count;
    const struct option_row *rows = common_rows(&count);
    add_options(context, rows, count);
    add_examples(context, command);
    if (command->see_also)
        buf_print(out, "\nsee also: %s\n", command->see_also);
}

static void print_exit_statuses(struct context *context)
{
    static const struct column columns[] = {
        {.name = "code", .title = "CODE"},
        {.name = "meaning", .title = "MEANING", .may_shrink = true},
    };
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < COUNT_OF(exit_status_rows); i++) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(str_of(exit_status_rows[i].code));
        row[1] = cell_text(str_of(exit_status_rows[i].meaning));
    }
    if (context->format != FORMAT_TABLE) {
        report_table(context, &table, "exit_statuses");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(exit_status_rows); i++)
        add_pair(context, str_of(exit_status_rows[i].code), str_of(exit_status_rows[i].meaning),
                 10);
}

static void print_limits(struct context *context)
{
    static const struct column columns[] = {
        {.name = "name", .title = "LIMIT"},
        {.name = "value", .title = "VALUE", .is_right = true},
        {.name = "unit", .title = "UNIT"},
        {.name = "reason", .title = "REASON", .may_shrink = true, .drop = 1},
    };
    int count;
    const struct limit *limits = limits_all(&count);
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (int i = 0; i < count; i++) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(str_of(limits[i].name));
        row[1] = cell_int(context->arena, limits[i].value);
        row[2] = cell_text(str_of(limits[i].unit));
        row[3] = cell_text(str_of(limits[i].reason));
    }
    report_table(context, &table, "limits");
}

struct topic_text {
    const char *left, *right;
};

static const struct topic_text naming_rows[] = {
    {"7Q4XM2VD", "the run whose id ends (or begins) with these characters, at least 3"},
    {"@", "the newest run"},
    {"@~1", "the run before it whose state differs; @~2 the one before that"},
    {"NAME", "a tag ('mlops tag') or the name of a run"},
    {"workspace", "what the files say now"},
    {"HEAD~1, main", "the lock file at that git revision: the run that wrote it if the ledger has "
                     "it, else what the lock file itself says"},
};

static void print_naming(struct context *context)
{
    buf_add_text(&context->out, "A run can be named in these ways:\n");
    for (size_t i = 0; i < COUNT_OF(naming_rows); i++)
        add_pair(context, str_of(naming_rows[i].left), str_of(naming_rows[i].right), 18);
    report_line(context, STR("A word that could be two of them is an error that lists both."), 0,
                0);
}

static const struct help_topic topic_rows[] = {
    {"exit-status", "what the exit status means", print_exit_statuses},
    {"limits", "every limit and its reason", print_limits},
    {"naming-runs", "how a run is named", print_naming},
};

const struct help_topic *help_topics(size_t *ret_count)
{
    *ret_count = COUNT_OF(topic_rows);
    return topic_rows;
}

bool help_topic(struct context *context, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(topic_rows); i++) {
        if (str_is(name, topic_rows[i].name)) {
            topic_rows[i].print(context);
            return true;
        }
    }
    return false;
}
