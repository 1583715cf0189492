/* Requests to S3: signing, the clock, and what its errors mean. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"

#include "transport_s3_private.h"

static const int64_t SKEW_NS = 300 * NS_PER_S; /* a third of what servers allow */
enum { SIGNED_MOST = 16, HEADERS_MOST = 24 };

static struct str empty_payload(void)
{
    return STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static struct str path_of(struct arena *arena, const struct s3 *s3,
                          const struct s3_request *request)
{
    if (request->is_bucket) {
        bool has_bucket = s3->path.len > 1; /* "/BUCKET/" -> "/BUCKET" */
        return str_slice(s3->path, 0, s3->path.len - has_bucket);
    }
    struct str key = str_print(arena, "%.*s%.*s", STR_FMT(s3->prefix), STR_FMT(request->name));
    return str_print(arena, "%.*s%.*s", STR_FMT(s3->path), STR_FMT(sigv4_encode(arena, key, true)));
}

/* Those that the remote wants of each object. */
static size_t add_object_headers(const struct s3 *s3, struct sigv4_pair pairs[static SIGNED_MOST],
                                 size_t count)
{
    struct str rest = s3->remote->object_headers, line = {0};
    while (rest.len && count < SIGNED_MOST && str_split(&rest, '\n', &line)) {
        size_t colon = (size_t)str_find_char(line, ':');
        if (line.len)
            pairs[count++] = (struct sigv4_pair){str_slice(line, 0, colon),
                                                 str_slice(line, colon + 2, line.len)};
    }
    return count;
}

/* The headers that are signed, in *pairs. */
static size_t signed_headers(struct arena *arena, const struct s3 *s3,
                             const struct s3_request *request,
                             const struct s3_credentials *credentials,
                             struct sigv4_request *signing,
                             struct sigv4_pair pairs[static SIGNED_MOST])
{
    size_t count = 0;
    pairs[count++] = (struct sigv4_pair){STR("host"), s3->host};
    pairs[count++] = (struct sigv4_pair){STR("x-amz-content-sha256"), signing->payload};
    pairs[count++] = (struct sigv4_pair){STR("x-amz-date"), sigv4_date(arena, signing->time_ns)};
    if (credentials->token.len)
        pairs[count++] = (struct sigv4_pair){STR("x-amz-security-token"), credentials->token};
    if (request->checksum.len)
        pairs[count++] = (struct sigv4_pair){STR("x-amz-checksum-sha256"), request->checksum};
    return request->makes_object ? add_object_headers(s3, pairs, count) : count;
}

/* All headers, as HTTP wants them. */
static size_t write_headers(struct arena *arena, const struct s3_request *request,
                            const struct s3 *s3, const struct s3_credentials *credentials,
                            struct sigv4_request *signing, struct str lines[static HEADERS_MOST])
{
    struct sigv4_pair pairs[SIGNED_MOST];
    struct sigv4_key key = {credentials->id, credentials->secret, s3->region, STR("s3")};
    size_t count = signed_headers(arena, s3, request, credentials, signing, pairs);
    signing->headers = pairs;
    signing->header_count = count;
    for (size_t i = 0; i < count; i++)
        lines[i] = str_print(arena, "%.*s: %.*s", STR_FMT(pairs[i].name), STR_FMT(pairs[i].value));
    if (!s3->remote->is_anonymous)
        lines[count++] = str_print(arena, "Authorization: %.*s",
                                   STR_FMT(sigv4_authorization(arena, &key, signing)));
    for (size_t i = 0; i < request->header_count && count < HEADERS_MOST; i++)
        lines[count++] = request->headers[i];
    return count;
}

static FALLIBLE send_once(struct connection *connection, const struct s3_request *request,
                          struct http_reply *ret)
{
    struct s3 *s3 = s3_of(connection);
    struct s3_talk *talk = connection->state;
    struct arena *arena = &talk->request;
    struct s3_credentials credentials = {0};
    struct str lines[HEADERS_MOST];
    struct sigv4_request signing = {
        .method = str_of(request->method),
        .path = path_of(arena, s3, request),
        .query = sigv4_query(arena, request->query, request->query_count),
        .payload = digest_is_zero(request->payload) ? empty_payload()
                                                    : digest_hex(arena, request->payload),
        .time_ns = clock_real_ns() + atomic_load(&s3->skew_ns)};
    if (!s3->remote->is_anonymous)
        TRY(s3_credentials_get(s3, arena, &credentials));
    struct http_request sent = {
        .method = request->method,
        .url = str_print(arena, "%.*s%.*s%s%.*s", STR_FMT(s3->origin), STR_FMT(signing.path),
                         signing.query.len ? "?" : "", STR_FMT(signing.query)),
        .headers = lines,
        .header_count = write_headers(arena, request, s3, &credentials, &signing, lines),
        .body = request->body,
        .sink = request->sink};
    return http_send(talk->http, arena, &sent, ret);
}

/* A refusal because of the clock: by its code or, of HEAD, which has no body, by the time that the
 * server says it is. *ret_skew_ns: the server's clock less ours. */
static bool is_clock_wrong(struct arena *arena, const struct http_reply *reply,
                           int64_t *ret_skew_ns)
{
    int64_t server_ns = 0;
    if (reply->status != 403 && reply->status != 400)
        return false;
    if (!moment_parse_http(http_find_header(reply, "Date"), &server_ns))
        return false;
    struct str code = s3_error_parse(arena, reply->body).code;
    int64_t skew_ns = server_ns - clock_real_ns();
    *ret_skew_ns = skew_ns;
    return str_is(code, "RequestTimeTooSkewed") ||
           (!code.len && (skew_ns > SKEW_NS || skew_ns < -SKEW_NS));
}

/* Somebody may have put new ones where ours came from. */
static bool are_credentials_old(struct arena *arena, const struct http_reply *reply)
{
    if (reply->status != 400 && reply->status != 401 && reply->status != 403)
        return false;
    return str_is(s3_error_parse(arena, reply->body).code, "ExpiredToken");
}

FALLIBLE s3_send(struct connection *connection, const struct s3_request *request,
                 struct http_reply *ret)
{
    struct s3 *s3 = s3_of(connection);
    int64_t skew_ns = 0;
    TRY(send_once(connection, request, ret));
    if (are_credentials_old(s3_arena(connection), ret)) {
        s3_credentials_forget(s3);
        return send_once(connection, request, ret);
    }
    if (!is_clock_wrong(s3_arena(connection), ret, &skew_ns) ||
        llabs(skew_ns - atomic_load(&s3->skew_ns)) < SKEW_NS)
        return NULL;
    atomic_store(&s3->skew_ns, skew_ns);
    return send_once(connection, request, ret);
}

bool s3_is_done(const struct http_reply *reply)
{
    return reply->status >= 200 && reply->status < 300;
}

bool s3_is_absent(const struct http_reply *reply)
{
    return reply->status == 404 && str_find(reply->body, STR("NoSuchBucket")) < 0;
}

/* --- errors --- */

static const struct code_row {
    const char *code;
    bool is_passing;
    const char *hint; /* NULL: none */
} code_rows[] = {
    {"AccessDenied", false, "these credentials may not do that: look at the bucket's policy"},
    {"AllAccessDisabled", false, NULL},
    {"AuthorizationHeaderMalformed", false, "look at the setting 'region' of the remote"},
    {"BadDigest", true, NULL},
    {"ConditionalRequestConflict", true, NULL},
    {"ExpiredToken", false, "get new credentials, and run the command again: it goes on"},
    {"IncompleteBody", true, NULL},
    {"InternalError", true, NULL},
    {"InvalidAccessKeyId", false, "the server does not know this key: look at the credentials"},
    {"InvalidToken", false, "look at AWS_SESSION_TOKEN"},
    {"NoSuchBucket", false, "make the bucket, or look at the remote's URL"},
    {"NoSuchUpload", true, NULL}, /* another finished or removed it: begun anew */
    {"OperationAborted", true, NULL},
    {"PermanentRedirect", false, "look at the settings 'region' and 'endpoint' of the remote"},
    {"QuotaExceeded", false, "free some space there and run the command again"},
    {"RequestTimeTooSkewed", false, "set this machine's clock"},
    {"RequestTimeout", true, NULL},
    {"ServiceUnavailable", true, NULL},
    {"SignatureDoesNotMatch", false,
     "the secret key is wrong, or the setting 'region' of the remote"},
    {"SlowDown", true, NULL},
    {"XAmzContentSHA256Mismatch", true, NULL},
};

static const struct code_row *find_row(struct str code)
{
    for (size_t i = 0; i < COUNT_OF(code_rows); i++)
        if (str_is(code, code_rows[i].code))
            return &code_rows[i];
    return NULL;
}

/* The region that the bucket is in, if the server says so. */
static struct str told_region(const struct http_reply *reply, const struct s3_error *told)
{
    struct str region = http_find_header(reply, "x-amz-bucket-region");
    return region.len ? region : told->region;
}

static ERROR_MADE add_hint(struct connection *connection, struct error *error,
                           const struct http_reply *reply, const struct s3_error *told)
{
    const struct code_row *row = find_row(told->code);
    const struct s3 *s3 = s3_of(connection);
    struct str region = told_region(reply, told);
    if (region.len && !str_equal(region, s3->region))
        return error_hint(error, "set 'region' of the remote to '%.*s'", STR_FMT(region));
    if (str_is(told->code, "RequestTimeTooSkewed"))
        return error_hint(error,
                          "set this machine's clock, which differs from the server's by %lld s",
                          (long long)(atomic_load(&s3_of(connection)->skew_ns) / NS_PER_S));
    return row && row->hint ? error_hint(error, "%s", row->hint) : error;
}

ERROR_MADE s3_fault(struct connection *connection, const struct http_reply *reply)
{
    struct s3 *s3 = s3_of(connection);
    struct s3_error told = s3_error_parse(s3_arena(connection), reply->body);
    const struct code_row *row = find_row(told.code);
    if (!told.code.len)
        return add_hint(connection, web_fault(s3->origin, reply), reply, &told);
    struct error *error =
        error_new(ERROR_MACHINE, "%.*s answered %d %.*s: %.*s", STR_FMT(s3->host), reply->status,
                  STR_FMT(str_slice(told.code, 0, (size_t)LIMIT_SHOWN_BYTES)),
                  STR_FMT(str_slice(told.message, 0, (size_t)LIMIT_SHOWN_BYTES)));
    error = add_hint(connection, error, reply, &told);
    return reply->is_passing || (row && row->is_passing)
               ? error_passing(error, reply->retry_after_ns)
               : error;
}
