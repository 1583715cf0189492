/* Commands as rows. A command is one file src/cli/cmd_<name>.c that exports one descriptor
 * `const struct cli_command cmd_<name>`, and one line of COMMANDS below. Dispatch, help, man pages
 * and completion come out of the descriptor. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/cli/option.h"

enum command_group {
    GROUP_RUN,
    GROUP_LOOK,
    GROUP_DATA,
    GROUP_EXPERIMENTS,
    GROUP_OTHER,
    GROUP_COUNT,
};

/* Checked before the command runs, so that every command says the same when something is missing.
 */
enum command_need {
    NEED_NOTHING = 0,
    NEED_WORKSPACE = 1, /* a place for a project is found */
    NEED_PROJECT = 2,   /* ... and was initialised */
    NEED_DATA = 4,      /* ... or is one of DVC's: what it tracks is data to us, too */
};

struct command_example {
    const char *line; /* what to type */
    const char *says; /* what it does, without a full stop */
};

/* A first word that selects what the command does (`config set`). */
struct command_action {
    const char *name, *arguments, *help;
};

struct cli_command {
    const char *name;
    enum command_group group;
    const char *arguments;   /* "[PIPELINE] [TARGET...]"; "" for none */
    const char *summary;     /* one line without a full stop */
    const char *description; /* paragraphs, separated by an empty line */
    const struct option_row *options;
    size_t option_count;
    size_t options_size;         /* of the struct its rows fill in */
    int words_least, words_most; /* most -1: any number */
    unsigned needs;              /* enum command_need bits */
    unsigned completes;          /* enum completion bits for its words */
    const struct command_action *actions;
    size_t action_count;
    const struct command_example *examples;
    size_t example_count;
    const char *see_also; /* "run, why" */
    bool has_rows;        /* its answer is a table: also as CSV and Markdown */
    bool has_findings;    /* ... as JUnit XML and SARIF, for CI systems */
    bool is_hidden;

    /* `options` is zeroed, then filled in; argv are the words, never NULL. */
    FALLIBLE (*run)(struct context *context, void *options, int argc, const struct str *argv);
};

/* All commands, in the order of help: by group. COMMAND(name) -> cmd_<name> */
#define COMMANDS(COMMAND)                                                                          \
    COMMAND(init)                                                                                  \
    COMMAND(run)                                                                                   \
    COMMAND(plan)                                                                                  \
    COMMAND(status)                                                                                \
    COMMAND(why)                                                                                   \
    COMMAND(accept)                                                                                \
    COMMAND(lint)                                                                                  \
    COMMAND(dag)                                                                                   \
    COMMAND(runs)                                                                                  \
    COMMAND(show)                                                                                  \
    COMMAND(logs)                                                                                  \
    COMMAND(diff)                                                                                  \
    COMMAND(metrics)                                                                               \
    COMMAND(params)                                                                                \
    COMMAND(evaluate)                                                                              \
    COMMAND(plots)                                                                                 \
    COMMAND(report)                                                                                \
    COMMAND(lineage)                                                                               \
    COMMAND(add)                                                                                   \
    COMMAND(import_url)                                                                            \
    COMMAND(update)                                                                                \
    COMMAND(get)                                                                                   \
    COMMAND(checkout)                                                                              \
    COMMAND(move)                                                                                  \
    COMMAND(remove)                                                                                \
    COMMAND(resolve)                                                                               \
    COMMAND(ls)                                                                                    \
    COMMAND(du)                                                                                    \
    COMMAND(import)                                                                                \
    COMMAND(push)                                                                                  \
    COMMAND(pull)                                                                                  \
    COMMAND(fetch)                                                                                 \
    COMMAND(remote)                                                                                \
    COMMAND(data)                                                                                  \
    COMMAND(gc)                                                                                    \
    COMMAND(verify)                                                                                \
    COMMAND(sweep)                                                                                 \
    COMMAND(trial)                                                                                 \
    COMMAND(best)                                                                                  \
    COMMAND(apply)                                                                                 \
    COMMAND(reproduce)                                                                             \
    COMMAND(tag)                                                                                   \
    COMMAND(config)                                                                                \
    COMMAND(completion)                                                                            \
    COMMAND(doctor)                                                                                \
    COMMAND(version)                                                                               \
    COMMAND(help)

#define COMMAND_DECLARE(name) extern const struct cli_command cmd_##name;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

const struct cli_command *const *commands_all(size_t *ret_count);
const struct cli_command *command_find(struct str name);
const char *command_group_title(enum command_group group);

/* ERROR_USAGE with the nearest command. */
FALLIBLE command_unknown(struct str name);

/* The options that all commands take. */
const struct option_row *common_rows(size_t *ret_count);

/* Parses the command line (without argv[0]) and runs the command. */
FALLIBLE command_run(struct context *context, int argc, const struct str *argv);
