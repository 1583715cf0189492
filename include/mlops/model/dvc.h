/* What DVC's own small files say: `.dvc` (one tracked path each) and dvc.lock. Read, never trusted:
 * their hashes are MD5, so what they name is compared or verified before it is used.
 * Formats: iterative/dvc 3.x, dvc/schema.py; 1.x and 2.x entries are read too. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/codec/doc.h"
#include "mlops/codec/md5.h"
#include "mlops/model/pipeline.h"

/* What DVC recorded of a path. */
struct dvc_entry {
    struct str path; /* relative to the project, normalised; a URL as written */
    struct str written;
    bool has_hash;      /* false: `import --no-download`, remote deps with an etag only */
    bool is_directory;  /* the hash ends in ".dir": of a manifest (reference: "Directory hash") */
    bool is_legacy;     /* no `hash: md5`: written by DVC 2.x, of text the MD5 after CRLF -> LF */
    bool is_executable; /* `isexec` */
    bool is_url;
    struct md5 md5;
    int64_t size_bytes; /* -1: not recorded */
    int64_t file_count; /* -1: not recorded */
    const struct doc_node *node;
};

VEC(dvc_entry_vec, struct dvc_entry);

/* A `.dvc` file. */
struct dvc_pointer {
    struct str path; /* of the .dvc file, relative to the project */
    struct dvc_entry_vec outs;
    struct dvc_entry_vec deps; /* of import and import-url */
    bool is_frozen;
    const struct doc *doc;
};

/* One stage of a dvc.lock. */
struct dvc_lock_stage {
    struct str name; /* in its dvc.yaml */
    struct command cmd;
    struct dvc_entry_vec deps, outs; /* paths resolved against `wdir` of the stage: see below */
    const struct doc_node *params;   /* {file: {key: value}} or NULL */
    const struct doc_node *node;
};

struct dvc_lock {
    struct str path;
    struct map stages; /* name -> struct dvc_lock_stage * */
    const struct doc *doc;
};

/* `path` is the file's place in the project. ERROR_PROJECT with the place of what is wrong. */
FALLIBLE dvc_pointer_bind(struct arena *arena, const struct doc *doc, struct str path,
                          struct dvc_pointer *ret);

/* Paths of the lock are relative to each stage's wdir, which only dvc.yaml knows: `pipeline` has
 * the stages of the dvc.yaml beside it; entries of stages that it lacks are left out of `stages`
 * (they stay for ever in the file). A lock of version 1.x is refused with what to do. */
FALLIBLE dvc_lock_bind(struct arena *arena, const struct doc *doc, struct str path,
                       const struct pipeline *pipeline, struct dvc_lock *ret);
