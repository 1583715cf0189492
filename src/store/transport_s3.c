/* S3 and what speaks its language: "s3://BUCKET/PREFIX". */
#include "mlops/base/buf.h"

#include <stdlib.h>

#include "transport_s3_private.h"

enum { PAGE_KEYS = 1000, PAGES_MOST = 100000 };

/* --- settings --- */

/* The first that says something: the remote, variables, the profile. */
struct source {
    struct str setting;
    const char *variables[2];
    const char *profile_key;
};

static FALLIBLE find_setting(struct arena *arena, const struct remote *remote,
                             const struct source *source, struct str *ret)
{
    *ret = source->setting;
    for (size_t i = 0; i < COUNT_OF(source->variables) && !ret->len; i++)
        *ret = str_of(getenv(source->variables[i]));
    return ret->len ? NULL : s3_profile_value(arena, remote, source->profile_key, ret);
}

/* It becomes a part of the host's name. */
static FALLIBLE check_region(struct str region)
{
    for (size_t i = 0; i < region.len; i++) {
        char c = region.at[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
        if (!is_fine)
            return error_new(ERROR_PROJECT, "'%.*s' is no name of a region", STR_FMT(region));
    }
    return NULL;
}

static FALLIBLE find_region(struct arena *arena, struct s3 *s3)
{
    struct source source = {s3->remote->region, {"AWS_REGION", "AWS_DEFAULT_REGION"}, "region"};
    TRY(find_setting(arena, s3->remote, &source, &s3->region));
    s3->region = s3->region.len ? str_copy(arena, s3->region) : STR("us-east-1");
    return check_region(s3->region);
}

static FALLIBLE find_endpoint(struct arena *arena, struct s3 *s3, struct str *ret)
{
    struct source source = {
        s3->remote->endpoint, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "endpoint_url"};
    TRY(find_setting(arena, s3->remote, &source, ret));
    s3->is_amazon = !ret->len;
    if (s3->is_amazon)
        *ret = str_print(arena, "http%s://s3.%.*s.amazonaws.com%s", s3->remote->is_plain ? "" : "s",
                         STR_FMT(s3->region), str_starts(s3->region, STR("cn-")) ? ".cn" : "");
    if (!str_starts(*ret, STR("http://")) && !str_starts(*ret, STR("https://")))
        return error_new(ERROR_PROJECT,
                         "the endpoint '%.*s' begins with neither http:// nor "
                         "https://",
                         STR_FMT(*ret));
    while (ret->at[ret->len - 1] == '/')
        ret->len--;
    return NULL;
}

/* The port that a scheme has anyway is not in the header Host. */
static struct str host_of(struct arena *arena, struct str origin)
{
    struct str host = http_host(origin);
    struct str port = str_starts(origin, STR("https:")) ? STR(":443") : STR(":80");
    return str_copy(arena, str_ends(host, port) ? str_slice(host, 0, host.len - port.len) : host);
}

/* In the path, or as a part of the host's name. A dot in the bucket's would not fit certificates.
 */
static bool is_path_style(const struct s3 *s3, struct str bucket)
{
    if (s3->remote->path_style != PATH_STYLE_AUTO)
        return s3->remote->path_style == PATH_STYLE_YES;
    return !s3->is_amazon || str_find_char(bucket, '.') >= 0;
}

static void set_place(struct arena *arena, struct s3 *s3, struct str endpoint, struct str bucket)
{
    ptrdiff_t scheme = str_find(endpoint, STR("://"));
    struct str rest = str_slice(endpoint, (size_t)scheme + 3, endpoint.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str host = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    struct str path = str_slice(rest, host.len, rest.len);
    struct str protocol = str_slice(endpoint, 0, (size_t)scheme + 3);
    bool is_in_path = is_path_style(s3, bucket);
    s3->origin =
        str_print(arena, "%.*s%.*s%s%.*s", STR_FMT(protocol),
                  STR_FMT(is_in_path ? STR("") : bucket), is_in_path ? "" : ".", STR_FMT(host));
    s3->host = host_of(arena, s3->origin);
    s3->path = str_print(arena, "%.*s/%.*s%s", STR_FMT(path),
                         STR_FMT(is_in_path ? bucket : STR("")), is_in_path ? "/" : "");
}

static const char *bucket_fault(struct str bucket)
{
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '.' || c == '_'))
            return "is no name of a bucket";
    }
    return bucket.len >= 3 && bucket.len <= 255 ? NULL : "is no name of a bucket";
}

static FALLIBLE kind_open(struct arena *arena, struct transport *transport)
{
    const struct remote *remote = transport->remote;
    struct s3 *s3 = arena_new(arena, struct s3);
    struct str rest = transport_rest(remote->url), endpoint = {0};
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str bucket = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    struct str prefix = str_slice(rest, bucket.len + 1, rest.len);
    while (prefix.len && prefix.at[prefix.len - 1] == '/')
        prefix.len--;
    if (bucket_fault(bucket))
        return error_new(ERROR_PROJECT, "'%.*s' %s", STR_FMT(bucket), bucket_fault(bucket));
    s3->remote = remote;
    s3->prefix = prefix.len ? str_print(arena, "%.*s/", STR_FMT(prefix)) : STR("");
    s3->options = (struct http_options){
        .timeout_ns = remote->timeout_ns, .ca = remote->ca, .is_insecure = remote->is_insecure};
    pthread_mutex_init(&s3->mutex, NULL);
    transport->state = s3;
    TRY(find_region(arena, s3));
    TRY(find_endpoint(arena, s3, &endpoint));
    set_place(arena, s3, endpoint, bucket);
    return NULL;
}

