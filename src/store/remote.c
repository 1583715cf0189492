#include "mlops/store/remote.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/codec/schema.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"

#include <stdlib.h>

#include "remote_private.h"

#define MEMBER(name) offsetof(struct remote, name)

static const char *const path_styles[] = {"auto", "true", "false", NULL};

/* Adding a setting: a member of struct remote and a row here. */
static const struct config_row rows[] = {
    {"url", CONFIG_TEXT, MEMBER(url), "", NULL, 0, 0, 0, NULL,
     "Where it is: /DIRECTORY, ssh://USER@HOST/PATH, https://, webdavs://, s3://BUCKET/PREFIX."},
    {"trust", CONFIG_BOOL, MEMBER(is_trusted), "false", NULL, 0, 0, 0, NULL,
     "Use stage results from there, too: who can write them decides what is not run."},
    {"trusted_keys", CONFIG_PATH, MEMBER(trusted_keys), "", NULL, 0, 0, 0, NULL,
     "File of public Ed25519 keys (PEM): results that one of them has signed are used, too."},
    {"sign_key", CONFIG_PATH, MEMBER(sign_key), "", NULL, CONFIG_UNTRACKED, 0, 0, NULL,
     "File of a private Ed25519 key (PEM) that signs the results of a push."},
    {"connections", CONFIG_INT, MEMBER(connections), "0", NULL, 0, 0, 64, NULL,
     "Transfers at once; 0: as many as its kind bears."},
    {"timeout", CONFIG_DURATION, MEMBER(timeout_ns), "60s", NULL, 0, 0, 0, NULL,
     "How long without any byte until a transfer is given up and tried again."},
    {"ca", CONFIG_PATH, MEMBER(ca), "", NULL, 0, 0, 0, NULL,
     "File of the certificates that TLS trusts; the system's if empty."},
    {"insecure", CONFIG_BOOL, MEMBER(is_insecure), "false", NULL, CONFIG_UNTRACKED, 0, 0, NULL,
     "Do not check TLS certificates."},
    {"user", CONFIG_TEXT, MEMBER(user), "", NULL, 0, 0, 0, NULL,
     "HTTP: user for basic authentication; the password comes from password_env."},
    {"password_env", CONFIG_TEXT, MEMBER(password_env), "", NULL, 0, 0, 0, NULL,
     "HTTP: environment variable that holds the password."},
    {"token_env", CONFIG_TEXT, MEMBER(token_env), "", NULL, 0, 0, 0, NULL,
     "HTTP: environment variable that holds a bearer token."},
    {"endpoint", CONFIG_TEXT, MEMBER(endpoint), "", NULL, 0, 0, 0, NULL,
     "S3: URL of the service, if it is not AWS."},
    {"region", CONFIG_TEXT, MEMBER(region), "", NULL, 0, 0, 0, NULL, "S3: region."},
    {"profile", CONFIG_TEXT, MEMBER(profile), "", NULL, 0, 0, 0, NULL,
     "S3: profile of ~/.aws/config and ~/.aws/credentials."},
    {"credential_process", CONFIG_TEXT, MEMBER(credential_process), "", NULL, CONFIG_UNTRACKED, 0,
     0, NULL, "S3: program that prints credentials as JSON, as for the AWS tools."},
    {"path_style", CONFIG_CHOICE, MEMBER(path_style), "auto", NULL, 0, 0, 0, path_styles,
     "S3: whether the bucket is part of the path (true) or of the host's name (false); auto: of "
     "the "
     "path with an endpoint."},
    {"ssh_command", CONFIG_TEXT, MEMBER(ssh_command), "", NULL, CONFIG_UNTRACKED, 0, 0, NULL,
     "SSH: program instead of ssh, with its options."},
};

static const char *name_fault_of_remote(struct str name)
{
    if (str_is(name, "default"))
        return "is taken by the setting remote.default";
    bool is_fine = name.len > 0 && name.len <= 64 && name.at[0] != '-';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        is_fine = is_fine && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '_');
    }
    return is_fine ? NULL : "may hold letters, digits, '-' and '_' only, 64 at most";
}

struct error *remote_check_name(struct str name)
{
    const char *fault = name_fault_of_remote(name);
    return fault ? error_new(ERROR_PROJECT, "the name '%.*s' of a remote %s", STR_FMT(name), fault)
                 : NULL;
}

struct error *remote_row_find(struct str remote, struct str key, const struct config_row **ret)
{
    const char *names[COUNT_OF(rows)];
    TRY(remote_check_name(remote));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        names[i] = rows[i].name;
        if (str_is(key, rows[i].name)) {
            *ret = &rows[i];
            return NULL;
        }
    }
    const char *near = schema_suggest(key, names, COUNT_OF(names));
    return error_hint(error_new(ERROR_PROJECT, "remotes have no setting '%.*s'%s%s%s", STR_FMT(key),
                                near ? " (did you mean '" : "", near ? near : "",
                                near ? "'?)" : ""),
                      "'mlops help remote' lists them");
}

