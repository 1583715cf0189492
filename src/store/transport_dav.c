/* WebDAV (RFC 4918). What is being written lies in .tmp/, as in a directory. */
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"

#include "transport_http_private.h"

#define TEMP_DIRECTORY TRANSPORT_TEMP

/* --- listing --- */

static FALLIBLE list_directory(struct connection *connection, struct dav_listing *listing)
{
    static const struct str headers[] = {STR_ROW("Depth: 1"),
                                         STR_ROW("Content-Type: application/xml")};
    struct talk *talk = connection->state;
    struct http_reply reply;
    struct http_body body = {
        .fd = -1,
        .bytes = STR("<?xml version=\"1.0\" encoding=\"utf-8\"?><propfind xmlns=\"DAV:\"><prop>"
                     "<resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop>"
                     "</propfind>")};
    struct http_request request = {.method = "PROPFIND",
                                   .url = site_url(connection, listing->directory),
                                   .headers = headers,
                                   .header_count = COUNT_OF(headers),
                                   .body = &body};
    TRY(http_send(talk->http, &talk->request, &request, &reply));
    if (site_is_absent(&reply))
        return NULL;
    return reply.status == 207 ? dav_listing_parse(listing, reply.body)
                               : site_fault(connection, &reply);
}

static FALLIBLE dav_list(struct connection *connection, struct str prefix,
                         FALLIBLE (*visit)(void *context, const struct transport_item *item),
                         void *context)
{
    struct talk *talk = connection->state;
    AUTO(arena_drop) struct arena found = {0};
    struct dav_listing listing = {.arena = &found,
                                  .root = site_of(connection)->root,
                                  .is_foreign = connection->transport->remote->has_foreign_names};
    *vec_push(&found, &listing.directories) = prefix;
    for (size_t i = 0; i < listing.directories.len; i++) {
        listing.directory = listing.directories.at[i];
        if (!prefix.len && str_starts(listing.directory, STR(TEMP_DIRECTORY)))
            continue;
        arena_reset(&talk->request);
        TRY(list_directory(connection, &listing));
    }
    return web_tell_items(&listing.items, visit, context);
}

/* --- writing --- */

static FALLIBLE make_directory(struct connection *connection, struct str directory);

static FALLIBLE make_above(struct connection *connection, struct str directory)
{
    ptrdiff_t slash = str_find_last_char(str_slice(directory, 0, directory.len - 1), '/');
    if (slash < 0)
        return directory.len > 1 ? make_directory(connection, STR("")) : NULL;
    return make_directory(connection, str_slice(directory, 0, (size_t)slash + 1));
}

/* From below: mostly only the last one is missing. "" is the root of the remote, whose parents are
 * the server's business. */
static FALLIBLE make_directory(struct connection *connection, struct str directory)
{
    struct talk *talk = connection->state;
    struct http_reply reply;
    if (map_has(&talk->made, directory))
        return NULL;
    TRY(site_send_plain(connection, "MKCOL", directory, &reply));
    if ((reply.status == 409 || reply.status == 404) && directory.len) {
        TRY(make_above(connection, directory));
        TRY(site_send_plain(connection, "MKCOL", directory, &reply));
    }
    /* 405: it is there already; some servers answer with a redirect then. */
    if (!site_is_done(&reply) && reply.status != 405 && reply.status != 301)
        return error_within(site_fault(connection, &reply), "cannot make the directory '%.*s'",
                            STR_FMT(directory));
    map_put(&talk->kept, &talk->made, str_copy(&talk->kept, directory), talk);
    return NULL;
}

static FALLIBLE make_parent(struct connection *connection, struct str name)
{
    ptrdiff_t slash = str_find_last_char(name, '/');
    return make_directory(connection, str_slice(name, 0, (size_t)(slash + 1)));
}

