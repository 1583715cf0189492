#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/cli/command.h"
#include "mlops/cli/remotes.h"
#include "mlops/cli/report.h"
#include "mlops/codec/schema.h"

struct remote_options {
    bool is_default, local, user;
};

static const struct option_row rows[] = {
    {"default", 'd', OPTION_FLAG_AT(struct remote_options, is_default),
     .help = "add: make it the default, too"},
    {"local", 0, OPTION_FLAG_AT(struct remote_options, local),
     .help = "Write to .mlops/config.local.yaml, which git does not track"},
    {"user", 0, OPTION_FLAG_AT(struct remote_options, user),
     .help = "Write to ~/.config/mlops/config.yaml, for all projects"},
};

static const struct command_action actions[] = {
    {"list", "", "Print the remotes (the default)"},
    {"add", "NAME URL [KEY=VALUE...]", "Configure a remote"},
    {"rename", "OLD NEW", "Give it another name; what it holds is found as before"},
    {"remove", "NAME", "Take its settings away; what is stored there stays"},
    {"get-url", "[NAME]", "Print where it is"},
    {"set-url", "NAME URL", "Say that it is elsewhere; its other settings stay"},
    {"default", "[NAME]", "Print or set the remote that push, pull and fetch use"},
    {"check", "[NAME]", "Write, read and remove a small file there, and say what works"},
};

enum action {
    ACTION_LIST,
    ACTION_ADD,
    ACTION_RENAME,
    ACTION_REMOVE,
    ACTION_GET_URL,
    ACTION_SET_URL,
    ACTION_DEFAULT,
    ACTION_CHECK,
};

/* What git and DVC call it. */
static const struct {
    const char *word, *instead;
} elsewhere[] = {
    {"modify", "mlops config set remote.NAME.KEY VALUE"},
    {"set", "mlops config set remote.NAME.KEY VALUE"},
    {"rm", "mlops remote remove NAME"},
    {"mv", "mlops remote rename OLD NEW"},
    {"ls", "mlops remote list"},
    {"show", "mlops remote check NAME; mlops config lists all settings"},
    {"prune", "mlops gc --remote NAME"},
    {"update", "mlops fetch --remote NAME"},
};

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
    for (size_t i = 0; i < COUNT_OF(elsewhere); i++)
        if (str_is(word, elsewhere[i].word))
            return error_hint(
                error_new(ERROR_USAGE, "'mlops remote' has no action '%.*s'", STR_FMT(word)), "%s",
                elsewhere[i].instead);
    const char *near = schema_suggest(word, names, COUNT_OF(names));
    return error_hint(error_new(ERROR_USAGE, "'mlops remote' has no action '%.*s'%s%s%s",
                                STR_FMT(word), near ? " (did you mean '" : "", near ? near : "",
                                near ? "'?)" : ""),
                      "it is one of list, add, rename, remove, get-url, set-url, default, check");
}

static struct str default_name(const struct workspace *workspace, const struct remote_vec *all)
{
    struct str name = workspace->config.remote_default;
    return name.len || all->len != 1 ? name : all->at[0]->name;
}

static FALLIBLE list_remotes(struct context *context, const struct workspace *workspace)
{
    static const struct column columns[] = {
        {.name = "name", .title = "NAME"},
        {.name = "url", .title = "URL", .may_shrink = true},
        {.name = "is_default", .title = "DEFAULT"},
        {.name = "is_trusted", .title = "TRUSTED"},
    };
    struct remote_vec all = {0};
    TRY(remotes_load(context->arena, workspace, &all));
    struct str preferred = default_name(workspace, &all);
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < all.len; i++) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(all.at[i]->name);
        row[1] = cell_text(all.at[i]->url);
        row[2] = cell_bool(str_equal(all.at[i]->name, preferred));
        row[3] = cell_bool(all.at[i]->is_trusted);
    }
    if (!all.len && context->format == FORMAT_TABLE)
        context_notice(context, "no remote is configured: mlops remote add origin URL --default");
    report_table(context, &table, "remotes");
    return NULL;
}

static FALLIBLE print_url(struct context *context, const struct workspace *workspace,
                          struct str name)
{
    struct remote *remote = NULL;
    TRY(remotes_find(context->arena, workspace, name, &remote));
    buf_print(&context->out, "%.*s\n", STR_FMT(remote->url));
    return NULL;
}

