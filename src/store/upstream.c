#include "mlops/store/upstream.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"

#include "upstream_private.h"

/* A URL in its parts; all but `path` are empty of a plain path. */
struct url_parts {
    struct str scheme, rest; /* rest: behind "://" */
};

static struct url_parts url_split(struct str url)
{
    ptrdiff_t at = str_find(url, STR("://"));
    bool is_url = at > 0;
    for (ptrdiff_t i = 0; i < at; i++)
        is_url = is_url && url.at[i] != '/';
    if (!is_url)
        return (struct url_parts){.rest = url};
    return (struct url_parts){str_slice(url, 0, (size_t)at),
                              str_slice(url, (size_t)at + 3, url.len)};
}

static bool is_http(struct str scheme)
{
    return str_is(scheme, "http") || str_is(scheme, "https") || str_is(scheme, "webdav") ||
           str_is(scheme, "webdavs");
}

static FALLIBLE check_text(struct str url)
{
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.at[i] < ' ' || url.at[i] == 0x7f)
            return error_new(ERROR_USAGE, "the URL '%.*s' holds control characters", STR_FMT(url));
    if (url.len && url.len <= (size_t)LIMIT_PATH_BYTES)
        return NULL;
    return error_new(ERROR_USAGE, "the URL is %s", url.len ? "too long" : "empty");
}

/* Names of parameters whose value lets whoever reads it in. */
static const char *const secret_names[] = {"x-amz-signature",
                                           "x-amz-security-token",
                                           "x-goog-signature",
                                           "signature",
                                           "sig",
                                           "token",
                                           "access_token",
                                           "api_key",
                                           "apikey",
                                           "key",
                                           "password",
                                           "auth"};

static bool is_secret_name(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(secret_names); i++) {
        const char *secret = secret_names[i];
        bool is_it = name.len == strlen(secret);
        for (size_t k = 0; is_it && k < name.len; k++) {
            char c = name.at[k];
            is_it = (c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) == secret[k];
        }
        if (is_it)
            return true;
    }
    return false;
}

