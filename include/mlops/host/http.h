/* HTTP(S) through libcurl, which is loaded on first use (docs/decisions.md, "libgit2 by dlopen").
 * One `struct http` is one connection, kept open between requests and used by one thread at a time:
 *
 *     AUTO(http_drop) struct http *http = NULL;
 *     TRY(http_open(&options, &http));
 *     TRY(http_send(http, arena, &request, &reply));      // any number of times
 *
 * Every answer of a server is a reply, whatever its status; an error is what kept it from coming
 * whole: one line with the host and what went wrong. TLS 1.2 and more, certificates are checked;
 * proxies as the environment says (http_proxy, https_proxy, no_proxy); at most LIMIT_HTTP_REDIRECTS
 * redirects, never from https to http, never with credentials to another host. A transfer without a
 * byte for `timeout_ns`, or with next to none of a body, is given up; stop signals are answered
 * within a second. Nothing is tried again here: an error or a reply that is passing says that it
 * may help. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/vec.h"

struct http;

struct http_options {
    int64_t timeout_ns;        /* without any byte; 0: a minute */
    struct str ca;             /* file of certificates; empty: the system's */
    bool is_insecure;          /* certificates are not checked */
    struct str user, password; /* basic authentication, without being asked; empty user: none */
    struct str token;          /* sent as a bearer token; empty: none */
    struct str header;         /* "Name: value" that goes with each request, but to no other host:
                                  redirects are not followed then; empty: none */
};

/* False if libcurl can't be loaded. */
bool http_is_available(void);

/* The options are copied. */
FALLIBLE http_open(const struct http_options *options, struct http **ret);
void http_drop(struct http **http);

/* What is sent: bytes, or a part of an open file (which must still have those bytes). */
struct http_body {
    struct str bytes; /* used if fd < 0 */
    int fd;
    int64_t offset, len;                        /* of the file */
    void (*tell)(void *context, int64_t bytes); /* of bytes handed to the network; negative: they
                                                   have to be sent again. May be NULL */
    void *context;
};

struct http_header {
    struct str name, value;
};
VEC(http_header_vec, struct http_header);

struct http_reply {
    int status; /* 0: none came */
    struct http_header_vec headers;
    struct str body;        /* unless the sink wanted it */
    bool is_passing;        /* by its status: another try may help */
    int64_t retry_after_ns; /* how long the server wants to be left alone; 0: not said */
};

/* Where a reply's body goes. Both may be called by http_send only; their errors end the request. */
struct http_sink {
    /* Once, when status and headers are there: whether `take` shall get the body (else it is kept
     * in the reply). */
    FALLIBLE (*begin)(void *context, const struct http_reply *reply, bool *ret_wants);
    FALLIBLE (*take)(void *context, const char *at, size_t len);
    void *context;
};

struct http_request {
    const char *method;
    struct str url;            /* encoded, without user and password */
    const struct str *headers; /* "Name: value" */
    size_t header_count;
    const struct http_body *body; /* NULL: none, not even of length 0 */
    const struct http_sink *sink; /* NULL: the body is kept in the reply */
    bool follows;                 /* redirects, of GET and HEAD only */
};

/* The reply lives in the arena. A body that is kept may have LIMIT_HTTP_REPLY_BYTES; of those of
 * failures (status 300 and more) the first LIMIT_HTTP_FAILURE_BYTES are kept. */
FALLIBLE http_send(struct http *http, struct arena *arena, const struct http_request *request,
                   struct http_reply *ret);

/* Its value; empty if it is not there. Case does not matter. */
struct str http_find_header(const struct http_reply *reply, const char *name);

/* HOST[:PORT] of a URL, without user and password. */
struct str http_host(struct str url);
