/* What a URL names elsewhere: a file, or a directory of files, that others keep and that may
 * change. Looked at without fetching it. Settings of a configured remote apply to URLs below its
 * own, and to `remote://NAME/PATH`. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/store/transport.h"

struct upstream {
    struct str url; /* as it is recorded; a path that was relative is so to the project */
    struct str
        name; /* of the file or directory, relative to the remote; local: its absolute path */
    struct str last; /* what it would be called here: the last part, decoded; may be empty */
    bool is_local;   /* of this machine: the kernel copies it */
    bool is_directory_named;     /* the URL ends in '/' */
    struct transport *transport; /* local: NULL until it is listed */
};

/* A URL of a scheme that transports know, remote://NAME/PATH, or a path, which is seen from
 * `directory` (absolute). `workspace` NULL: outside of a project, where no remote is configured.
 * ERROR_USAGE, also for passwords and signatures in the URL, which would be recorded. */
FALLIBLE upstream_open(struct arena *arena, const struct workspace *workspace, struct str directory,
                       struct str url, struct upstream *ret);
void upstream_drop(struct upstream *upstream);

struct upstream_file {
    struct str path;     /* below the directory, may be written (path_fault); of a file: empty */
    struct str name;     /* for connection_read; local: absolute */
    int64_t size_bytes;  /* -1: not told */
    int64_t modified_ns; /* 0: not told */
    struct str version;  /* an ETag; empty: none */
};
VEC(upstream_file_vec, struct upstream_file);

struct upstream_state {
    bool is_directory;
    struct upstream_file_vec files; /* sorted by path; of a file the one */
    int64_t bytes;                  /* -1: not told */
    struct str
        etag; /* of a directory a digest of its listing; empty: nothing tells versions apart */
    struct str modified; /* of a file, RFC 3339; empty: not told */
};

/* One or two questions to the server, and the whole listing of a directory, which is refused if it
 * holds names that may not be written here, links or odd files, or more than LIMIT_UPSTREAM_FILES.
 */
FALLIBLE upstream_look(struct arena *arena, struct upstream *upstream, struct upstream_state *ret,
                       bool *ret_found);

/* Whether two states of one URL are the same, as far as can be told without reading: by ETags if
 * both have one, else by time and size. Nothing to tell by counts as different. */
struct upstream_mark {
    struct str etag, modified;
    int64_t bytes;
};
bool upstream_same(const struct upstream_mark *before, const struct upstream_state *now);
