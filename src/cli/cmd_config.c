#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/codec/schema.h"
#include "mlops/store/workspace.h"

struct config_options {
    bool local, user;
};

static const struct option_row rows[] = {
    {"local", 0, OPTION_FLAG_AT(struct config_options, local),
     .help = "set, unset: in .mlops/config.local.yaml, which git does not track"},
    {"user", 0, OPTION_FLAG_AT(struct config_options, user),
     .help = "set, unset: in ~/.config/mlops/config.yaml, for all projects"},
};

static const struct command_action actions[] = {
    {"list", "", "Print every setting, its value and where it comes from (the default)"},
    {"get", "NAME", "Print the value"},
    {"origin", "NAME", "Print where the value comes from"},
    {"set", "NAME VALUE", "Write a setting into the tracked configuration"},
    {"unset", "NAME", "Remove a setting from there"},
};

enum action { ACTION_LIST, ACTION_GET, ACTION_ORIGIN, ACTION_SET, ACTION_UNSET };

static FALLIBLE find_action(struct str word, enum action *ret)
{
    const char *names[COUNT_OF(actions)];
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        names[i] = actions[i].name;
        if (str_is(word, names[i])) {
            *ret = (enum action)i;
            return NULL;
        }
    }
    const char *near = schema_suggest(word, names, COUNT_OF(names));
    return error_hint(error_new(ERROR_USAGE, "'mlops config' has no action '%.*s'%s%s%s",
                                STR_FMT(word), near ? " (did you mean '" : "", near ? near : "",
                                near ? "'?)" : ""),
                      "it is one of list, get, origin, set, unset");
}

/* Where .mlops is; empty outside of a project, where only the user's settings count. */
static FALLIBLE state_directory(struct context *context, struct str *ret)
{
    struct workspace *workspace = NULL;
    TRY(context_workspace(context, &workspace));
    *ret = fd_number(workspace->home_fd) >= 0 ? workspace->home : (struct str){0};
    return NULL;
}

static FALLIBLE list_settings(struct context *context, struct str state)
{
    static const struct column columns[] = {
        {.name = "name", .title = "NAME"},
        {.name = "value", .title = "VALUE", .may_shrink = true},
        {.name = "origin", .title = "FROM", .may_shrink = true},
    };
    struct config_origin *origins = NULL;
    size_t count = 0;
    TRY(config_list(context->arena, state, &origins, &count));
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < count; i++) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(str_of(origins[i].name));
        row[1] = cell_shown(origins[i].value, origins[i].value);
        row[2] = cell_text(origins[i].origin);
    }
    report_table(context, &table, "settings");
    return NULL;
}

static FALLIBLE unknown_setting(struct str name, const struct config_origin *origins, size_t count,
                                struct arena *arena)
{
    const char **names = arena_new_array(arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        names[i] = origins[i].name;
    const char *near = schema_suggest(name, names, count);
    return error_hint(error_new(ERROR_USAGE, "there is no setting '%.*s'%s%s%s", STR_FMT(name),
                                near ? " (did you mean '" : "", near ? near : "",
                                near ? "'?)" : ""),
                      "'mlops config' lists them");
}

static void print_setting(struct context *context, const struct config_origin *setting,
                          bool says_origin)
{
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "name");
        json_text(&json, setting->name);
        json_name(&json, "value");
        json_str(&json, setting->value);
        json_name(&json, "origin");
        json_str(&json, setting->origin);
        report_json_close(&json);
        return;
    }
    buf_add_escaped(&context->out, says_origin ? setting->origin : setting->value, false);
    buf_add_char(&context->out, '\n');
}

static FALLIBLE show_setting(struct context *context, struct str state, struct str name,
                             bool says_origin)
{
    struct config_origin *origins = NULL;
    size_t count = 0;
    TRY(config_list(context->arena, state, &origins, &count));
    for (size_t i = 0; i < count; i++) {
        if (str_is(name, origins[i].name)) {
            print_setting(context, &origins[i], says_origin);
            return NULL;
        }
    }
    return unknown_setting(name, origins, count, context->arena);
}

static FALLIBLE change_setting(struct context *context, const struct config_options *options,
                               struct str name, struct str value, bool unset)
{
    struct workspace *workspace = NULL;
    struct str state = {0};
    if (options->local && options->user)
        return error_new(ERROR_USAGE, "--local and --user exclude each other");
    enum config_layer layer = options->user    ? CONFIG_USER
                              : options->local ? CONFIG_LOCAL
                                               : CONFIG_PROJECT;
    if (layer != CONFIG_USER) {
        TRY(context_project(context, &workspace));
        state = workspace->home;
    }
    return config_set(context->arena, state, layer, name, value, unset);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    static const int words[] = {[ACTION_LIST] = 1,
                                [ACTION_GET] = 2,
                                [ACTION_ORIGIN] = 2,
                                [ACTION_SET] = 3,
                                [ACTION_UNSET] = 2};
    const struct config_options *options = opaque;
    enum action action = ACTION_LIST;
    struct str state;
    if (argc)
        TRY(find_action(argv[0], &action));
    if (argc && argc != words[action])
        return error_new(ERROR_USAGE, "mlops config %s takes: %s", actions[action].name,
                         *actions[action].arguments ? actions[action].arguments : "nothing");
    switch (action) {
    case ACTION_SET:
        return change_setting(context, options, argv[1], argv[2], false);
    case ACTION_UNSET:
        return change_setting(context, options, argv[1], (struct str){0}, true);
    case ACTION_LIST:
        TRY(state_directory(context, &state));
        return list_settings(context, state);
    case ACTION_GET:
    case ACTION_ORIGIN:
        break;
    }
    TRY(state_directory(context, &state));
    return show_setting(context, state, argv[1], action == ACTION_ORIGIN);
}

static const struct command_example examples[] = {
    {"mlops config", "list every setting with its value and where it comes from"},
    {"mlops config set jobs 4", "run at most four stages at once, for everybody who clones"},
    {"mlops config set --local cache.dir /shared/cache", "use a shared cache on this machine"},
    {"MLOPS_JOBS=1 mlops run", "a setting for one call"},
};

const struct cli_command cmd_config = {
    .name = "config",
    .group = GROUP_OTHER,
    .arguments = "[ACTION] [NAME] [VALUE]",
    .summary = "List, read and change settings",
    .description =
        "Settings come from five layers, the later ones win: built in, ~/.config/mlops/config.yaml,"
        " .mlops/config.yaml (tracked by git), .mlops/config.local.yaml (not tracked), the "
        "environment (MLOPS_...).",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct config_options),
    .words_most = 3,
    .completes = COMPLETE_SETTINGS,
    .actions = actions,
    .action_count = COUNT_OF(actions),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "doctor, init",
    .has_rows = true,
    .run = run,
};
