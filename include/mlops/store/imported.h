/* What was brought in from DVC and no run names yet: kept by gc, and how missing inputs come back.
 * One canonical file, .mlops/imported. Format: docs/formats.md, "Imported data". */
#pragma once

#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/codec/md5.h"
#include "mlops/model/artifact.h"
#include "mlops/store/workspace.h"

/* A path that a `.dvc` file tracks, and what it holds by that file. */
struct imported_path {
    struct str path;
    struct md5 md5;
    bool is_directory;
    struct artifact artifact;
    uint64_t order; /* what came later has the larger one; given when it is added */
};

struct imported_result {
    struct digest key, id;
};

struct imported {
    struct map paths;    /* path -> struct imported_path *, what came last */
    struct map versions; /* path and MD5 -> struct imported_path *, all */
    struct map results;  /* bytes of the id -> struct imported_result * */
    uint64_t orders;
    bool is_changed;
};

/* An absent or damaged file gives an empty value: it can be made again. */
FALLIBLE imported_load(struct arena *arena, const struct workspace *workspace,
                       struct imported *ret);

/* Durable and whole; nothing is written if nothing changed. */
FALLIBLE imported_save(const struct workspace *workspace, struct imported *imported);

/* What the path held, or may hold again, by that MD5; NULL: not known. */
const struct imported_path *imported_find(const struct imported *imported, struct str path,
                                          struct md5 md5, bool is_directory);

/* What else is known of the path stays. */
void imported_add_path(struct arena *arena, struct imported *imported,
                       const struct imported_path *path);
void imported_add_result(struct arena *arena, struct imported *imported, struct digest key,
                         struct digest id);
