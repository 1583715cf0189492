/* Objects of the store to where DVC looks for them. */
#include "mlops/base/buf.h"

#include "dvc_remote_private.h"

static FALLIBLE is_there(struct connection *connection, const struct dvc_object *object, bool *ret)
{
    *ret = false;
    for (int layout = 0; layout < DVC_LAYOUTS && !*ret; layout++) {
        char path[DVC_PATH_BYTES];
        struct transport_item item = {0};
        dvc_object_path(object, layout, path);
        TRY(connection_stat(connection, str_of(path), &item, ret));
    }
    return NULL;
}

static FALLIBLE look_one(void *context, struct connection *connection, size_t index)
{
    struct dvc_look *look = &((struct dvc_look *)context)[index];
    return is_there(connection, &look->object, &look->is_there);
}

FALLIBLE dvc_depot_look(struct dvc_depot *depot, struct dvc_look *looks, size_t count)
{
    struct dvc_crew crew = {
        .depot = depot, .count = count, .work = look_one, .context = looks, .connects = true};
    return dvc_depot_work(&crew);
}

struct sending {
    struct dvc_depot *depot;
    struct dvc_gift *gifts;
};

static void tell_sent(void *context, int64_t bytes)
{
    struct dvc_depot *depot = context;
    atomic_fetch_add(&depot->sent_bytes, (long long)bytes);
    dvc_depot_tell(depot, bytes);
}

static FALLIBLE write_object(struct dvc_depot *depot, struct connection *connection,
                             struct dvc_gift *gift, struct transport_source *source)
{
    char path[DVC_PATH_BYTES];
    bool existed = false;
    dvc_object_path(&gift->object, 0, path);
    source->tell = tell_sent;
    source->context = depot;
    TRY(connection_write(connection, str_of(path), source, WRITE_NEW, &existed));
    gift->is_new = !existed;
    gift->health = DVC_GOOD;
    return NULL;
}

/* What came out of a pack has not been hashed: small ones are. */
static FALLIBLE send_small(struct dvc_depot *depot, struct connection *connection,
                           struct dvc_gift *gift)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = gift->bytes;
    bool found = bytes.len > 0;
    if (!found)
        TRY(cas_get_bytes(depot->options.cas, &scratch, gift->digest, CAS_BUFFER_BYTES, &bytes,
                          &found));
    if (!found)
        return NULL;
    struct transport_source source = {.bytes = bytes, .fd = -1, .len = (int64_t)bytes.len};
    gift->size_bytes = (int64_t)bytes.len;
    return write_object(depot, connection, gift, &source);
}

static FALLIBLE send(struct dvc_depot *depot, struct connection *connection, struct dvc_gift *gift)
{
    AUTO(cas_source_drop) struct cas_source from = {0};
    bool found = false;
    if (gift->bytes.len)
        return send_small(depot, connection, gift);
    TRY(cas_open_for_reading(depot->options.cas, gift->digest, &from, &found));
    if (!found)
        return NULL;
    if (from.size_bytes <= CAS_BUFFER_BYTES)
        return send_small(depot, connection, gift);
    struct transport_source source = {.fd = fd_number(from.fd),
                                      .offset = from.offset,
                                      .len = from.size_bytes,
                                      .digest = gift->digest};
    gift->size_bytes = from.size_bytes;
    return write_object(depot, connection, gift, &source);
}

static FALLIBLE send_one(void *context, struct connection *connection, size_t index)
{
    struct sending *sending = context;
    struct dvc_gift *gift = &sending->gifts[index];
    bool has = false;
    gift->health = DVC_MISSING;
    TRY(is_there(connection, &gift->object, &has));
    if (!has)
        return send(sending->depot, connection, gift);
    gift->health = DVC_GOOD;
    return NULL;
}

FALLIBLE dvc_depot_give(struct dvc_depot *depot, struct dvc_gift *gifts, size_t count)
{
    struct sending sending = {depot, gifts};
    struct dvc_crew crew = {
        .depot = depot, .count = count, .work = send_one, .context = &sending, .connects = true};
    const struct remote *remote = depot->options.remote;
    if (!transport_is_writable(depot->transport))
        return error_hint(error_new(ERROR_MACHINE, "DVC's remote '%.*s' (%.*s) can only be read",
                                    STR_FMT(remote->name), STR_FMT(remote->url)),
                          "'dvc push' may be able to write there; mlops writes by WebDAV, SSH, S3 "
                          "and to directories");
    return dvc_depot_work(&crew);
}
