/* What a path holds: the digest of a file or of a tree, as inputs and outputs are recorded. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/error.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/digest.h"

enum artifact_kind {
    ARTIFACT_ABSENT,
    ARTIFACT_FILE,
    ARTIFACT_TREE,
};

struct artifact {
    struct str path; /* relative to the project */
    enum artifact_kind kind;
    bool is_executable; /* a file with any x bit */
    bool is_stored;     /* outputs: its objects are in the store, so it can be restored */
    struct digest digest;
    int64_t size_bytes;
    int64_t file_count;
    struct str *empty_dirs; /* of a tree: relative to it, sorted; restored, not hashed */
    size_t empty_dir_count;
    struct str *ignored; /* of a tree that was looked at as an output: relative to it, what ignore
                            files hide; neither hashed nor stored, and maybe the only copy */
    size_t ignored_count;
};

/* Same content: kind, executable bit (of a file) and digest. */
bool artifact_equal(const struct artifact *a, const struct artifact *b);

/* "file", "tree", "absent": the word in formats and JSON. */
const char *artifact_kind_name(enum artifact_kind kind);
bool artifact_kind_parse(struct str name, enum artifact_kind *ret);

/* A path outside the project is never written as stored, so nothing is ever restored there. */
void artifact_encode(const struct artifact *artifact, struct buf *out);

/* Text borrows from the reader's bytes. ERROR_STORED: damaged, or a path that path_fault() refuses
 * (an absolute one is taken if the artifact is not stored). */
FALLIBLE artifact_decode(struct arena *arena, struct canon_reader *reader, struct artifact *ret);
