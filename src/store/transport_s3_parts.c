/* Writing to S3 in parts (multipart upload). The name appears when all parts are there. What was
 * begun and broke off, here or in another process, is found again by the name and goes on with the
 * parts whose size and MD5 are those of our bytes. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/xml.h"

#include "transport_s3_private.h"

static const int64_t PART_BYTES = 16777216;
static const int64_t PARTS_MOST = 10000; /* S3's limit */
static const int64_t MIB = 1048576;

struct upload {
    struct connection *connection;
    struct arena *arena; /* of the write */
    struct str name, id;
    const struct transport_source *source;
    struct web_progress progress;
    int64_t part_bytes;
    struct s3_part_vec there; /* what the server has of an earlier try */
    struct buf complete;      /* the list of parts that ends the upload */
};

static FALLIBLE send(struct upload *upload, struct s3_request request, struct http_reply *ret)
{
    request.name = upload->name;
    arena_reset(s3_arena(upload->connection));
    TRY(s3_send(upload->connection, &request, ret));
    return s3_is_done(ret) ? NULL : s3_fault(upload->connection, ret);
}

/* A server that can't tell is no reason not to write. */
static FALLIBLE find_upload(struct upload *upload)
{
    struct s3 *s3 = s3_of(upload->connection);
    struct str key =
        str_print(upload->arena, "%.*s%.*s", STR_FMT(s3->prefix), STR_FMT(upload->name));
    struct sigv4_pair query[] = {{STR("uploads"), STR("")}, {STR("prefix"), key}};
    struct http_reply reply;
    struct s3_request request = {
        .method = "GET", .is_bucket = true, .query = query, .query_count = COUNT_OF(query)};
    TRY(s3_send(upload->connection, &request, &reply));
    return s3_is_done(&reply) ? s3_uploads_parse(upload->arena, reply.body, key, &upload->id)
                              : NULL;
}

static FALLIBLE list_parts(struct upload *upload)
{
    int64_t from = 0;
    while (from >= 0) {
        struct sigv4_pair query[] = {
            {STR("uploadId"), upload->id},
            {STR("part-number-marker"), str_print(upload->arena, "%lld", (long long)from)}};
        struct http_reply reply;
        struct s3_request request = {
            .method = "GET", .query = query, .query_count = COUNT_OF(query)};
        int64_t next = -1;
        TRY(send(upload, request, &reply));
        TRY(s3_parts_parse(upload->arena, reply.body, &upload->there, &next));
        from = next > from ? next : -1;
    }
    return NULL;
}

static FALLIBLE create(struct upload *upload)
{
    struct sigv4_pair query[] = {{STR("uploads"), STR("")}};
    struct http_body empty = {.fd = -1};
    struct http_reply reply;
    struct xml_node *root = NULL;
    struct s3_request request = {
        .method = "POST", .query = query, .query_count = 1, .makes_object = true, .body = &empty};
    TRY(send(upload, request, &reply));
    TRY_WITHIN(xml_parse(upload->arena, reply.body, NULL, &root), "the server's answer");
    upload->id = xml_text(root, "UploadId");
    return upload->id.len ? NULL : error_new(ERROR_MACHINE, "the server named no upload");
}

static FALLIBLE begin(struct upload *upload)
{
    TRY(find_upload(upload));
    if (!upload->id.len)
        return create(upload);
    struct error *error = list_parts(upload);
    if (!error || error->is_passing || error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error); /* it ended meanwhile, or is none of ours */
    upload->there.len = 0;
    return create(upload);
}

static bool is_there(const struct upload *upload, int64_t number, int64_t len, const char *md5)
{
    vec_each (struct s3_part, part, &upload->there) {
        struct str tag = part->tag;
        if (tag.len == 34 && tag.at[0] == '"')
            tag = str_slice(tag, 1, 33);
        if (part->number == number && part->size_bytes == len && str_is(tag, md5))
            return true;
    }
    return false;
}

static void note_part(struct upload *upload, int64_t number, struct str tag)
{
    buf_print(&upload->complete, "<Part><PartNumber>%lld</PartNumber><ETag>%.*s</ETag></Part>",
              (long long)number, STR_FMT(xml_escape(upload->arena, tag)));
}

static FALLIBLE send_part(struct upload *upload, int64_t number)
{
    int64_t offset = (number - 1) * upload->part_bytes;
    int64_t len = MIN_OF(upload->part_bytes, web_source_len(upload->source) - offset);
    struct sigv4_pair query[] = {
        {STR("partNumber"), str_print(upload->arena, "%lld", (long long)number)},
        {STR("uploadId"), upload->id}};
    struct http_body body = web_body(&upload->progress, offset, len);
    struct s3_request request = {
        .method = "PUT", .query = query, .query_count = COUNT_OF(query), .body = &body};
    struct http_reply reply;
    char md5[33];
    TRY(s3_hash(upload->source, offset, len, &request.payload, md5));
    if (is_there(upload, number, len, md5)) {
        web_tell(&upload->progress, len);
        note_part(upload, number, str_print(upload->arena, "\"%s\"", md5));
        return NULL;
    }
    TRY_WITHIN(send(upload, request, &reply), "part %lld", (long long)number);
    note_part(upload, number, http_find_header(&reply, "ETag"));
    return NULL;
}

