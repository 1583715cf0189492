/* What libcurl calls while a request goes on. */
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_private.h"

static void moved(struct http_transfer *transfer)
{
    transfer->moved_ns = clock_monotonic_ns();
}

/* "HTTP/1.1 206 Partial Content": what came before belongs to a redirect or to "100 Continue". */
static void take_status(struct http_transfer *transfer, struct str line)
{
    ptrdiff_t blank = str_find_char(line, ' ');
    struct str rest = blank < 0 ? (struct str){0} : str_slice(line, (size_t)blank + 1, line.len);
    int status = 0;
    for (size_t i = 0; i < rest.len && i < 3 && rest.at[i] >= '0' && rest.at[i] <= '9'; i++)
        status = status * 10 + (rest.at[i] - '0');
    transfer->reply->status = status;
    transfer->reply->headers = (struct http_header_vec){0};
    transfer->http->was_reached = true;
}

size_t http_take_header(char *at, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    struct str line = str_trim((struct str){at, size * count});
    ptrdiff_t colon = str_find_char(line, ':');
    moved(transfer);
    if (str_starts(line, STR("HTTP/"))) {
        take_status(transfer, line);
    } else if (colon > 0 && (int64_t)transfer->reply->headers.len < LIMIT_HTTP_HEADERS) {
        struct str value = str_trim(str_slice(line, (size_t)colon + 1, line.len));
        *vec_push(transfer->arena, &transfer->reply->headers) = (struct http_header){
            .name = str_copy(transfer->arena, str_slice(line, 0, (size_t)colon)),
            .value = str_copy(transfer->arena, value),
        };
    }
    return size * count;
}

FALLIBLE http_begin(struct http_transfer *transfer)
{
    const struct http_sink *sink = transfer->request->sink;
    if (transfer->has_begun || !sink)
        return NULL;
    transfer->has_begun = true;
    return sink->begin(sink->context, transfer->reply, &transfer->is_wanted);
}

static FALLIBLE keep_body(struct http_transfer *transfer, struct str bytes)
{
    int64_t have = (int64_t)transfer->body.len, more = (int64_t)bytes.len;
    if (transfer->reply->status >= 300) {
        more = MIN_OF(more, MAX_OF(LIMIT_HTTP_FAILURE_BYTES - have, 0));
    } else if (have + more > LIMIT_HTTP_REPLY_BYTES) {
        return error_new(ERROR_MACHINE, "%.*s: the answer has more than %lld bytes",
                         STR_FMT(http_host(transfer->request->url)),
                         (long long)LIMIT_HTTP_REPLY_BYTES);
    }
    buf_add(&transfer->body, bytes.at, (size_t)more);
    return NULL;
}

static FALLIBLE take_bytes(struct http_transfer *transfer, struct str bytes)
{
    const struct http_sink *sink = transfer->request->sink;
    TRY(http_begin(transfer));
    if (transfer->is_wanted)
        return sink->take(sink->context, bytes.at, bytes.len);
    return keep_body(transfer, bytes);
}

size_t http_take_body(char *at, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    int64_t began_ns = clock_monotonic_ns();
    transfer->fault = take_bytes(transfer, (struct str){at, size * count});
    moved(transfer); /* a slow disk is not a slow server */
    transfer->slow_ns += transfer->moved_ns - began_ns;
    return transfer->fault ? 0 : size * count;
}

int64_t http_body_len(const struct http_body *body)
{
    return body->fd < 0 ? (int64_t)body->bytes.len : body->len;
}

/* Up to `len` bytes of the body from transfer->sent on. */
static FALLIBLE read_body(const struct http_transfer *transfer, char *at, size_t len)
{
    const struct http_body *body = transfer->request->body;
    if (body->fd < 0) {
        memcpy(at, body->bytes.at + transfer->sent, len);
        return NULL;
    }
    for (size_t have = 0; have < len;) {
        int64_t from = body->offset + transfer->sent + (int64_t)have;
        ssize_t got = pread(body->fd, at + have, len - have, (off_t)from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read what is to be sent");
        if (got == 0)
            return error_new(ERROR_MACHINE, "what is to be sent became shorter meanwhile");
        have += (size_t)got;
    }
    return NULL;
}

size_t http_give_body(char *at, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    const struct http_body *body = transfer->request->body;
    int64_t left = http_body_len(body) - transfer->sent;
    size_t len = left < (int64_t)(size * count) ? (size_t)left : size * count;
    if (!len)
        return 0;
    transfer->fault = read_body(transfer, at, len);
    if (transfer->fault)
        return CURL_READFUNC_ABORT;
    transfer->sent += (int64_t)len;
    moved(transfer);
    if (body->tell)
        body->tell(body->context, (int64_t)len);
    return len;
}

int http_rewind_body(void *context, curl_off_t offset, int origin)
{
    struct http_transfer *transfer = context;
    const struct http_body *body = transfer->request->body;
    if (origin != SEEK_SET || offset < 0 || offset > http_body_len(body))
        return CURL_SEEKFUNC_FAIL;
    if (body->tell)
        body->tell(body->context, offset - transfer->sent);
    transfer->sent = offset;
    return CURL_SEEKFUNC_OK;
}

/* Some bytes, but too few to ever come to an end. Only of a body that is wanted: a server that
 * thinks may send blanks so that nobody takes it for dead. */
static bool is_crawling(struct http_transfer *transfer, int64_t now_ns)
{
    if (transfer->is_wanted && now_ns - transfer->slow_ns <= transfer->http->timeout_ns)
        return false;
    bool is_slow = transfer->is_wanted && transfer->seen - transfer->slow_bytes < HTTP_CRAWL_BYTES;
    transfer->slow_ns = now_ns;
    transfer->slow_bytes = transfer->seen;
    return is_slow;
}

int http_watch(void *context, curl_off_t download_total, curl_off_t downloaded,
               curl_off_t upload_total, curl_off_t uploaded)
{
    struct http_transfer *transfer = context;
    (void)download_total;
    (void)upload_total;
    if (downloaded + uploaded != transfer->seen) {
        transfer->seen = downloaded + uploaded;
        moved(transfer);
    }
    int64_t now_ns = clock_monotonic_ns();
    transfer->is_late =
        now_ns - transfer->moved_ns > transfer->http->timeout_ns || is_crawling(transfer, now_ns);
    return transfer->is_late || signal_stops();
}
