/* HTTP and HTTPS: read only. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <stdlib.h>

#include "transport_http_private.h"

/* --- settings --- */

static FALLIBLE secret_of(struct arena *arena, struct str variable, struct str given,
                          struct str *ret)
{
    const char *value = variable.len ? getenv(str_terminate(arena, variable)) : NULL;
    if (variable.len && !value)
        return error_new(ERROR_MACHINE, "the environment variable %.*s is not set",
                         STR_FMT(variable));
    *ret = variable.len ? str_copy(arena, str_of(value)) : given;
    return NULL;
}

/* What no URL may hold is written as %XX; a '%' that is there stays. */
static struct str as_in_url(struct arena *arena, struct str path)
{
    struct buf out = buf_in(arena);
    buf_add_text(&out, "");
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        bool is_fine = c > ' ' && c < 0x7f && !strchr("\"<>\\^`{|}", c);
        if (is_fine)
            buf_add_char(&out, (char)c);
        else
            buf_print(&out, "%%%02X", c);
    }
    return buf_str(&out);
}

/* "https://user@host/a b/" -> "https://host/a b", "user". */
static FALLIBLE read_url(struct arena *arena, const struct remote *remote, struct site *site)
{
    struct str url = remote->url, rest = transport_rest(url);
    bool is_secure = str_starts(url, STR("https:")) || str_starts(url, STR("webdavs:"));
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str host = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    struct str path = str_slice(rest, host.len, rest.len);
    ptrdiff_t at = str_find_last_char(host, '@');
    if (at >= 0)
        site->options.user = str_slice(host, 0, (size_t)at);
    host = str_slice(host, (size_t)(at + 1), host.len);
    while (path.len && path.at[path.len - 1] == '/')
        path.len--;
    if (!host.len || str_find_char(path, '?') >= 0 || str_find_char(path, '#') >= 0)
        return error_new(ERROR_PROJECT, "'%.*s' is no URL of a directory", STR_FMT(url));
    if (!web_decode(arena, path, false, &site->root))
        return error_new(ERROR_PROJECT, "'%.*s' has a '%%' that is none", STR_FMT(url));
    site->url = str_print(arena, "%s://%.*s%.*s", is_secure ? "https" : "http", STR_FMT(host),
                          STR_FMT(as_in_url(arena, path)));
    return NULL;
}

FALLIBLE site_open(struct arena *arena, struct transport *transport)
{
    const struct remote *remote = transport->remote;
    struct site *site = arena_new(arena, struct site);
    transport->state = site;
    site->options = (struct http_options){
        .timeout_ns = remote->timeout_ns, .ca = remote->ca, .is_insecure = remote->is_insecure};
    TRY(read_url(arena, remote, site));
    if (remote->user.len)
        site->options.user = remote->user;
    site->options.header = remote->header;
    TRY(secret_of(arena, remote->password_env, remote->password, &site->options.password));
    return secret_of(arena, remote->token_env, remote->token, &site->options.token);
}

void site_drop(struct transport *transport)
{
    (void)transport;
}

FALLIBLE site_connect(struct connection *connection)
{
    struct talk *talk = memory_grow(NULL, sizeof *talk);
    *talk = (struct talk){0};
    struct error *error = http_open(&site_of(connection)->options, &talk->http);
    connection->state = talk;
    if (error) {
        free(talk);
        connection->state = NULL;
    }
    return error;
}

void site_disconnect(struct connection *connection)
{
    struct talk *talk = connection->state;
    http_drop(&talk->http);
    arena_drop(&talk->request);
    arena_drop(&talk->kept);
    free(talk);
}

/* --- requests --- */

/* Names of others are written as in a URL, ours need no change for that. */
struct str site_url(struct connection *connection, struct str name)
{
    struct talk *talk = connection->state;
    return str_print(&talk->request, "%.*s/%.*s", STR_FMT(site_of(connection)->url), STR_FMT(name));
}

/* A request that answers with no more than its status and headers. */
FALLIBLE site_send_plain(struct connection *connection, const char *method, struct str name,
                         struct http_reply *ret)
{
    struct talk *talk = connection->state;
    struct http_request request = {.method = method,
                                   .url = site_url(connection, name),
                                   .follows = strcmp(method, "HEAD") == 0};
    return http_send(talk->http, &talk->request, &request, ret);
}

bool site_is_done(const struct http_reply *reply)
{
    return reply->status >= 200 && reply->status < 300;
}

bool site_is_absent(const struct http_reply *reply)
{
    return reply->status == 404 || reply->status == 410;
}

struct error *site_fault(struct connection *connection, const struct http_reply *reply)
{
    return web_fault(site_of(connection)->url, reply);
}

FALLIBLE site_look_at(struct connection *connection, struct str name, struct transport_item *ret,
                      bool *ret_found)
{
    struct http_reply reply;
    TRY(site_send_plain(connection, "HEAD", name, &reply));
    *ret_found = site_is_done(&reply);
    *ret = web_item(name, &reply);
    return *ret_found || site_is_absent(&reply) ? NULL : site_fault(connection, &reply);
}

FALLIBLE site_stat(struct connection *connection, struct str name, struct transport_item *ret,
                   bool *ret_found)
{
    struct talk *talk = connection->state;
    arena_reset(&talk->request);
    return site_look_at(connection, name, ret, ret_found);
}

FALLIBLE site_read(struct connection *connection, struct str name, struct transport_range range,
                   const struct transport_sink *sink, bool *ret_found)
{
    struct talk *talk = connection->state;
    struct web_reading reading = web_reading_of(connection, range, sink);
    struct http_sink web_sink = web_reading_sink(&reading);
    struct str headers[2];
    struct http_reply reply;
    bool is_known = false;
    arena_reset(&talk->request);
    struct http_request request = {.method = "GET",
                                   .url = site_url(connection, name),
                                   .headers = headers,
                                   .sink = &web_sink,
                                   .follows = true};
    TRY(web_reading_headers(&talk->request, &reading, WEB_IF_RANGE, headers,
                            &request.header_count));
    TRY(web_reading_end(&reading, http_send(talk->http, &talk->request, &request, &reply)));
    TRY(web_reading_judge(&reading, &reply, ret_found, &is_known));
    return is_known || site_is_absent(&reply) ? NULL : site_fault(connection, &reply);
}

static FALLIBLE lists_not(struct connection *connection, struct str prefix,
                          FALLIBLE (*visit)(void *context, const struct transport_item *item),
                          void *context)
{
    (void)prefix;
    (void)visit;
    (void)context;
    return error_hint(
        error_new(ERROR_MACHINE, "%.*s can't be listed", STR_FMT(site_of(connection)->url)),
        "to list by HTTP the server must speak WebDAV: webdav:// or webdavs://");
}

static FALLIBLE writes_not(struct connection *connection, struct str name,
                           const struct transport_source *source, enum transport_write how,
                           bool *ret_existed)
{
    (void)name;
    (void)source;
    (void)how;
    (void)ret_existed;
    return error_new(ERROR_MACHINE, "%.*s can only be read", STR_FMT(site_of(connection)->url));
}

static FALLIBLE removes_not(struct connection *connection, struct str name)
{
    return writes_not(connection, name, NULL, WRITE_NEW, NULL);
}

static const char *const http_schemes[] = {"http", "https", NULL};
const struct transport_kind transport_http = {
    .schemes = http_schemes,
    .connections = 8,
    .open = site_open,
    .drop = site_drop,
    .connect = site_connect,
    .disconnect = site_disconnect,
    .list = lists_not,
    .stat = site_stat,
    .read = site_read,
    .write = writes_not,
    .remove = removes_not,
};
