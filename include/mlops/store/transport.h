/* Transports: one small interface to names and bytes in another place, whatever carries them: a
 * directory, SFTP (by the ssh program), HTTP(S) and WebDAV, S3. Knows nothing of objects or packs.
 *
 * A transport is what is configured; a connection is one conversation, used by one thread at a
 * time. Operations block, answer stop signals within a second, try again by themselves (full-jitter
 * backoff, at most LIMIT_TRANSPORT_TRIES) where that may help (connection lost, 5xx, 429 with
 * Retry-After, time-out), and go on where a transfer broke off if the content is provably the same.
 * Names are relative ("pack/ab12"), made of letters, digits, '.', '-', '_' and '/', so that no
 * server and no file system has its own idea of them; names that come back from a server and are
 * none of that are left out. Only where remote->has_foreign_names they are what others chose: any
 * bytes but control characters, without empty, '.' and '..' parts; for HTTP the text of a URL
 * behind the remote's, as it is written there (encoded, with its query). Not found is an answer,
 * all else an error (ERROR_MACHINE) that names the remote, the operation, what the server said, and
 * what to do. Secrets are in no message. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/vec.h"
#include "mlops/store/remote.h"

struct transport;
struct connection;

/* Whether there is a transport for a URL's scheme (or it is a plain path). */
bool transport_knows(struct str url);

/* By the scheme of remote->url. The remote must outlive it. */
FALLIBLE transport_open(struct arena *arena, const struct remote *remote, struct transport **ret);
void transport_drop(struct transport **transport);

bool transport_is_writable(const struct transport *transport); /* false: plain HTTP */
bool transport_can_list(const struct transport *transport);    /* false: plain HTTP */

/* How many connections at once are useful and decent, if nothing is configured. */
int transport_connections(const struct transport *transport);

/* Cheap: what costs a round trip is done by the first operation. Safe from pool threads. */
FALLIBLE transport_connect(struct transport *transport, struct connection **ret);
void connection_drop(struct connection **connection);

struct transport_item {
    struct str name;     /* relative to the remote's root */
    int64_t size_bytes;  /* -1: not told; of a foreign listing: neither file nor directory */
    int64_t modified_ns; /* by the server's clock; 0: not told */
    struct str version; /* what changes with the content: an ETag as the server writes it; empty: it
                           gives none. Valid until the next operation of the connection */
};

/* All names that begin with `prefix` (which ends in '/', or is "" for everything), in no order.
 * Nothing there is an empty list. Stops at the callback's error. */
FALLIBLE connection_list(struct connection *connection, struct str prefix,
                         FALLIBLE (*visit)(void *context, const struct transport_item *item),
                         void *context);

/* What is there under a name; a directory that has a foreign name is no file: not found. */
FALLIBLE connection_stat(struct connection *connection, struct str name, struct transport_item *ret,
                         bool *ret_found);

/* Where read bytes go: one contiguous stream from `offset` on, however often it broke off. */
struct transport_sink {
    FALLIBLE (*take)(void *context, const char *at, size_t len);
    void *context;
};

/* `len` bytes from `offset` on; len -1: to the end. Fewer than asked for is an error. */
struct transport_range {
    int64_t offset, len;
};
FALLIBLE connection_read(struct connection *connection, struct str name,
                         struct transport_range range, const struct transport_sink *sink,
                         bool *ret_found);

/* The version (see transport_item) of what was read last; empty: the server gave none. Valid until
 * the next operation. */
struct str connection_version(const struct connection *connection);

/* What is written: bytes, or a part of an open file. It may be read several times. */
struct transport_source {
    struct str bytes; /* used if fd < 0 */
    int fd;
    int64_t offset, len;  /* of the file */
    struct digest digest; /* SHA-256 of it all if known (S3 lets the server check it), else zero */
    void (*tell)(void *context, int64_t bytes); /* of progress; may be NULL; may be negative when
                                                   something is sent again */
    void *context;
};

enum transport_write {
    WRITE_NEW,     /* an existing name is kept as it is: *ret_existed */
    WRITE_REPLACE, /* readers see the old or the new, whole */
};

/* The name appears with all its bytes or not at all; what exit 0 promises (durability) holds for
 * directories and, with fsync@openssh.com, for SFTP. */
FALLIBLE connection_write(struct connection *connection, struct str name,
                          const struct transport_source *source, enum transport_write how,
                          bool *ret_existed);

/* What is being written, and what writers that died have left of it: files below .tmp/ or, on S3,
 * uploads in parts (named like what they are to be, `version` tells them apart). */
FALLIBLE connection_list_unfinished(struct connection *connection,
                                    FALLIBLE (*visit)(void *context,
                                                      const struct transport_item *item),
                                    void *context);
FALLIBLE connection_remove_unfinished(struct connection *connection,
                                      const struct transport_item *item);

/* Absent is fine. */
FALLIBLE connection_remove(struct connection *connection, struct str name);