static FALLIBLE put(struct connection *connection, struct str name,
                    const struct transport_source *source)
{
    struct talk *talk = connection->state;
    struct web_progress progress = {.source = source};
    struct http_body body = web_body(&progress, 0, web_source_len(source));
    struct http_reply reply;
    struct http_request request = {
        .method = "PUT", .url = site_url(connection, name), .body = &body};
    TRY(make_parent(connection, name));
    struct error *error = http_send(talk->http, &talk->request, &request, &reply);
    if (!error && !site_is_done(&reply))
        error = site_fault(connection, &reply);
    if (error)
        web_untell(&progress);
    return error;
}

/* What was sent for nothing: the rest of it is litter, whether it can be removed or not. */
static void take_back(struct connection *connection, struct str temp,
                      const struct transport_source *source)
{
    struct http_reply reply;
    error_drop(site_send_plain(connection, "DELETE", temp, &reply));
    if (source->tell)
        source->tell(source->context, -web_source_len(source));
}

static FALLIBLE move(struct connection *connection, struct str temp, struct str name,
                     enum transport_write how, struct http_reply *ret)
{
    struct talk *talk = connection->state;
    struct str headers[] = {
        str_print(&talk->request, "Destination: %.*s", STR_FMT(site_url(connection, name))),
        how == WRITE_NEW ? STR("Overwrite: F") : STR("Overwrite: T")};
    struct http_request request = {.method = "MOVE",
                                   .url = site_url(connection, temp),
                                   .headers = headers,
                                   .header_count = COUNT_OF(headers)};
    return http_send(talk->http, &talk->request, &request, ret);
}

/* *ret_known false: the server can't move. */
static FALLIBLE judge_move(struct connection *connection, const struct http_reply *reply,
                           enum transport_write how, bool *ret_existed, bool *ret_known)
{
    *ret_known = reply->status != 405 && reply->status != 501;
    *ret_existed = how == WRITE_NEW && reply->status == 412;
    return site_is_done(reply) || *ret_existed || !*ret_known ? NULL
                                                              : site_fault(connection, reply);
}

static FALLIBLE put_and_move(struct connection *connection, struct str name,
                             const struct transport_source *source, enum transport_write how,
                             bool *ret_existed)
{
    struct talk *talk = connection->state;
    struct http_reply reply;
    uint64_t random;
    bool can_move = true;
    random_bytes(&random, sizeof random);
    struct str temp =
        str_print(&talk->request, TEMP_DIRECTORY "%016llx", (unsigned long long)random);
    TRY(put(connection, temp, source));
    struct error *error = make_parent(connection, name);
    if (!error)
        error = move(connection, temp, name, how, &reply);
    if (!error)
        error = judge_move(connection, &reply, how, ret_existed, &can_move);
    if (error || *ret_existed || !can_move)
        take_back(connection, temp, source);
    if (error || can_move)
        return error;
    atomic_store(&site_of(connection)->moves_not, true);
    return put(connection, name, source);
}

static FALLIBLE dav_write(struct connection *connection, struct str name,
                          const struct transport_source *source, enum transport_write how,
                          bool *ret_existed)
{
    struct talk *talk = connection->state;
    struct transport_item item;
    arena_reset(&talk->request);
    *ret_existed = false;
    if (how == WRITE_NEW)
        TRY(site_look_at(connection, name, &item, ret_existed));
    if (*ret_existed)
        return NULL;
    if (atomic_load(&site_of(connection)->moves_not))
        return put(connection, name, source);
    return put_and_move(connection, name, source, how, ret_existed);
}

static FALLIBLE dav_remove(struct connection *connection, struct str name)
{
    struct talk *talk = connection->state;
    struct http_reply reply;
    arena_reset(&talk->request);
    TRY(site_send_plain(connection, "DELETE", name, &reply));
    return site_is_done(&reply) || site_is_absent(&reply) ? NULL : site_fault(connection, &reply);
}

static const char *const dav_schemes[] = {"webdav", "webdavs", NULL};
const struct transport_kind transport_dav = {
    .schemes = dav_schemes,
    .is_writable = true,
    .can_list = true,
    .connections = 8,
    .open = site_open,
    .drop = site_drop,
    .connect = site_connect,
    .disconnect = site_disconnect,
    .list = dav_list,
    .stat = site_stat,
    .read = site_read,
    .write = dav_write,
    .remove = dav_remove,
};
