/* Between store/transport and the kinds of transports: one table of functions a kind. A kind makes
 * one attempt; that it is made again where that may help is transport.c's. */
#pragma once

#include "mlops/store/transport.h"

struct transport_kind {
    const char *const *schemes; /* "http", "https"; NULL-terminated. "" is a plain path */
    bool is_writable, can_list;
    int connections; /* useful and decent at once */

    /* Checks the URL; transport->state is the kind's own. No traffic. */
    FALLIBLE (*open)(struct arena *arena, struct transport *transport);
    void (*drop)(struct transport *transport);

    /* connection->state is the kind's own. After an error that is_passing the connection is dropped
     * and made anew before the next attempt. */
    FALLIBLE (*connect)(struct connection *connection);
    void (*disconnect)(struct connection *connection);

    FALLIBLE(*list)
    (struct connection *connection, struct str prefix,
     FALLIBLE (*visit)(void *context, const struct transport_item *item), void *context);
    FALLIBLE(*stat)
    (struct connection *connection, struct str name, struct transport_item *ret, bool *ret_found);

    /* Delivers the range's bytes in order. What was delivered before an attempt broke off is not
     * asked for again: `range` then begins behind it and connection->version says which content it
     * was of ("" if the kind found none), which the kind must demand (If-Range) or refuse to go on.
     * On the first attempt version is empty and the kind sets it. */
    FALLIBLE(*read)
    (struct connection *connection, struct str name, struct transport_range range,
     const struct transport_sink *sink, bool *ret_found);
    FALLIBLE(*write)
    (struct connection *connection, struct str name, const struct transport_source *source,
     enum transport_write how, bool *ret_existed);
    FALLIBLE (*remove)(struct connection *connection, struct str name);

    /* NULL: files below TRANSPORT_TEMP, listed and removed like others. */
    FALLIBLE(*list_unfinished)
    (struct connection *connection,
     FALLIBLE (*visit)(void *context, const struct transport_item *item), void *context);
    FALLIBLE(*remove_unfinished)
    (struct connection *connection, const struct transport_item *item);
};

#define TRANSPORT_TEMP ".tmp/"

struct transport {
    struct arena *arena; /* of the owner; not for threads */
    const struct remote *remote;
    const struct transport_kind *kind;
    void *state;
};

enum { TRANSPORT_VERSION_BYTES = 256 };

struct connection {
    struct transport *transport;
    void *state;
    bool is_open;
    bool is_resuming;                      /* this read continues an earlier attempt */
    char version[TRANSPORT_VERSION_BYTES]; /* of the content that is being read: its ETag or the
                                              like; of a stat what item->version borrows */
};

extern const struct transport_kind transport_directory;
extern const struct transport_kind transport_ssh;
extern const struct transport_kind transport_http; /* reads only */
extern const struct transport_kind transport_dav;
extern const struct transport_kind transport_s3;

/* The URL behind "scheme://", or all of a plain path. */
struct str transport_rest(struct str url);

/* NULL if a name is one of ours (transport.h), else what is wrong with it. */
const char *transport_name_fault(struct str name);

/* The same where others chose the names. */
const char *transport_foreign_fault(struct str name);

/* An error of this remote: "remote 'origin': ...". */
FALLIBLE transport_within(const struct transport *transport, struct error *error, const char *verb,
                          struct str name);
