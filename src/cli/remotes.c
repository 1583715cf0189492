#include "mlops/cli/remotes.h"

#include "mlops/base/arena.h"
#include "mlops/model/name.h"
#include "mlops/store/depot.h"
#include "mlops/store/transport.h"

#include <stdlib.h>

static struct str setting(struct context *context, struct str remote, struct str key)
{
    return str_print(context->arena, "remote.%.*s.%.*s", STR_FMT(remote), STR_FMT(key));
}

static FALLIBLE set(struct context *context, const struct workspace *workspace,
                    enum config_layer layer, struct str remote, struct str key, struct str value)
{
    return config_set(context->arena, workspace->home, layer, setting(context, remote, key), value,
                      false);
}

/* A path is typed relative to the current directory, and kept relative to the project. */
static struct str settle_url(struct context *context, const struct workspace *workspace,
                             struct str url)
{
    struct arena *arena = context->arena;
    struct str path = {0};
    if (str_find(url, STR("://")) >= 0 || url.at[0] == '/')
        return url;
    ptrdiff_t bracket = str_find(url, STR("]:")), slash = str_find_char(url, '/');
    ptrdiff_t colon = bracket > 0 ? bracket + 1 : str_find_char(url, ':');
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

/* "s3:/bucket" would be a path on a host that is called s3. */
static FALLIBLE refuse_one_slash(struct arena *arena, struct str written)
{
    ptrdiff_t colon = str_find(written, STR(":/"));
    if (colon <= 0 || str_starts(str_slice(written, (size_t)colon, written.len), STR("://")))
        return NULL;
    struct str rest = str_slice(written, (size_t)colon + 2, written.len);
    struct str meant = str_print(arena, "%.*s://%.*s", (int)colon, written.at, STR_FMT(rest));
    if (!transport_knows(meant))
        return NULL;
    return error_hint(error_new(ERROR_USAGE, "'%.*s' has one '/' too few (did you mean '%.*s'?)",
                                STR_FMT(written), STR_FMT(meant)),
                      "a path on a host of that name: ssh://%.*s/%.*s", (int)colon, written.at,
                      STR_FMT(rest));
}

/* *ret as it is kept; one that no remote can have is an error. */
static FALLIBLE read_url(struct context *context, const struct workspace *workspace,
                         struct str written, struct str *ret)
{
    struct remote *ignored = NULL;
    TRY(refuse_one_slash(context->arena, written));
    struct str url = written.len ? settle_url(context, workspace, written) : written;
    TRY(remote_of_url(context->arena, url, &ignored));
    if (!transport_knows(url))
        return error_hint(error_new(ERROR_USAGE, "'%.*s' is no kind of remote", STR_FMT(url)),
                          "it is a directory, ssh://, https://, webdavs:// or s3://");
    *ret = url;
    return NULL;
}

FALLIBLE remotes_add(struct context *context, const struct workspace *workspace,
                     enum config_layer layer, int argc, const struct str *argv)
{
    struct str url = {0};
    TRY(refuse_known(workspace, argv[0]));
    TRY(read_url(context, workspace, argv[1], &url));
    struct str key = {0}, value = {0};
    for (int i = 2; i < argc; i++) { /* whether all are right, before any is written */
        TRY(split_pair(argv[i], &key, &value));
        TRY(config_check(context->arena, workspace->home, layer, setting(context, argv[0], key),
                         value));
    }
    TRY(set(context, workspace, layer, argv[0], STR("url"), url));
    for (int i = 2; i < argc; i++) {
        TRY(split_pair(argv[i], &key, &value));
        TRY(set(context, workspace, layer, argv[0], key, value));
    }
    return NULL;
}

/* The strongest layer that says where it is: there it says so. */
FALLIBLE remotes_set_url(struct context *context, const struct workspace *workspace,
                         struct str name, struct str written)
{
    struct remote *remote = NULL;
    struct str url = {0};
    enum config_layer layer = CONFIG_PROJECT;
    TRY(remotes_find(context->arena, workspace, name, &remote));
    TRY(read_url(context, workspace, written, &url));
    vec_each (const struct config_value, value, &workspace->config.remotes)
        if (str_equal(value->remote, remote->name) && str_is(value->key, "url"))
            layer = value->layer;
    return set(context, workspace, layer, remote->name, STR("url"), url);
}

/* --- remove, rename --- */

static ERROR_MADE is_unknown(struct str name)
{
    return error_hint(error_new(ERROR_USAGE, "there is no remote '%.*s'", STR_FMT(name)),
                      "'mlops remote' lists them");
}

FALLIBLE remotes_remove(struct context *context, const struct workspace *workspace, struct str name)
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
        return is_unknown(name);
    if (!str_equal(workspace->config.remote_default, name))
        return NULL;
    for (int layer = CONFIG_PROJECT; layer <= CONFIG_LOCAL; layer++)
        TRY(config_set(context->arena, workspace->home, (enum config_layer)layer,
                       STR("remote.default"), (struct str){0}, true));
    return NULL;
}

/* A pipeline is the user's text: what names the remote there is told, not changed. */
static void tell_uses(struct context *context, const struct pipeline *pipeline, struct str from)
{
    if (str_equal(pipeline->remote, from))
        context_warn(context, "%.*s still names the remote '%.*s' (remote:)",
                     STR_FMT(pipeline->path), STR_FMT(from));
    vec_each (const struct stage, stage, &pipeline->stages)
        vec_each (const struct output, output, &stage->outs)
            if (str_equal(output->remote, from))
                context_warn(context, "%.*s still names the remote '%.*s' (output '%.*s')",
                             STR_FMT(pipeline->path), STR_FMT(from), STR_FMT(output->path));
}

static FALLIBLE look_for_uses(struct context *context, struct str from)
{
    struct pipeline *pipeline = NULL;
    TRY(context_readable_pipeline(context, &pipeline));
    if (pipeline)
        tell_uses(context, pipeline, from);
    return NULL;
}

FALLIBLE remotes_rename(struct context *context, const struct workspace *workspace, struct str from,
                        struct str to)
{
    struct config_renaming names = {from, to};
    const struct config_value *any = NULL;
    const char *variable = getenv("MLOPS_REMOTE");
    bool is_of_user = false;
    vec_each (const struct config_value, value, &workspace->config.remotes)
        if (str_equal(value->remote, from))
            any = value;
    if (!any)
        return is_unknown(from);
    TRY(refuse_known(workspace, to));
    TRY(remote_check_name(to));
    TRY(config_rename_remote(context->arena, workspace->home, &names, &is_of_user));
    TRY(depot_rename_known(workspace, from, to));
    if (is_of_user)
        context_notice(context, "~/.config/mlops/config.yaml was changed, too: all projects of "
                                "this user read it");
    if (variable && str_equal(str_of(variable), from))
        context_warn(context, "the environment variable MLOPS_REMOTE still names '%.*s'",
                     STR_FMT(from));
    return look_for_uses(context, from);
}
