/* Shared by the files of module http: libcurl as a table of pointers, since it is not linked, and
 * the state of one transfer. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/http.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

/* Every function of libcurl that is used, without its prefix "curl_". */
#define CURL_FUNCTIONS(F)                                                                          \
    F(easy_cleanup)                                                                                \
    F(easy_getinfo)                                                                                \
    F(easy_init)                                                                                   \
    F(easy_perform)                                                                                \
    F(easy_reset)                                                                                  \
    F(easy_setopt)                                                                                 \
    F(easy_strerror)                                                                               \
    F(getdate)                                                                                     \
    F(global_init)                                                                                 \
    F(slist_append)                                                                                \
    F(slist_free_all)

struct curl {
#define CURL_MEMBER(name) __typeof__(curl_##name) *name;
    CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

/* The table, loaded and initialised once by whoever asks first; NULL: libcurl is not there. */
const struct curl *http_curl(void);

struct http {
    CURL *easy;
    struct arena arena; /* of the options below */
    int64_t timeout_ns;
    const char *ca, *user, *password, *token, *header; /* NULL: none */
    bool is_insecure;
    bool was_reached; /* the server answered once: what then fails may pass */
};

/* Fewer in the time of a timeout: such a transfer is given up. */
enum { HTTP_CRAWL_BYTES = 1024 };

/* One request while it goes on. */
struct http_transfer {
    struct http *http;
    struct arena *arena;
    const struct http_request *request;
    struct http_reply *reply;
    struct buf body;             /* of the reply, if it is kept */
    struct error *fault;         /* of ours: why a callback ended the transfer */
    bool has_begun, is_wanted;   /* sink->begin was asked; its answer */
    int64_t sent;                /* of request->body, so far */
    int64_t seen;                /* bytes in both directions when something last moved */
    int64_t moved_ns;            /* when that was, by the monotonic clock */
    int64_t slow_ns, slow_bytes; /* when the last while began, and the bytes seen by then */
    bool is_late;                /* nothing moved for too long, or hardly anything */
    char message[CURL_ERROR_SIZE];
};

/* Callbacks, as libcurl declares them; `context` is the transfer. */
size_t http_take_header(char *at, size_t size, size_t count, void *context);
size_t http_take_body(char *at, size_t size, size_t count, void *context);
size_t http_give_body(char *at, size_t size, size_t count, void *context);
int http_rewind_body(void *context, curl_off_t offset, int origin);
int http_watch(void *context, curl_off_t download_total, curl_off_t downloaded,
               curl_off_t upload_total, curl_off_t uploaded);

/* Asks the sink, if that was not done. */
FALLIBLE http_begin(struct http_transfer *transfer);

/* Length of what is to be sent. */
int64_t http_body_len(const struct http_body *body);

/* The error for a transfer that libcurl gave up. */
FALLIBLE http_fault(struct http_transfer *transfer, CURLcode code);

/* reply->is_passing and retry_after_ns from status and headers. */
void http_judge(struct http_reply *reply);
