/* What lies in a remote: packs of blobs and manifests, results, roots. Layout: docs/formats.md,
 * "Remotes". A depot knows what is there (the catalogue: the indexes of all packs, of which those
 * not seen before are fetched when it is opened and kept below .mlops/remotes/) and moves objects
 * between it and the store, in parallel, in bounded memory, only what is missing. Nothing here
 * decides what is wanted: that is engine/transfer.
 *
 * Everything that arrives is hashed before it gets its name in the store. */
#pragma once

#include "mlops/host/pool.h"
#include "mlops/model/event.h"
#include "mlops/store/cas.h"
#include "mlops/store/transport.h"

struct depot;

struct depot_counts {
    int64_t objects, bytes;             /* that had to travel, as they are in the store */
    int64_t sent_bytes, received_bytes; /* over the wire */
    int64_t packs, chunks_shared;       /* written or read; chunks of large files that were there */
};

struct depot_options {
    const struct workspace *workspace;
    struct cas *cas; /* NULL: only looked at */
    const struct remote *remote;
    const struct observer *observer; /* EVENT_TRANSFER, notices, warnings */
    bool wants_write;                /* a new remote is made (`format`) */
    int connections;                 /* 0: as the remote's setting or kind has it */
};

/* Reads the catalogue. A place that is no remote of ours: ERROR_MACHINE, unless wants_write and it
 * is empty. */
FALLIBLE depot_open(struct arena *arena, const struct depot_options *options, struct depot **ret);
void depot_drop(struct depot **depot);
struct depot_counts depot_counts(const struct depot *depot);

/* Whether the remote has an object for good: not if only packs hold it that gc is about to remove.
 * Memory only. */
bool depot_has(const struct depot *depot, struct digest digest);

/* Whether it can be fetched now. */
bool depot_can_give(const struct depot *depot, struct digest digest);

struct depot_want {
    struct digest digest;
    int64_t size_bytes; /* known from the tree, pointer or lock that names it: the bound */
};
VEC(depot_want_vec, struct depot_want);

/* Puts contents of files that the remote lacks there, in parallel. Those that the store does not
 * have are in *ret_missing. Nothing names what was sent before depot_push_names. */
FALLIBLE depot_push(struct depot *depot, struct arena *arena, const struct depot_want *wants,
                    size_t count, struct depot_want_vec *ret_missing);

/* Then what names them: the manifests of large files, and tree objects in the given order (what a
 * tree names stands before it). A reader sees none of them before all that it names. */
FALLIBLE depot_push_names(struct depot *depot, struct arena *arena, const struct depot_want *trees,
                          size_t count, struct depot_want_vec *ret_missing);

/* Tells readers that can't list of new packs. Last of all. */
FALLIBLE depot_finish(struct depot *depot);

/* Fetches those that the store lacks and makes them durable (cas_flush). What the remote does not
 * have, or has only damaged (told as a warning), is in *ret_missing. Partly fetched large files are
 * continued. */
FALLIBLE depot_fetch(struct depot *depot, struct arena *arena, const struct depot_want *wants,
                     size_t count, struct depot_want_vec *ret_missing);

/* Small named things beside the packs: results ("res/...") and roots ("roots/..."). */
FALLIBLE depot_put_file(struct depot *depot, struct str name, struct str bytes);
FALLIBLE depot_get_file(struct depot *depot, struct arena *arena, struct str name,
                        int64_t bytes_most, struct str *ret, bool *ret_found);
FALLIBLE depot_remove_file(struct depot *depot, struct str name);
FALLIBLE depot_list(struct depot *depot, struct str prefix,
                    FALLIBLE (*visit)(void *context, const struct transport_item *item),
                    void *context);
