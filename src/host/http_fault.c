/* What libcurl's codes and HTTP's statuses mean to us. */
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <stdlib.h>
#include <strings.h>

#include "http_private.h"

enum again {
    AGAIN_NEVER,
    AGAIN_IF_REACHED, /* what was there a moment ago may come back; a wrong name never does */
    AGAIN_ALWAYS,
};

static const char ca_hint[] =
    "if you know that server, name its certificate authority's file by the setting 'ca'";

static const struct fault_row {
    CURLcode code;
    enum again again;
    const char *text;
    const char *hint; /* NULL: none */
} fault_rows[] = {
    {CURLE_UNSUPPORTED_PROTOCOL, AGAIN_NEVER, "this is no HTTP", NULL},
    {CURLE_URL_MALFORMAT, AGAIN_NEVER, "this is no proper URL", NULL},
    {CURLE_COULDNT_RESOLVE_PROXY, AGAIN_IF_REACHED, "the proxy's name is not known",
     "look at the variables http_proxy, https_proxy and no_proxy"},
    {CURLE_COULDNT_RESOLVE_HOST, AGAIN_IF_REACHED, "no such host", NULL},
    {CURLE_COULDNT_CONNECT, AGAIN_IF_REACHED, "no connection", NULL},
    {CURLE_WEIRD_SERVER_REPLY, AGAIN_NEVER, "this is no HTTP", NULL},
    {CURLE_PARTIAL_FILE, AGAIN_ALWAYS, "the answer was cut off", NULL},
    {CURLE_OPERATION_TIMEDOUT, AGAIN_ALWAYS, "took too long to connect", NULL},
    {CURLE_SSL_CONNECT_ERROR, AGAIN_IF_REACHED, "no secure connection", NULL},
    {CURLE_TOO_MANY_REDIRECTS, AGAIN_NEVER, "redirects lead nowhere", NULL},
    {CURLE_GOT_NOTHING, AGAIN_ALWAYS, "the connection was closed without an answer", NULL},
    {CURLE_SEND_ERROR, AGAIN_ALWAYS, "the connection broke off", NULL},
    {CURLE_RECV_ERROR, AGAIN_ALWAYS, "the connection broke off", NULL},
    {CURLE_PEER_FAILED_VERIFICATION, AGAIN_NEVER, "the server's certificate is not trusted",
     ca_hint},
    {CURLE_SSL_CACERT_BADFILE, AGAIN_NEVER, "the file of certificates can't be read",
     "look at the setting 'ca'"},
};

static const struct fault_row *find_row(CURLcode code)
{
    for (size_t i = 0; i < COUNT_OF(fault_rows); i++) {
        if (fault_rows[i].code == code)
            return &fault_rows[i];
    }
    return NULL;
}

/* Libcurl's own words, which hold no header and so no secret, as the cause. */
static ERROR_MADE with_cause(struct error *error, const char *message)
{
    if (!*message)
        return error;
    struct error *cause = error_new(ERROR_MACHINE, "%s", message);
    cause->cause = error->cause;
    error->cause = cause;
    return error;
}

static FALLIBLE fault_of_code(const struct http_transfer *transfer, struct str host, CURLcode code)
{
    const struct fault_row *row = find_row(code);
    struct error *error = error_new(ERROR_MACHINE, "%.*s: %s", STR_FMT(host),
                                    row ? row->text : http_curl()->easy_strerror(code));
    error = with_cause(error, transfer->message);
    if (row && row->hint)
        error = error_hint(error, "%s", row->hint);
    if (row && row->again >= (transfer->http->was_reached ? AGAIN_IF_REACHED : AGAIN_ALWAYS))
        error = error_passing(error, 0);
    return error;
}

FALLIBLE http_fault(struct http_transfer *transfer, CURLcode code)
{
    struct str host = http_host(transfer->request->url);
    if (transfer->fault) {
        struct error *fault = transfer->fault;
        transfer->fault = NULL;
        return fault;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK && !transfer->is_late)
        TRY(signal_check());
    if (transfer->is_late)
        return error_passing(
            error_new(ERROR_MACHINE, "%.*s: nothing, or hardly anything, came for %lld s",
                      STR_FMT(host), (long long)(transfer->http->timeout_ns / NS_PER_S)),
            0);
    return fault_of_code(transfer, host, code);
}

/* RFC 9110, 10.2.3: seconds, or a date. */
static int64_t read_retry_after(struct str value)
{
    char text[64];
    char *end = NULL;
    if (!value.len || value.len >= sizeof text)
        return 0;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    long seconds = strtol(text, &end, 10);
    if (!*end)
        return seconds > 0 && seconds < 86400 ? seconds * NS_PER_S : 0;
    time_t date = http_curl()->getdate(text, NULL);
    int64_t wait_ns = date < 0 ? 0 : (int64_t)date * NS_PER_S - clock_real_ns();
    return wait_ns > 0 && wait_ns < 86400 * NS_PER_S ? wait_ns : 0;
}

void http_judge(struct http_reply *reply)
{
    static const int passing[] = {408, 425, 429, 500, 502, 503, 504};
    reply->is_passing = false;
    for (size_t i = 0; i < COUNT_OF(passing); i++)
        reply->is_passing |= reply->status == passing[i];
    reply->retry_after_ns = read_retry_after(http_find_header(reply, "Retry-After"));
}
