/* A pointer: the small tracked file `PATH.mlops` that says what `PATH` holds. One for each path
 * that is versioned with `mlops add` or `mlops import-url`; git keeps the pointer, the store the
 * content. Format: docs/formats.md, "Pointers". */
#pragma once

#include "mlops/codec/doc.h"
#include "mlops/model/artifact.h"

#define POINTER_SUFFIX ".mlops"

/* Where the content came from (`import-url`, or `import` from another project). */
struct pointer_source {
    struct str url;      /* without password; empty: it was added here; of a git repository, if
                            `commit` is not empty */
    struct str etag;     /* of the server when it was fetched; empty: it gave none */
    struct str modified; /* Last-Modified or the file's time, as text; empty: none */
    bool is_frozen;      /* `update` leaves it alone unless it is named */
    struct str path;     /* of a repository: seen from its top; empty: all of it */
    struct str rev;      /* of a repository: as it was asked for; empty: HEAD */
    struct str commit;   /* of a repository: the one it came from, 40 hex digits */
};

struct pointer {
    struct str file;          /* of the pointer, relative to the project: "data/raw.mlops" */
    struct artifact artifact; /* .path is what it tracks: "data/raw"; .is_stored is true */
    struct pointer_source source;
    struct str desc;
    const struct doc_node *node; /* the place of `digest`, for messages; NULL: not from a file */
};

/* Whether a file of this name is a pointer: more than the suffix, which ends it. */
bool pointer_is_name(struct str name);

/* "data/raw" -> "data/raw.mlops". */
struct str pointer_file_of(struct arena *arena, struct str path);

/* The pointer's text, deterministic: equal values give equal bytes. */
void pointer_print(const struct pointer *pointer, struct buf *out);

/* `file` is the pointer's place in the project. ERROR_PROJECT with the place of what is wrong; a
 * newer schema: ERROR_STORED. */
FALLIBLE pointer_bind(struct arena *arena, const struct doc *doc, struct str file,
                      struct pointer *ret);

/* From bytes. `name` is how messages call the file, which may be one of a git revision. Merge
 * conflicts are told with what to do. All must live as long as the arena. */
FALLIBLE pointer_parse(struct arena *arena, struct str name, struct str bytes, struct str file,
                       struct pointer *ret);

/* Whether it can't be read and may be written anew: not of a newer schema, no merge conflict. */
bool pointer_is_damaged(struct arena *arena, struct str bytes, struct str file);
