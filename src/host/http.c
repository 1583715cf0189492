#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <stdlib.h>
#include <strings.h>

#include "http_private.h"

static const int64_t TIMEOUT_NS = 60 * NS_PER_S;      /* if nothing is said */
static const int64_t CONNECT_NS_MOST = 30 * NS_PER_S; /* nobody is that far away */
static const long BUFFER_BYTES = 262144;              /* of each direction */
static const long CONTINUE_MS = 500;                  /* some servers never say "100 Continue" */

/* TRY for a setting that this libcurl may not know. */
#define TRY_SET(http, option, value)                                                               \
    do {                                                                                           \
        CURLcode try_code_ = http_curl()->easy_setopt((http)->easy, (option), (value));            \
        if (try_code_ != CURLE_OK)                                                                 \
            return error_new(ERROR_MACHINE, "libcurl can't do what is needed: %s: %s", #option,    \
                             http_curl()->easy_strerror(try_code_));                               \
    } while (0)

static const char *keep(struct http *http, struct str text)
{
    return text.len ? str_terminate(&http->arena, text) : NULL;
}

FALLIBLE http_open(const struct http_options *options, struct http **ret)
{
    const struct curl *curl = http_curl();
    if (!curl)
        return error_hint(error_new(ERROR_MACHINE, "libcurl can't be loaded (%s)", CURL_SONAME),
                          "install Debian's package libcurl4");
    CURL *easy = curl->easy_init();
    if (!easy)
        return error_new(ERROR_MACHINE, "libcurl can't be used");
    struct http *http = memory_grow(NULL, sizeof *http);
    *http = (struct http){.easy = easy,
                          .timeout_ns = options->timeout_ns ? options->timeout_ns : TIMEOUT_NS,
                          .is_insecure = options->is_insecure};
    http->ca = keep(http, options->ca);
    http->user = keep(http, options->user);
    http->password = keep(http, options->password);
    http->token = keep(http, options->token);
    http->header = keep(http, options->header);
    *ret = http;
    return NULL;
}

void http_drop(struct http **http)
{
    if (*http) {
        http_curl()->easy_cleanup((*http)->easy);
        arena_drop(&(*http)->arena);
        free(*http);
    }
    *http = NULL;
}

