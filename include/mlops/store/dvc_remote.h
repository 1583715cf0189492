/* DVC's remotes: where its own settings say that they are, and the objects in them. An object lies
 * under its MD5 as in DVC's cache (store/dvc_cache); directories are manifests. Settings:
 * iterative/dvc 3.x, dvc/config_schema.py. */
#pragma once

#include "mlops/model/event.h"
#include "mlops/store/dvc_cache.h"
#include "mlops/store/dvcconfig.h"
#include "mlops/store/transport.h"

/* The remote of that name, or DVC's default (core.remote) if `name` is empty; *ret NULL: there is
 * none. ERROR_PROJECT, with what to do instead, for kinds without a transport and for settings
 * that can't be followed. */
FALLIBLE dvc_remote_find(struct arena *arena, const struct dvcconfig *config, struct str name,
                         struct remote **ret);

/* Whether DVC's settings name such a remote. */
bool dvc_remote_exists(const struct dvcconfig *config, struct str name);

/* A remote that is open. */
struct dvc_depot;

struct dvc_depot_options {
    const struct workspace *workspace;
    struct cas *cas;
    const struct remote *remote;
    const struct observer *observer; /* EVENT_TRANSFER; may be NULL */
    int connections;                 /* 0: as the remote's kind has it */
};
FALLIBLE dvc_depot_open(struct arena *arena, const struct dvc_depot_options *options,
                        struct dvc_depot **ret);
void dvc_depot_drop(struct dvc_depot **depot);

struct dvc_depot_counts {
    int64_t sent_bytes, received_bytes; /* over the wire, of objects */
};
struct dvc_depot_counts dvc_depot_counts(const struct dvc_depot *depot);

/* Fetches objects in parallel into the store (not yet flushed). What came is good only if its MD5
 * is the one that names it: `taken` says so of each, with its sums; nothing else gets a name. An
 * object of more bytes than `size_bytes` is given up there and counts as damaged. */
struct dvc_want {
    struct dvc_object object;
    int64_t size_bytes; /* as recorded; of a file in a directory that of all of it: the most that it
                           can have; -1: not known */
    struct dvc_taken taken;
};
FALLIBLE dvc_depot_take(struct dvc_depot *depot, struct dvc_want *wants, size_t count);

/* As dvc_cache_manifest. */
FALLIBLE dvc_depot_manifest(struct dvc_depot *depot, struct arena *arena,
                            const struct dvc_object *object, struct dvc_file_vec *ret,
                            enum dvc_health *ret_health);

/* Whether objects lie there, in any layout; their bytes are not looked at. */
struct dvc_look {
    struct dvc_object object;
    bool is_there;
};
FALLIBLE dvc_depot_look(struct dvc_depot *depot, struct dvc_look *looks, size_t count);

/* Sends objects that the remote lacks, in parallel, each to where a DVC that reads its record looks
 * for it. ERROR_MACHINE if the remote can only be read. */
struct dvc_gift {
    struct dvc_object object;
    struct digest digest;   /* of an object of the store */
    struct str bytes;       /* of a manifest, instead */
    enum dvc_health health; /* DVC_GOOD: it is there now; DVC_MISSING: the store lacks it */
    bool is_new;            /* it had to be sent */
    int64_t size_bytes;
};
FALLIBLE dvc_depot_give(struct dvc_depot *depot, struct dvc_gift *gifts, size_t count);