/* Its answer may begin before it is known how it ends: an <Error> under status 200. */
static FALLIBLE finish(struct upload *upload, enum transport_write how, bool *ret_existed)
{
    static const struct str condition[] = {STR_ROW("If-None-Match: *")};
    struct s3 *s3 = s3_of(upload->connection);
    struct str text =
        str_print(upload->arena, "<CompleteMultipartUpload>%.*s</CompleteMultipartUpload>",
                  STR_FMT(buf_str(&upload->complete)));
    struct sigv4_pair query[] = {{STR("uploadId"), upload->id}};
    struct http_body body = {.fd = -1, .bytes = text};
    struct s3_request request = {.method = "POST",
                                 .name = upload->name,
                                 .query = query,
                                 .query_count = 1,
                                 .headers = condition,
                                 .header_count = how == WRITE_NEW && s3->is_amazon,
                                 .payload = digest_of(text.at, text.len),
                                 .body = &body};
    struct http_reply reply;
    arena_reset(s3_arena(upload->connection));
    TRY(s3_send(upload->connection, &request, &reply));
    *ret_existed = reply.status == 412;
    if (*ret_existed)
        return NULL;
    if (s3_is_done(&reply) && !s3_error_parse(upload->arena, reply.body).code.len)
        return NULL;
    return s3_fault(upload->connection, &reply);
}

static FALLIBLE list_uploads_page(struct connection *connection, struct arena *arena,
                                  struct web_item_vec *items, struct s3_marker *marker)
{
    struct s3 *s3 = s3_of(connection);
    struct sigv4_pair query[] = {
        {STR("uploads"), STR("")},
        {STR("prefix"), str_print(arena, "%.*spack/", STR_FMT(s3->prefix))},
        {STR("key-marker"), marker->key},
        {STR("upload-id-marker"), marker->id},
    };
    struct http_reply reply;
    struct s3_request request = {.method = "GET",
                                 .is_bucket = true,
                                 .query = query,
                                 .query_count = marker->key.len ? COUNT_OF(query) : 2};
    *marker = (struct s3_marker){0};
    arena_reset(s3_arena(connection));
    TRY(s3_send(connection, &request, &reply));
    return s3_is_done(&reply) ? s3_unfinished_parse(arena, reply.body, s3->prefix, items, marker)
                              : NULL; /* it can't tell, or we may not ask */
}

FALLIBLE s3_list_uploads(struct connection *connection,
                         FALLIBLE (*visit)(void *context, const struct transport_item *item),
                         void *context)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct web_item_vec items = {0};
    struct s3_marker marker = {0};
    for (int64_t pages = 0; !pages || marker.key.len; pages++) {
        if (pages == PARTS_MOST)
            return error_new(ERROR_MACHINE, "its list of uploads does not end");
        TRY(list_uploads_page(connection, &arena, &items, &marker));
    }
    return web_tell_items(&items, visit, context);
}

FALLIBLE s3_abort_upload(struct connection *connection, const struct transport_item *item)
{
    struct sigv4_pair query[] = {{STR("uploadId"), item->version}};
    struct s3_request request = {
        .method = "DELETE", .name = item->name, .query = query, .query_count = 1};
    struct http_reply reply;
    arena_reset(s3_arena(connection));
    TRY(s3_send(connection, &request, &reply));
    return s3_is_done(&reply) || s3_is_absent(&reply) ? NULL : s3_fault(connection, &reply);
}

/* Best effort: what is left is found by the next try, or by the bucket's rules. */
static void abort_upload(struct upload *upload)
{
    struct sigv4_pair query[] = {{STR("uploadId"), upload->id}};
    struct http_reply reply;
    struct s3_request request = {.method = "DELETE", .query = query, .query_count = 1};
    error_drop(send(upload, request, &reply));
}

static FALLIBLE run(struct upload *upload, enum transport_write how, bool *ret_existed)
{
    int64_t len = web_source_len(upload->source);
    int64_t count = (len + upload->part_bytes - 1) / upload->part_bytes;
    TRY(begin(upload));
    for (int64_t number = 1; number <= count; number++)
        TRY(send_part(upload, number));
    return finish(upload, how, ret_existed);
}

FALLIBLE s3_write_parts(struct connection *connection, struct str name,
                        const struct transport_source *source, enum transport_write how,
                        bool *ret_existed)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct transport_item item;
    int64_t least = (web_source_len(source) + PARTS_MOST - 1) / PARTS_MOST;
    struct upload upload = {.connection = connection,
                            .arena = &arena,
                            .name = name,
                            .source = source,
                            .progress = {.source = source},
                            .part_bytes = MAX_OF(PART_BYTES, (least + MIB - 1) / MIB * MIB),
                            .complete = buf_in(&arena)};
    if (how == WRITE_NEW)
        TRY(s3_look_at(connection, name, &item, ret_existed));
    if (*ret_existed)
        return NULL;
    struct error *error = run(&upload, how, ret_existed);
    if (error || *ret_existed)
        web_untell(&upload.progress);
    bool is_over = error && !error->is_passing && error->code < ERROR_SIGNAL;
    if (upload.id.len && (is_over || *ret_existed))
        abort_upload(&upload);
    return error;
}