static void kind_drop(struct transport *transport)
{
    struct s3 *s3 = transport->state;
    if (!s3)
        return;
    arena_drop(&s3->arena);
    pthread_mutex_destroy(&s3->mutex);
}

static FALLIBLE kind_connect(struct connection *connection)
{
    struct s3_talk *talk = memory_grow(NULL, sizeof *talk);
    *talk = (struct s3_talk){0};
    connection->state = talk;
    struct error *error = http_open(&s3_of(connection)->options, &talk->http);
    if (error) {
        free(talk);
        connection->state = NULL;
    }
    return error;
}

static void kind_disconnect(struct connection *connection)
{
    struct s3_talk *talk = connection->state;
    http_drop(&talk->http);
    arena_drop(&talk->request);
    free(talk);
}

/* --- reading --- */

FALLIBLE s3_look_at(struct connection *connection, struct str name, struct transport_item *ret,
                    bool *ret_found)
{
    struct http_reply reply;
    struct s3_request request = {.method = "HEAD", .name = name};
    TRY(s3_send(connection, &request, &reply));
    *ret_found = s3_is_done(&reply);
    *ret = web_item(name, &reply);
    return *ret_found || s3_is_absent(&reply) ? NULL : s3_fault(connection, &reply);
}

static FALLIBLE kind_stat(struct connection *connection, struct str name,
                          struct transport_item *ret, bool *ret_found)
{
    arena_reset(s3_arena(connection));
    return s3_look_at(connection, name, ret, ret_found);
}

/* 416 of a server that does not say how long the content is. */
static FALLIBLE check_end(struct connection *connection, struct str name, int64_t offset)
{
    struct transport_item item;
    bool is_found = false;
    TRY(s3_look_at(connection, name, &item, &is_found));
    return is_found && item.size_bytes == offset
               ? NULL
               : error_new(ERROR_MACHINE, "it ends before byte %lld", (long long)offset);
}

static FALLIBLE kind_read(struct connection *connection, struct str name,
                          struct transport_range range, const struct transport_sink *sink,
                          bool *ret_found)
{
    struct web_reading reading = web_reading_of(connection, range, sink);
    struct http_sink web_sink = web_reading_sink(&reading);
    struct str headers[2];
    struct http_reply reply;
    bool is_known = false;
    arena_reset(s3_arena(connection));
    struct s3_request request = {
        .method = "GET", .name = name, .headers = headers, .sink = &web_sink};
    TRY(web_reading_headers(s3_arena(connection), &reading, WEB_IF_MATCH, headers,
                            &request.header_count));
    TRY(web_reading_end(&reading, s3_send(connection, &request, &reply)));
    *ret_found = reply.status == 416;
    if (*ret_found && range.len < 0)
        return check_end(connection, name, range.offset);
    TRY(web_reading_judge(&reading, &reply, ret_found, &is_known));
    return is_known || s3_is_absent(&reply) ? NULL : s3_fault(connection, &reply);
}

/* --- listing --- */

static FALLIBLE list_page(struct connection *connection, struct arena *found, struct str prefix,
                          struct web_item_vec *items, struct str *token)
{
    struct s3 *s3 = s3_of(connection);
    struct http_reply reply;
    struct sigv4_pair query[] = {
        {STR("list-type"), STR("2")},
        {STR("encoding-type"), STR("url")},
        {STR("max-keys"), str_print(found, "%d", PAGE_KEYS)},
        {STR("prefix"), str_print(found, "%.*s%.*s", STR_FMT(s3->prefix), STR_FMT(prefix))},
        {STR("continuation-token"), *token},
    };
    struct s3_request request = {.method = "GET",
                                 .is_bucket = true,
                                 .query = query,
                                 .query_count = COUNT_OF(query) - !token->len};
    arena_reset(s3_arena(connection));
    TRY(s3_send(connection, &request, &reply));
    return s3_is_done(&reply) ? s3_page_parse(found, reply.body, s3->prefix, items, token)
                              : s3_fault(connection, &reply);
}

static FALLIBLE kind_list(struct connection *connection, struct str prefix,
                          FALLIBLE (*visit)(void *context, const struct transport_item *item),
                          void *context)
{
    AUTO(arena_drop) struct arena found = {0};
    struct web_item_vec items = {0};
    struct str token = {0};
    for (int64_t pages = 0; !pages || token.len; pages++) {
        if (pages == PAGES_MOST)
            return error_new(ERROR_MACHINE, "its listing does not end");
        TRY(list_page(connection, &found, prefix, &items, &token));
    }
    return web_tell_items(&items, visit, context);
}

static FALLIBLE kind_remove(struct connection *connection, struct str name)
{
    struct http_reply reply;
    struct s3_request request = {.method = "DELETE", .name = name};
    arena_reset(s3_arena(connection));
    TRY(s3_send(connection, &request, &reply));
    return s3_is_done(&reply) || s3_is_absent(&reply) ? NULL : s3_fault(connection, &reply);
}

static const char *const schemes[] = {"s3", NULL};
const struct transport_kind transport_s3 = {
    .schemes = schemes,
    .is_writable = true,
    .can_list = true,
    .connections = 16,
    .open = kind_open,
    .drop = kind_drop,
    .connect = kind_connect,
    .disconnect = kind_disconnect,
    .list = kind_list,
    .stat = kind_stat,
    .read = kind_read,
    .write = s3_write,
    .remove = kind_remove,
    .list_unfinished = s3_list_uploads,
    .remove_unfinished = s3_abort_upload,
};