static FALLIBLE set_up_connection(struct http *http)
{
    TRY_SET(http, CURLOPT_NOSIGNAL, 1L);
    TRY_SET(http, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    TRY_SET(http, CURLOPT_USERAGENT, "mlops/" MLOPS_VERSION);
    TRY_SET(http, CURLOPT_CONNECTTIMEOUT_MS,
            (long)(MIN_OF(http->timeout_ns, CONNECT_NS_MOST) / NS_PER_MS));
    TRY_SET(http, CURLOPT_EXPECT_100_TIMEOUT_MS, CONTINUE_MS);
    TRY_SET(http, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    TRY_SET(http, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
    TRY_SET(http, CURLOPT_TCP_KEEPALIVE, 1L);
    TRY_SET(http, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (http->ca) {
        TRY_SET(http, CURLOPT_CAINFO, http->ca);
        TRY_SET(http, CURLOPT_CAPATH, NULL);
    }
    if (http->is_insecure) {
        TRY_SET(http, CURLOPT_SSL_VERIFYPEER, 0L);
        TRY_SET(http, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return NULL;
}

static FALLIBLE set_up_credentials(struct http *http)
{
    if (http->user) {
        TRY_SET(http, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        TRY_SET(http, CURLOPT_USERNAME, http->user);
        TRY_SET(http, CURLOPT_PASSWORD, http->password ? http->password : "");
    } else if (http->token) {
        TRY_SET(http, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        TRY_SET(http, CURLOPT_XOAUTH2_BEARER, http->token);
    }
    return NULL;
}

static FALLIBLE set_up_body(struct http_transfer *transfer)
{
    struct http *http = transfer->http;
    const struct http_body *body = transfer->request->body;
    if (!body)
        return NULL;
    TRY_SET(http, CURLOPT_UPLOAD, 1L);
    TRY_SET(http, CURLOPT_INFILESIZE_LARGE, (curl_off_t)http_body_len(body));
    TRY_SET(http, CURLOPT_READFUNCTION, http_give_body);
    TRY_SET(http, CURLOPT_READDATA, transfer);
    TRY_SET(http, CURLOPT_SEEKFUNCTION, http_rewind_body);
    TRY_SET(http, CURLOPT_SEEKDATA, transfer);
    return NULL;
}

static FALLIBLE set_up_request(struct http_transfer *transfer)
{
    struct http *http = transfer->http;
    const struct http_request *request = transfer->request;
    const char *url = str_terminate(transfer->arena, request->url);
    bool is_secure = str_starts(request->url, STR("https:"));
    TRY_SET(http, CURLOPT_URL, url);
    TRY_SET(http, CURLOPT_PROTOCOLS_STR, "http,https");
    TRY_SET(http, CURLOPT_REDIR_PROTOCOLS_STR, is_secure ? "https" : "http,https");
    TRY_SET(http, CURLOPT_FOLLOWLOCATION, request->follows && !http->header ? 1L : 0L);
    TRY_SET(http, CURLOPT_MAXREDIRS, (long)LIMIT_HTTP_REDIRECTS);
    if (strcmp(request->method, "HEAD") == 0)
        TRY_SET(http, CURLOPT_NOBODY, 1L);
    else
        TRY_SET(http, CURLOPT_CUSTOMREQUEST, request->method);
    return set_up_body(transfer);
}

static FALLIBLE set_up_callbacks(struct http_transfer *transfer)
{
    struct http *http = transfer->http;
    TRY_SET(http, CURLOPT_ERRORBUFFER, transfer->message);
    TRY_SET(http, CURLOPT_HEADERFUNCTION, http_take_header);
    TRY_SET(http, CURLOPT_HEADERDATA, transfer);
    TRY_SET(http, CURLOPT_WRITEFUNCTION, http_take_body);
    TRY_SET(http, CURLOPT_WRITEDATA, transfer);
    TRY_SET(http, CURLOPT_XFERINFOFUNCTION, http_watch);
    TRY_SET(http, CURLOPT_XFERINFODATA, transfer);
    TRY_SET(http, CURLOPT_NOPROGRESS, 0L);
    return NULL;
}

static void headers_drop(struct curl_slist **headers)
{
    http_curl()->slist_free_all(*headers);
}

static FALLIBLE perform(struct http_transfer *transfer, struct curl_slist *headers)
{
    struct http *http = transfer->http;
    http_curl()->easy_reset(http->easy); /* keeps the connection */
    TRY(set_up_connection(http));
    TRY(set_up_credentials(http));
    TRY(set_up_request(transfer));
    TRY(set_up_callbacks(transfer));
    TRY_SET(http, CURLOPT_HTTPHEADER, headers);
    transfer->moved_ns = transfer->slow_ns = clock_monotonic_ns();
    CURLcode code = http_curl()->easy_perform(http->easy);
    if (code != CURLE_OK)
        return http_fault(transfer, code);
    return http_begin(transfer);
}

static FALLIBLE add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = http_curl()->slist_append(*headers, line);
    if (!longer)
        return error_new(ERROR_MACHINE, "libcurl has no memory");
    *headers = longer;
    return NULL;
}

FALLIBLE http_send(struct http *http, struct arena *arena, const struct http_request *request,
                   struct http_reply *ret)
{
    AUTO(headers_drop) struct curl_slist *headers = NULL;
    struct http_transfer transfer = {
        .http = http, .arena = arena, .request = request, .reply = ret, .body = buf_in(arena)};
    *ret = (struct http_reply){0};
    TRY(signal_check());
    TRY(add_header(&headers, "Accept-Encoding: identity")); /* without it anything may come */
    for (size_t i = 0; i < request->header_count; i++)
        TRY(add_header(&headers, str_terminate(arena, request->headers[i])));
    if (http->header)
        TRY(add_header(&headers, http->header));
    TRY(perform(&transfer, headers));
    ret->body = buf_str(&transfer.body);
    http_judge(ret);
    return NULL;
}

struct str http_find_header(const struct http_reply *reply, const char *name)
{
    vec_each (struct http_header, header, &reply->headers) {
        if (header->name.len == strlen(name) &&
            strncasecmp(header->name.at, name, header->name.len) == 0)
            return header->value;
    }
    return (struct str){0};
}

struct str http_host(struct str url)
{
    ptrdiff_t scheme = str_find(url, STR("://"));
    struct str rest = scheme < 0 ? url : str_slice(url, (size_t)scheme + 3, url.len);
    size_t end = 0;
    while (end < rest.len && !strchr("/?#", rest.at[end]))
        end++;
    rest = str_slice(rest, 0, end);
    ptrdiff_t at = str_find_last_char(rest, '@');
    return at < 0 ? rest : str_slice(rest, (size_t)at + 1, rest.len);
}
