/* Between HTTP and WebDAV, which is HTTP that writes and lists. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/map.h"

#include <stdatomic.h>

#include "transport_web_private.h"

struct site {
    struct http_options options;
    struct str url;        /* "https://host/path", encoded, without '/' at its end */
    struct str root;       /* its path, decoded */
    atomic_bool moves_not; /* the server has no MOVE: what is written has its name at once */
};

struct talk {
    struct http *http;
    struct arena request; /* of one operation */
    struct arena kept;
    struct map made; /* directories that are there */
};

static inline struct site *site_of(const struct connection *connection)
{
    return connection->transport->state;
}

/* What kinds do (transport_private.h), the same for both. */
FALLIBLE site_open(struct arena *arena, struct transport *transport);
void site_drop(struct transport *transport);
FALLIBLE site_connect(struct connection *connection);
void site_disconnect(struct connection *connection);
FALLIBLE site_stat(struct connection *connection, struct str name, struct transport_item *ret,
                   bool *ret_found);
FALLIBLE site_read(struct connection *connection, struct str name, struct transport_range range,
                   const struct transport_sink *sink, bool *ret_found);

/* In the arena of the request. */
struct str site_url(struct connection *connection, struct str name);

/* A request that is answered by no more than status and headers. */
FALLIBLE site_send_plain(struct connection *connection, const char *method, struct str name,
                         struct http_reply *ret);

/* HEAD. */
FALLIBLE site_look_at(struct connection *connection, struct str name, struct transport_item *ret,
                      bool *ret_found);

bool site_is_done(const struct http_reply *reply);   /* 2xx */
bool site_is_absent(const struct http_reply *reply); /* 404, 410 */

/* The error for any other status. */
ERROR_MADE site_fault(struct connection *connection, const struct http_reply *reply);
