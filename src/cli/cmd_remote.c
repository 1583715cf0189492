#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/codec/schema.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"
#include "mlops/store/transport.h"

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
    {"remove", "NAME", "Take its settings away; what is stored there stays"},
    {"default", "[NAME]", "Print or set the remote that push, pull and fetch use"},
    {"check", "[NAME]", "Write, read and remove a small file there, and say what works"},
};

enum action { ACTION_LIST, ACTION_ADD, ACTION_REMOVE, ACTION_DEFAULT, ACTION_CHECK };

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
    return error_hint(error_new(ERROR_USAGE, "'mlops remote' has no action '%.*s'%s%s%s",
                                STR_FMT(word), near ? " (did you mean '" : "", near ? near : "",
                                near ? "'?)" : ""),
                      "it is one of list, add, remove, default, check");
}

static enum config_layer layer_of(const struct remote_options *options)
{
    return options->user ? CONFIG_USER : options->local ? CONFIG_LOCAL : CONFIG_PROJECT;
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

/* --- add --- */

static FALLIBLE set(struct context *context, const struct workspace *workspace,
                    enum config_layer layer, struct str remote, struct str key, struct str value)
{
    struct str name = str_print(context->arena, "remote.%.*s.%.*s", STR_FMT(remote), STR_FMT(key));
    return config_set(context->arena, workspace->home, layer, name, value, false);
}

/* A path is typed relative to the current directory, and kept relative to the project. */
static struct str settle_url(struct context *context, const struct workspace *workspace,
                             struct str url)
{
    struct arena *arena = context->arena;
    struct str path = {0};
    if (str_find(url, STR("://")) >= 0 || url.at[0] == '/')
        return url;
    ptrdiff_t colon = str_find_char(url, ':'), slash = str_find_char(url, '/');
    if (colon > 0 && (slash < 0 || colon < slash)) /* as scp has it: HOST:PATH */
        return str_print(
            arena, "ssh://%.*s/%s%.*s", (int)colon, url.at, url.at[colon + 1] == '/' ? "" : "~/",
            STR_FMT(str_slice(url, (size_t)colon + (url.at[colon + 1] == '/' ? 2 : 1), url.len)));
    struct str cwd = path_join(arena, workspace->root, workspace->cwd);
    path_resolve(arena, STR(""), path_join(arena, cwd, url), &path);
    return path_relative(arena, workspace->root, path);
}

static FALLIBLE split_pair(struct str word, struct str *ret_key, struct str *ret_value)
{
    ptrdiff_t at = str_find_char(word, '=');
    if (at <= 0)
        return error_new(ERROR_USAGE, "expected KEY=VALUE, not '%.*s'", STR_FMT(word));
    *ret_key = str_slice(word, 0, (size_t)at);
    *ret_value = str_slice(word, (size_t)at + 1, word.len);
    return NULL;
}

static FALLIBLE refuse_known(const struct workspace *workspace, struct str name)
{
    vec_each (const struct config_value, value, &workspace->config.remotes)
        if (str_equal(value->remote, name))
            return error_hint(error_new(ERROR_USAGE, "there is a remote '%.*s' already (%.*s)",
                                        STR_FMT(name), STR_FMT(value->origin)),
                              "mlops remote remove %.*s, or: mlops config set remote.%.*s.url URL",
                              STR_FMT(name), STR_FMT(name));
    return NULL;
}

static FALLIBLE add_remote(struct context *context, const struct workspace *workspace,
                           const struct remote_options *options, int argc, const struct str *argv)
{
    struct remote *ignored = NULL;
    enum config_layer layer = layer_of(options);
    if (argc < 2)
        return error_new(ERROR_USAGE, "mlops remote add takes: NAME URL [KEY=VALUE...]");
    TRY(refuse_known(workspace, argv[0]));
    struct str url = settle_url(context, workspace, argv[1]);
    TRY(remote_of_url(context->arena, url, &ignored));
    if (!transport_knows(url))
        return error_hint(error_new(ERROR_USAGE, "'%.*s' is no kind of remote", STR_FMT(url)),
                          "it is a directory, ssh://, https://, webdavs:// or s3://");
    struct str key = {0}, value = {0};
    for (int i = 2; i < argc; i++) /* whether all are right, before any is written */
        TRY(split_pair(argv[i], &key, &value));
    TRY(set(context, workspace, layer, argv[0], STR("url"), url));
    for (int i = 2; i < argc; i++) {
        TRY(split_pair(argv[i], &key, &value));
        TRY(set(context, workspace, layer, argv[0], key, value));
    }
    if (options->is_default)
        TRY(config_set(context->arena, workspace->home, layer, STR("remote.default"), argv[0],
                       false));
    return NULL;
}

/* --- remove, default --- */

static FALLIBLE remove_remote(struct context *context, const struct workspace *workspace,
                              struct str name)
{
    bool is_found = false;
    vec_each (const struct config_value, value, &workspace->config.remotes) {
        if (!str_equal(value->remote, name))
            continue;
        is_found = true;
        struct str setting =
            str_print(context->arena, "remote.%.*s.%.*s", STR_FMT(name), STR_FMT(value->key));
        TRY(config_set(context->arena, workspace->home, value->layer, setting, (struct str){0},
                       true));
    }
    if (!is_found)
        return error_hint(error_new(ERROR_USAGE, "there is no remote '%.*s'", STR_FMT(name)),
                          "'mlops remote' lists them");
    if (!str_equal(workspace->config.remote_default, name))
        return NULL;
    for (int layer = CONFIG_PROJECT; layer <= CONFIG_LOCAL; layer++)
        TRY(config_set(context->arena, workspace->home, (enum config_layer)layer,
                       STR("remote.default"), (struct str){0}, true));
    return NULL;
}

static FALLIBLE set_default(struct context *context, const struct workspace *workspace,
                            const struct remote_options *options, int argc, const struct str *argv)
{
    struct remote *remote = NULL;
    TRY(remotes_find(context->arena, workspace, argc ? argv[0] : (struct str){0}, &remote));
    if (argc)
        return config_set(context->arena, workspace->home, layer_of(options), STR("remote.default"),
                          argv[0], false);
    buf_print(&context->out, "%.*s\n", STR_FMT(remote->name));
    return NULL;
}

/* --- check --- */

/* What was found out about a remote. */
struct findings {
    const struct remote *remote;
    bool is_writable, can_list, is_ours;
    int64_t latency_ns, skew_ns;
};

static FALLIBLE take_nothing(void *context, const char *at, size_t len)
{
    (void)at;
    *(int64_t *)context += (int64_t)len;
    return NULL;
}

static FALLIBLE visit_nothing(void *context, const struct transport_item *item)
{
    (void)context, (void)item;
    return NULL;
}

static FALLIBLE probe(struct context *context, struct connection *connection,
                      struct findings *findings)
{
    uint64_t random;
    random_bytes(&random, sizeof random);
    struct str name = str_print(context->arena, "probe/%016llx", (unsigned long long)random);
    struct transport_source source = {.bytes = STR("mlops was here\n"), .fd = -1};
    struct transport_item item = {0};
    struct transport_range all = {0, -1};
    int64_t bytes = 0;
    struct transport_sink sink = {take_nothing, &bytes};
    bool found = false;
    TRY(connection_write(connection, name, &source, WRITE_NEW, NULL));
    int64_t now = clock_real_ns();
    TRY(connection_stat(connection, name, &item, &found));
    if (found && item.modified_ns)
        findings->skew_ns = item.modified_ns - now;
    TRY(connection_read(connection, name, all, &sink, &found));
    TRY(connection_remove(connection, name));
    if (!found || bytes != (int64_t)source.bytes.len)
        return error_new(ERROR_MACHINE, "remote '%.*s' did not give back what was written there",
                         STR_FMT(findings->remote->name));
    return NULL;
}

static FALLIBLE examine(struct context *context, struct findings *findings)
{
    AUTO(transport_drop) struct transport *transport = NULL;
    AUTO(connection_drop) struct connection *connection = NULL;
    struct transport_item item;
    TRY(transport_open(context->arena, findings->remote, &transport));
    TRY(transport_connect(transport, &connection));
    int64_t began = clock_monotonic_ns();
    TRY(connection_stat(connection, STR("format"), &item, &findings->is_ours));
    findings->latency_ns = clock_monotonic_ns() - began;
    findings->can_list = transport_can_list(transport);
    findings->is_writable = transport_is_writable(transport);
    if (findings->is_writable)
        TRY(probe(context, connection, findings));
    if (findings->can_list)
        TRY(connection_list(connection, STR("roots/"), visit_nothing, NULL));
    return NULL;
}

static void print_json(struct context *context, const struct findings *findings)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "name");
    json_str(&json, findings->remote->name);
    json_name(&json, "url");
    json_str(&json, findings->remote->url);
    json_name(&json, "is_writable");
    json_bool(&json, findings->is_writable);
    json_name(&json, "can_list");
    json_bool(&json, findings->can_list);
    json_name(&json, "has_data");
    json_bool(&json, findings->is_ours);
    json_name(&json, "latency_s");
    json_real(&json, report_seconds(findings->latency_ns));
    json_name(&json, "clock_ahead_s");
    json_real(&json, report_seconds(findings->skew_ns));
    report_json_close(&json);
}

