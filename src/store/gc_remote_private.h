/* Shared by the files that know what of a remote is needed. */
#pragma once

#include "mlops/store/depot.h"

#include "gc_private.h"

#define REMOTE_ROOTS_TAG STR("mlops.roots.1")

struct remote_file {
    struct str name;
    int64_t size_bytes, modified_ns;
};
VEC(remote_file_vec, struct remote_file);

struct remote_gc {
    struct sweep *sweep;
    struct marks *marks;
    struct depot *depot;
    struct arena *arena;
    int64_t now_ns;                  /* by the server's clock */
    struct remote_file_vec obsolete; /* records of pushes that git knows of by now */
    struct remote_file_vec results;  /* that nothing needs */
    struct gc_remote_report *report;
};

/* Longer than the grace period; never if the server does not tell when. */
bool remote_is_old(const struct remote_gc *gc, int64_t modified_ns);

/* What pushes said that they sent. Records of this project that are old are `obsolete` instead. */
FALLIBLE remote_mark_records(struct remote_gc *gc);

/* What marked directories name that are not here: they are fetched. Then the chunks of what lies
 * there in chunks. ERROR_STORED: something of it can't be read. */
FALLIBLE remote_mark_contents(struct remote_gc *gc);
