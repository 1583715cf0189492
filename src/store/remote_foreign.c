/* Remotes of another project, as its settings name them. */
#include "mlops/base/arena.h"
#include "mlops/store/remote.h"

/* Below a remote of ours, or it. */
static const struct remote *own_for(const struct remote_vec *own, struct str url)
{
    const struct remote *found = NULL;
    for (size_t i = 0; i < own->len; i++) {
        struct str base = own->at[i]->url;
        while (base.len && base.at[base.len - 1] == '/')
            base.len--;
        bool is_it =
            base.len && str_starts(url, base) && (url.len == base.len || url.at[base.len] == '/');
        if (is_it && (!found || base.len > found->url.len))
            found = own->at[i];
    }
    return found;
}

/* What names secrets of this machine, or files of it, is not for others to say. */
static void take_credentials_out(struct remote *remote)
{
    struct str none = {0};
    remote->user = remote->password_env = remote->token_env = remote->profile = none;
    remote->ca = remote->trusted_keys = none;
    remote->is_trusted = false;
}

/* Without an endpoint it is AWS, where the region can't lead away from. */
static bool is_at_ours(const struct remote_vec *own, struct str endpoint)
{
    bool is_ours = !endpoint.len;
    for (size_t i = 0; i < own->len; i++)
        is_ours = is_ours || str_equal(own->at[i]->endpoint, endpoint);
    return is_ours;
}

static void settle(const struct remote_vec *own, struct remote *remote)
{
    const struct remote *known = own_for(own, remote->url);
    struct str name = remote->name, url = remote->url;
    if (!known) {
        take_credentials_out(remote);
        remote->is_elsewhere = !is_at_ours(own, remote->endpoint);
        return;
    }
    *remote = *known;
    remote->name = name;
    remote->url = url;
}

static bool is_relative(struct str url)
{
    return str_find(url, STR("://")) < 0 && !str_starts(url, STR("/"));
}

static int by_default_first(struct str first, const struct remote *left, const struct remote *right)
{
    bool is_left = str_equal(left->name, first), is_right = str_equal(right->name, first);
    return is_left != is_right ? (is_left ? -1 : 1) : str_compare(left->name, right->name);
}

static void sort(struct remote_vec *remotes, struct str first)
{
    for (size_t i = 1; i < remotes->len; i++)
        for (size_t at = i; at && by_default_first(first, remotes->at[at - 1], remotes->at[at]) > 0;
             at--) {
            struct remote *moved = remotes->at[at];
            remotes->at[at] = remotes->at[at - 1];
            remotes->at[at - 1] = moved;
        }
}

static ERROR_MADE beside_clones(struct str name, struct str url)
{
    return error_hint(
        error_new(ERROR_PROJECT,
                  "remote '%.*s' of that project is '%.*s', a directory beside its clones",
                  STR_FMT(name), STR_FMT(url)),
        "data that others are to get need a remote that is reached from everywhere");
}

/* A directory that is seen from a project on another machine is not here. */
static FALLIBLE refuse_elsewhere(const struct config *foreign)
{
    vec_each (const struct config_value, value, &foreign->remotes)
        if (str_is(value->key, "url") && is_relative(value->text))
            return beside_clones(value->remote, value->text);
    return NULL;
}

FALLIBLE remote_settle_foreign(struct arena *arena, const struct workspace *own,
                               struct remote *remote)
{
    struct remote_vec known = {0};
    const struct remote *same = NULL;
    bool has_key = remote->key_id.len && remote->key_secret.len; /* theirs, not half of it ours */
    if (is_relative(remote->url))
        return beside_clones(remote->name, remote->url);
    if (!remote->endpoint.len || remote->is_anonymous || has_key)
        return NULL;
    TRY(remotes_load(arena, own, &known));
    for (size_t i = 0; i < known.len && !same; i++)
        same = str_equal(known.at[i]->endpoint, remote->endpoint) ? known.at[i] : NULL;
    remote->is_elsewhere = !same;
    if (!same)
        return NULL;
    remote->profile = same->profile;
    remote->credential_process = same->credential_process;
    remote->ca = same->ca;
    return NULL;
}

struct error *remotes_load_foreign(struct arena *arena, const struct workspace *own,
                                   const struct config *foreign, struct str root,
                                   struct remote_vec *ret)
{
    struct workspace seen = {.root = root.len ? root : STR("/"), .config = *foreign};
    struct remote_vec known = {0};
    if (!root.len)
        TRY(refuse_elsewhere(foreign));
    TRY(remotes_load(arena, own, &known));
    TRY(remotes_load(arena, &seen, ret));
    for (size_t i = 0; i < ret->len; i++)
        settle(&known, ret->at[i]);
    sort(ret, foreign->remote_default);
    return NULL;
}