/* The URL is recorded in a file that git keeps. */
static FALLIBLE check_secrets(struct str url)
{
    ptrdiff_t mark = str_find_char(url, '?');
    struct str rest = mark < 0 ? (struct str){0} : str_slice(url, (size_t)mark + 1, url.len);
    struct str part = {0};
    while (rest.len && str_split(&rest, '&', &part)) {
        ptrdiff_t equal = str_find_char(part, '=');
        struct str name = str_slice(part, 0, equal < 0 ? part.len : (size_t)equal);
        if (is_secret_name(name))
            return error_hint(
                error_new(ERROR_USAGE,
                          "the URL holds '%.*s', which looks like a secret and would be recorded",
                          STR_FMT(name)),
                "configure a remote that has the credentials, or fetch it yourself and 'mlops add' "
                "it");
    }
    return NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "a%20b" -> "a b"; what is no encoding stays. */
static struct str decode_percent(struct arena *arena, struct str text)
{
    char *at = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = text.at[i] == '%' && i + 2 < text.len ? hex_value(text.at[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_value(text.at[i + 2]);
        unsigned char decoded = low < 0 ? 0 : (unsigned char)((unsigned)high << 4 | (unsigned)low);
        at[len++] = low < 0 ? text.at[i] : (char)decoded;
        i += low < 0 ? 0 : 2;
    }
    at[len] = '\0';
    return (struct str){at, len};
}

/* What a file of this name is called here: without the query, decoded where URLs are encoded. */
static struct str last_of(struct arena *arena, struct str name, bool is_encoded)
{
    ptrdiff_t query = is_encoded ? str_find_char(name, '?') : -1;
    struct str path = query < 0 ? name : str_slice(name, 0, (size_t)query);
    return is_encoded ? decode_percent(arena, path_name(path)) : path_name(path);
}

static void take_end(struct str *text, bool *ret_had_slash)
{
    while (text->len > 1 && text->at[text->len - 1] == '/') {
        text->len--;
        *ret_had_slash = true;
    }
}

static FALLIBLE open_local(struct arena *arena, const struct workspace *workspace,
                           struct str directory, struct str path, struct upstream *upstream)
{
    struct str absolute = {0};
    bool is_relative = path.len && path.at[0] != '/';
    upstream->is_local = true;
    take_end(&path, &upstream->is_directory_named);
    (void)path_resolve(arena, STR(""), path_join(arena, directory, path), &absolute);
    upstream->name = (struct str){str_terminate(arena, absolute), absolute.len};
    upstream->last = path_name(upstream->name);
    if (is_relative && workspace)
        upstream->url = path_relative(arena, workspace->root, upstream->name);
    else if (is_relative)
        upstream->url = upstream->name;
    return NULL;
}

static FALLIBLE open_remote(struct arena *arena, const struct remote *settings, struct str name,
                            struct upstream *upstream)
{
    struct remote *remote = arena_new(arena, struct remote);
    *remote = *settings;
    remote->has_foreign_names = true;
    take_end(&name, &upstream->is_directory_named);
    upstream->name = str_is(name, "/") ? STR("") : str_copy(arena, name);
    upstream->is_directory_named = upstream->is_directory_named || !upstream->name.len;
    upstream->last = last_of(arena, upstream->name, is_http(url_split(remote->url).scheme));
    return transport_open(arena, remote, &upstream->transport);
}

/* The part of a URL behind a remote's own; false: it does not lie below it. */
static bool is_below(struct str url, const struct remote *remote, struct str *ret)
{
    struct str base = remote->url;
    while (base.len && base.at[base.len - 1] == '/')
        base.len--;
    if (!str_starts(url, base) || url.len <= base.len || url.at[base.len] != '/')
        return false;
    *ret = str_slice(url, base.len + 1, url.len);
    return true;
}

/* The configured remote that a URL lies below, the nearest of several; NULL: none. */
static const struct remote *settings_for(const struct remote_vec *all, struct str url,
                                         struct str *ret_name)
{
    const struct remote *found = NULL;
    for (size_t i = 0; i < all->len; i++) {
        struct str name = {0};
        if (is_below(url, all->at[i], &name) && (!found || name.len < ret_name->len)) {
            found = all->at[i];
            *ret_name = name;
        }
    }
    return found;
}

/* Directory and name: "https://host/a/b?q=/x" -> "https://host/a", "b?q=/x". */
static FALLIBLE cut_url(struct str url, bool is_encoded, struct str *ret_base, struct str *ret_name)
{
    ptrdiff_t query = is_encoded ? str_find_char(url, '?') : -1;
    size_t end = query < 0 ? url.len : (size_t)query;
    while (end && url.at[end - 1] == '/')
        end--;
    ptrdiff_t slash = str_find_last_char(str_slice(url, 0, end), '/');
    size_t host = (size_t)str_find(url, STR("://")) + 3;
    if (host >= end)
        return error_new(ERROR_USAGE, "the URL '%.*s' names no file", STR_FMT(url));
    if (slash < (ptrdiff_t)host) { /* nothing behind the host or bucket */
        *ret_base = str_slice(url, 0, end);
        *ret_name = STR("");
        return NULL;
    }
    *ret_base = str_slice(url, 0, (size_t)slash);
    *ret_name = str_slice(url, (size_t)slash + 1, url.len);
    return NULL;
}

static FALLIBLE open_url(struct arena *arena, const struct workspace *workspace, struct str scheme,
                         struct upstream *upstream)
{
    struct remote_vec all = {0};
    struct str name = {0}, base = {0};
    if (workspace)
        TRY(remotes_load(arena, workspace, &all));
    const struct remote *settings = settings_for(&all, upstream->url, &name);
    if (settings)
        return open_remote(arena, settings, name, upstream);
    struct remote *remote = NULL;
    TRY(cut_url(upstream->url, is_http(scheme), &base, &name));
    TRY(error_as_usage(remote_of_url(arena, base, &remote)));
    return error_as_usage(open_remote(arena, remote, name, upstream));
}

/* remote://NAME/PATH. */
static FALLIBLE open_named(struct arena *arena, const struct workspace *workspace, struct str rest,
                           struct upstream *upstream)
{
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str name = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    struct str below = slash < 0 ? STR("") : str_slice(rest, (size_t)slash + 1, rest.len);
    struct remote *remote = NULL;
    if (!workspace)
        return error_new(ERROR_USAGE, "remote:// names a remote of a project, and there is none");
    TRY(remotes_find(arena, workspace, name, &remote));
    struct url_parts parts = url_split(remote->url);
    if (parts.scheme.len && !str_is(parts.scheme, "file"))
        return open_remote(arena, remote, below, upstream);
    struct str url = upstream->url;
    TRY(open_local(arena, workspace, parts.rest, below.len ? below : STR("."), upstream));
    upstream->url = url;
    return NULL;
}

/* A message about the URL that was typed, not about the project's settings. */
FALLIBLE error_as_usage(struct error *error)
{
    return error && error->code == ERROR_PROJECT ? error_recode(error, ERROR_USAGE) : error;
}

struct error *upstream_open(struct arena *arena, const struct workspace *workspace,
                            struct str directory, struct str url, struct upstream *ret)
{
    struct upstream upstream = {.url = str_copy(arena, url)};
    TRY(check_text(url));
    struct url_parts parts = url_split(upstream.url);
    bool is_local = !parts.scheme.len || str_is(parts.scheme, "file");
    if (str_is(parts.scheme, "file") && !str_starts(parts.rest, STR("/")))
        return error_new(ERROR_USAGE, "'%.*s': a file URL is file:///PATH", STR_FMT(url));
    if (is_http(parts.scheme))
        TRY(check_secrets(url));
    if (is_local)
        TRY(open_local(arena, workspace, directory, parts.rest, &upstream));
    else if (str_is(parts.scheme, "remote"))
        TRY(open_named(arena, workspace, parts.rest, &upstream));
    else
        TRY(open_url(arena, workspace, parts.scheme, &upstream));
    *ret = upstream;
    return NULL;
}

void upstream_drop(struct upstream *upstream)
{
    transport_drop(&upstream->transport);
}