static FALLIBLE check_remote(struct context *context, const struct workspace *workspace,
                             struct str name)
{
    static const int64_t SKEW_TOLD_NS = 5 * NS_PER_S;
    struct remote *remote = NULL;
    int signal_fd;
    TRY(signal_open(&signal_fd));
    TRY(remotes_find(context->arena, workspace, name, &remote));
    struct findings findings = {.remote = remote};
    TRY(examine(context, &findings));
    if (context->format == FORMAT_JSON) {
        print_json(context, &findings);
        return NULL;
    }
    struct str latency = duration_print(context->arena, findings.latency_ns);
    buf_print(&context->out, "%.*s: %s, %s, answers in %.*s (%.*s)\n", STR_FMT(remote->name),
              findings.is_writable ? "can be read and written" : "can be read",
              findings.is_ours ? "holds data" : "holds no data of mlops yet", STR_FMT(latency),
              STR_FMT(remote->url));
    if (findings.skew_ns > SKEW_TOLD_NS || findings.skew_ns < -SKEW_TOLD_NS)
        context_warn(
            context, "its clock and ours differ by %.*s",
            STR_FMT(duration_print(context->arena,
                                   findings.skew_ns < 0 ? -findings.skew_ns : findings.skew_ns)));
    return NULL;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    static const struct {
        int least, most;
    } words[] = {[ACTION_LIST] = {0, 0},
                 [ACTION_ADD] = {2, 40},
                 [ACTION_REMOVE] = {1, 1},
                 [ACTION_DEFAULT] = {0, 1},
                 [ACTION_CHECK] = {0, 1}};
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
    switch (action) {
    case ACTION_ADD:
        return add_remote(context, workspace, options, argc, argv);
    case ACTION_REMOVE:
        return remove_remote(context, workspace, argv[0]);
    case ACTION_DEFAULT:
        return set_default(context, workspace, options, argc, argv);
    case ACTION_CHECK:
        return check_remote(context, workspace, argc ? argv[0] : (struct str){0});
    case ACTION_LIST:
        break;
    }
    return list_remotes(context, workspace);
}

static const struct command_example examples[] = {
    {"mlops remote add origin /mnt/team/data --default", "a directory, also of a network"},
    {"mlops remote add lab ssh://me@host/srv/data", "by SSH, with its own configuration and agent"},
    {"mlops remote add s3 s3://bucket/project region=eu-central-1 profile=team", "S3"},
    {"mlops remote add minio s3://data/p endpoint=https://minio.lab:9000", "S3-compatible"},
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
        "by 'mlops config' too. KEY is one of\n"
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