static FALLIBLE set_default(struct context *context, const struct workspace *workspace,
                            enum config_layer layer, int argc, const struct str *argv)
{
    struct remote *remote = NULL;
    TRY(remotes_find(context->arena, workspace, argc ? argv[0] : (struct str){0}, &remote));
    if (argc)
        return config_set(context->arena, workspace->home, layer, STR("remote.default"), argv[0],
                          false);
    buf_print(&context->out, "%.*s\n", STR_FMT(remote->name));
    return NULL;
}

static FALLIBLE act(struct context *context, const struct workspace *workspace, enum action action,
                    const struct remote_options *options, int argc, const struct str *argv)
{
    enum config_layer layer = options->user    ? CONFIG_USER
                              : options->local ? CONFIG_LOCAL
                                               : CONFIG_PROJECT;
    struct str name = argc ? argv[0] : (struct str){0};
    switch (action) {
    case ACTION_ADD:
        TRY(remotes_add(context, workspace, layer, argc, argv));
        return options->is_default ? config_set(context->arena, workspace->home, layer,
                                                STR("remote.default"), name, false)
                                   : NULL;
    case ACTION_RENAME:
        return remotes_rename(context, workspace, name, argv[1]);
    case ACTION_REMOVE:
        return remotes_remove(context, workspace, name);
    case ACTION_GET_URL:
        return print_url(context, workspace, name);
    case ACTION_SET_URL:
        return remotes_set_url(context, workspace, name, argv[1]);
    case ACTION_DEFAULT:
        return set_default(context, workspace, layer, argc, argv);
    case ACTION_CHECK:
        return remotes_check(context, workspace, name);
    case ACTION_LIST:
        break;
    }
    return list_remotes(context, workspace);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    static const struct {
        int least, most;
    } words[] = {[ACTION_LIST] = {0, 0},    [ACTION_ADD] = {2, 40},    [ACTION_RENAME] = {2, 2},
                 [ACTION_REMOVE] = {1, 1},  [ACTION_GET_URL] = {0, 1}, [ACTION_SET_URL] = {2, 2},
                 [ACTION_DEFAULT] = {0, 1}, [ACTION_CHECK] = {0, 1}};
    const struct remote_options *options = opaque;
    struct workspace *workspace = NULL;
    enum action action = ACTION_LIST;
    if (argc)
        TRY(find_action(argv[0], &action));
    argc -= argc > 0;
    argv += argc || action != ACTION_LIST ? 1 : 0;
    if (argc < words[action].least || argc > words[action].most)
        return error_new(ERROR_USAGE, "mlops remote %s takes: %s", actions[action].name,
                         *actions[action].arguments ? actions[action].arguments : "nothing");
    if (options->local && options->user)
        return error_new(ERROR_USAGE, "--local and --user exclude each other");
    TRY(context_project(context, &workspace));
    return act(context, workspace, action, options, argc, argv);
}

static const struct command_example examples[] = {
    {"mlops remote add origin /mnt/team/data --default", "a directory, also of a network"},
    {"mlops remote add lab ssh://me@host/srv/data", "by SSH, with its own configuration and agent"},
    {"mlops remote add s3 s3://bucket/project region=eu-central-1 profile=team", "S3"},
    {"mlops remote add minio s3://data/p endpoint=https://minio.lab:9000", "S3-compatible"},
    {"mlops remote set-url origin s3://bucket/project", "it moved"},
    {"mlops config set remote.origin.connections 4", "any other setting"},
    {"mlops remote check", "does the default one work?"},
};

const struct cli_command cmd_remote = {
    .name = "remote",
    .group = GROUP_DATA,
    .arguments = "[ACTION] [NAME] [URL] [KEY=VALUE...]",
    .summary = "Configure where data are shared",
    .description =
        "A remote is a place that push writes to and pull reads from: a directory, a host with "
        "SSH, an HTTP or WebDAV server, a bucket of S3. Its settings are remote.NAME.KEY, changed "
        "by 'mlops config set remote.NAME.KEY VALUE' too. KEY is one of\n"
        "\n"
        "trust (true: use stage results from there, too), trusted_keys, sign_key, connections, "
        "timeout, ca, insecure; "
        "user, password_env, token_env (HTTP: names of environment variables, never the secrets "
        "themselves); endpoint, region, profile, credential_process, path_style (S3); "
        "ssh_command.\n"
        "\n"
        "insecure, credential_process and ssh_command may not stand in the tracked file: add them "
        "with --local or --user.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct remote_options),
    .words_most = -1,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_REMOTES,
    .actions = actions,
    .action_count = COUNT_OF(actions),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "push, pull, config",
    .has_rows = true,
    .run = run,
};
