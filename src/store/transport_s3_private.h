/* Between the files of the S3 transport. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/codec/sigv4.h"

#include <pthread.h>
#include <stdatomic.h>

#include "transport_web_private.h"

/* Who we are. Texts live in the arena of whoever loaded them. */
struct s3_credentials {
    struct str id, secret, token;
    int64_t expires_ns; /* by the realtime clock; 0: never */
    struct str origin;  /* where they are from, for messages */
};

struct s3 {
    struct http_options options;
    const struct remote *remote;
    struct str origin; /* "https://host:port" */
    struct str host;   /* what the header Host says */
    struct str path;   /* encoded: "/" or "/BUCKET/", behind the endpoint's own path */
    struct str prefix; /* of all keys, not encoded: "" or "a/b/" */
    struct str region;
    bool is_amazon;             /* no endpoint of somebody else */
    atomic_llong skew_ns;       /* the server's clock less ours */
    atomic_bool conditions_not; /* the server refuses If-None-Match */
    pthread_mutex_t mutex;      /* of what follows */
    struct arena arena;
    struct s3_credentials credentials;
    bool has_credentials;
};

struct s3_talk {
    struct http *http;
    struct arena request; /* of one operation */
};

static inline struct s3 *s3_of(const struct connection *connection)
{
    return connection->transport->state;
}

static inline struct arena *s3_arena(const struct connection *connection)
{
    struct s3_talk *talk = connection->state;
    return &talk->request;
}

/* --- settings --- */

/* What AWS' tools know of the remote's profile (AWS_PROFILE, "default"): a key of ~/.aws/config or
 * ~/.aws/credentials; empty: nothing. */
FALLIBLE s3_profile_value(struct arena *arena, const struct remote *remote, const char *key,
                          struct str *ret);

/* Those that are valid for a minute at least, loaded again if need be; copied into the arena. From
 * any thread. */
FALLIBLE s3_credentials_get(struct s3 *s3, struct arena *arena, struct s3_credentials *ret);

/* The server takes them for expired: they are loaded again when they are next asked for. */
void s3_credentials_forget(struct s3 *s3);

/* What a program prints (`credential_process`, Version 1). Pure. */
FALLIBLE s3_credentials_parse(struct arena *arena, struct str json, struct s3_credentials *ret);

/* --- requests --- */

struct s3_request {
    const char *method;
    struct str name; /* "" with is_bucket */
    bool is_bucket;  /* of the bucket as a whole: listings */
    const struct sigv4_pair *query;
    size_t query_count;
    const struct str *headers; /* "Name: value": not signed */
    size_t header_count;
    bool makes_object;     /* what the remote wants said of each */
    struct str checksum;   /* x-amz-checksum-sha256; empty: none */
    struct digest payload; /* SHA-256 of the body; zero: there is none */
    const struct http_body *body;
    const struct http_sink *sink;
};

/* Signs and sends it; once more with the server's clock if ours is wrong. */
FALLIBLE s3_send(struct connection *connection, const struct s3_request *request,
                 struct http_reply *ret);

bool s3_is_done(const struct http_reply *reply); /* 2xx */

/* 404, unless it is the bucket that is not there. */
bool s3_is_absent(const struct http_reply *reply);

/* The error of any other answer: by the server's code if it gives one, else by the status. */
ERROR_MADE s3_fault(struct connection *connection, const struct http_reply *reply);

FALLIBLE s3_look_at(struct connection *connection, struct str name, struct transport_item *ret,
                    bool *ret_found);

FALLIBLE s3_write(struct connection *connection, struct str name,
                  const struct transport_source *source, enum transport_write how,
                  bool *ret_existed);

/* Sources from this length on are sent in parts. */
enum { S3_WHOLE_BYTES = 33554432 };
FALLIBLE s3_write_parts(struct connection *connection, struct str name,
                        const struct transport_source *source, enum transport_write how,
                        bool *ret_existed);

/* Uploads in parts of packs that are not finished. */
FALLIBLE s3_list_uploads(struct connection *connection,
                         FALLIBLE (*visit)(void *context, const struct transport_item *item),
                         void *context);
FALLIBLE s3_abort_upload(struct connection *connection, const struct transport_item *item);

/* SHA-256 and MD5 of a part of the source. */
FALLIBLE s3_hash(const struct transport_source *source, int64_t offset, int64_t len,
                 struct digest *ret, char ret_md5[static 33]);

/* --- answers --- */

struct s3_error {
    struct str code, message, region; /* empty: not said */
};

/* Of a body that is an <Error>; all empty if it is none. */
struct s3_error s3_error_parse(struct arena *arena, struct str body);

/* A page of ListObjectsV2: keys without `prefix` are added. *ret_next empty: the last page. */
FALLIBLE s3_page_parse(struct arena *arena, struct str body, struct str prefix,
                       struct web_item_vec *items, struct str *ret_next);

/* The newest unfinished upload of a key; empty: none. */
FALLIBLE s3_uploads_parse(struct arena *arena, struct str body, struct str key, struct str *ret_id);

/* A page of unfinished uploads: their ids as versions. The markers are empty on the last page. */
struct s3_marker {
    struct str key, id;
};
FALLIBLE s3_unfinished_parse(struct arena *arena, struct str body, struct str prefix,
                             struct web_item_vec *items, struct s3_marker *ret_next);

struct s3_part {
    int64_t number, size_bytes;
    struct str tag; /* ETag, with its quotes */
};
VEC(s3_part_vec, struct s3_part);
FALLIBLE s3_parts_parse(struct arena *arena, struct str body, struct s3_part_vec *ret,
                        int64_t *ret_next);