const struct remote_key *remote_keys(size_t *ret_count)
{
    static struct remote_key keys[COUNT_OF(rows)];
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        keys[i] = (struct remote_key){rows[i].name, rows[i].help};
    *ret_count = COUNT_OF(rows);
    return keys;
}

/* A password in a URL would be in every message and in git. */
static FALLIBLE check_url(struct str url)
{
    ptrdiff_t scheme = str_find(url, STR("://"));
    if (!url.len)
        return error_new(ERROR_PROJECT, "the URL is empty");
    if (scheme < 0)
        return NULL;
    struct str rest = str_slice(url, (size_t)scheme + 3, url.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str host = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    ptrdiff_t at = str_find_last_char(host, '@');
    ptrdiff_t colon = at < 0 ? -1 : str_find_char(str_slice(host, 0, (size_t)at), ':');
    if (colon < 0)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "a URL of a remote may not hold a password"),
                      "take it out, and set 'user' and 'password_env' (the name of an environment "
                      "variable)");
}

static struct remote *remote_place(struct arena *arena, struct map *remotes, struct str name)
{
    struct remote *remote = map_get(remotes, name);
    if (!remote) {
        remote = arena_new(arena, struct remote);
        *remote = (struct remote){.name = name, .timeout_ns = 60 * NS_PER_S};
        map_put(arena, remotes, name, remote);
    }
    return remote;
}

static FALLIBLE take_value(struct arena *arena, const struct workspace *workspace,
                           const struct config_value *value, struct map *remotes)
{
    const struct config_row *row = NULL;
    TRY(config_at_node(value->node->key, remote_row_find(value->remote, value->key, &row)));
    const char *fault = config_layer_fault(row, value->layer);
    if (fault)
        return doc_error(value->node->key, "setting '%s' %s", row->name, fault);
    if (str_is(value->key, "url"))
        TRY(config_at_node(value->node, check_url(value->text)));
    struct remote *remote = remote_place(arena, remotes, value->remote);
    return config_at_node(value->node,
                          config_value_set(arena, row, workspace->root, value->text, remote));
}

static int compare_remotes(const void *a, const void *b)
{
    const struct remote *const *left = a, *const *right = b;
    return str_compare((*left)->name, (*right)->name);
}

/* A plain path is seen from the root of the project. */
static void settle_path(struct arena *arena, const struct workspace *workspace,
                        struct remote *remote)
{
    bool is_path = str_find(remote->url, STR("://")) < 0;
    if (is_path && remote->url.at[0] != '/')
        path_resolve(arena, STR(""), path_join(arena, workspace->root, remote->url), &remote->url);
}

struct error *remotes_load(struct arena *arena, const struct workspace *workspace,
                           struct remote_vec *ret)
{
    struct map remotes = {0};
    struct error_list errors = {0};
    vec_each (const struct config_value, value, &workspace->config.remotes)
        error_list_add(&errors, take_value(arena, workspace, value, &remotes));
    TRY(error_list_take(&errors));
    map_each (slot, &remotes) {
        struct remote *remote = slot->value;
        if (!remote->url.len)
            return error_hint(
                error_new(ERROR_PROJECT, "remote '%.*s' has no URL", STR_FMT(remote->name)),
                "mlops config set remote.%.*s.url URL", STR_FMT(remote->name));
        settle_path(arena, workspace, remote);
        *vec_push(arena, ret) = remote;
    }
    vec_sort(ret, compare_remotes);
    return NULL;
}

static FALLIBLE none_of_that_name(const struct remote_vec *all, struct str name)
{
    AUTO(buf_drop) struct buf known = {0};
    for (size_t i = 0; i < all->len; i++)
        buf_print(&known, "%s%.*s", i ? ", " : "", STR_FMT(all->at[i]->name));
    if (!all->len)
        return error_hint(error_new(ERROR_PROJECT, "no remote is configured"),
                          "mlops remote add origin URL --default");
    if (!name.len)
        return error_hint(
            error_new(ERROR_PROJECT, "there are several remotes and none is the default"),
            "mlops remote default NAME, or name one of: %s", known.at);
    return error_hint(error_new(ERROR_PROJECT, "there is no remote '%.*s'", STR_FMT(name)),
                      "there are: %s", known.at);
}

struct error *remotes_find(struct arena *arena, const struct workspace *workspace, struct str name,
                           struct remote **ret)
{
    struct remote_vec all = {0};
    TRY(remotes_load(arena, workspace, &all));
    struct str wanted = name.len ? name : workspace->config.remote_default;
    if (!wanted.len && all.len == 1)
        wanted = all.at[0]->name;
    for (size_t i = 0; i < all.len; i++) {
        if (str_equal(all.at[i]->name, wanted)) {
            *ret = all.at[i];
            return NULL;
        }
    }
    return none_of_that_name(&all, wanted);
}

struct error *remote_of_url(struct arena *arena, struct str url, struct remote **ret)
{
    struct remote *remote = arena_new(arena, struct remote);
    TRY(check_url(url));
    *remote = (struct remote){
        .name = url, .url = url, .timeout_ns = 60 * NS_PER_S, .has_foreign_names = true};
    *ret = remote;
    return NULL;
}
