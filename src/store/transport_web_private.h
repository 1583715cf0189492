/* What the transports that speak HTTP have in common: HTTP and WebDAV, S3. */
#pragma once

#include "mlops/host/http.h"

#include "transport_private.h"

/* One GET of a part of a content, over one attempt. A kind sends it with web_reading_headers and
 * the sink that web_reading_sink makes. */
struct web_reading {
    struct connection *connection;
    struct transport_range range;
    const struct transport_sink *sink;
    int64_t skip;   /* bytes of the answer before the range: the server did not heed it */
    int64_t left;   /* bytes still wanted; -1: all that come */
    bool is_enough; /* all wanted bytes came, and more: the transfer was ended for that */
};

enum web_condition {
    WEB_IF_RANGE, /* HTTP: the whole content comes if it changed */
    WEB_IF_MATCH, /* S3: 412 if it changed */
};

struct web_reading web_reading_of(struct connection *connection, struct transport_range range,
                                  const struct transport_sink *sink);
struct http_sink web_reading_sink(struct web_reading *reading);

/* "Range: ..." and the condition of a read that goes on; at most 2, their number in *ret_count. An
 * error if it can't be known whether the content is still the same. */
FALLIBLE web_reading_headers(struct arena *arena, const struct web_reading *reading,
                             enum web_condition condition, struct str headers[static 2],
                             size_t *ret_count);

/* After http_send: takes back the error of a transfer that we ended. */
FALLIBLE web_reading_end(const struct web_reading *reading, struct error *error);

/* What a status means to a read. *ret_known false: it is the kind's to judge. */
FALLIBLE web_reading_judge(const struct web_reading *reading, const struct http_reply *reply,
                           bool *ret_found, bool *ret_known);

/* What changes with the content: the ETag, else the time; empty: none told. */
struct str web_version(const struct http_reply *reply);

/* Of a HEAD. */
struct transport_item web_item(struct str name, const struct http_reply *reply);

/* "HOST answered STATUS (what that means)", passing if the status is. */
ERROR_MADE web_fault(struct str url, const struct http_reply *reply);

/* Progress of a body, to be taken back if the attempt fails. */
struct web_progress {
    const struct transport_source *source;
    int64_t told;
};
void web_tell(void *context, int64_t bytes); /* for http_body.tell; context is the progress */
void web_untell(struct web_progress *progress);

/* The source, or a part of it, as a body. */
struct http_body web_body(struct web_progress *progress, int64_t offset, int64_t len);
int64_t web_source_len(const struct transport_source *source);

/* %XX decoded (and '+' as a blank if asked for); false if a % has no digits or gives NUL. */
bool web_decode(struct arena *arena, struct str text, bool plus_is_blank, struct str *ret);

/* Names that a listing found, told when it is complete, so that it can be begun again before. */
VEC(web_item_vec, struct transport_item);
FALLIBLE web_tell_items(const struct web_item_vec *items,
                        FALLIBLE (*visit)(void *context, const struct transport_item *item),
                        void *context);

/* --- WebDAV --- */

/* What one directory of a server holds, by its answer to PROPFIND (RFC 4918). */
struct dav_listing {
    struct arena *arena;
    struct str root;      /* path of the remote at the server, decoded, without '/' at its end */
    struct str directory; /* "" or "pack/": what was asked for */
    bool is_foreign;      /* names are as the URL has them (transport.h) */
    bool is_answered;     /* a response was about the directory or something in it */
    struct str elsewhere; /* what the first one was about, before any was */
    struct web_item_vec items;
    VEC(dav_directory_vec, struct str) directories; /* with '/' at their ends */
};
/* Adds to the listing. What is not right below the directory is left out; if all of it is about
 * something else, that is an error: it would look like an empty directory. */
FALLIBLE dav_listing_parse(struct dav_listing *listing, struct str bytes);
