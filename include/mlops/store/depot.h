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
    bool takes_absent;               /* a remote that is not there (yet) is an empty one */
    int connections;                 /* 0: as the remote's setting or kind has it */
};

/* Reads the catalogue. A place that is no remote of ours: ERROR_MACHINE, unless wants_write and it
 * is empty. */
FALLIBLE depot_open(struct arena *arena, const struct depot_options *options, struct depot **ret);
void depot_drop(struct depot **depot);

/* What is kept below .mlops of a remote that gets another name stays known. */
FALLIBLE depot_rename_known(const struct workspace *workspace, struct str from, struct str to);
struct depot_counts depot_counts(const struct depot *depot);
const struct remote *depot_remote(const struct depot *depot);

/* Whether the remote has an object for good: not if only packs hold it that gc is about to remove,
 * or that verify found damaged. Of a large file only its manifest is looked for, unless
 * depot_check_files was asked. Memory only. */
bool depot_has(const struct depot *depot, struct digest digest);

/* Reads the manifests of those that are there as large files; where a chunk is missing by the same
 * rule, depot_has says no from now on. */
FALLIBLE depot_check_files(struct depot *depot, const struct digest *objects, size_t count);

/* Whether it can be fetched now. */
bool depot_can_give(const struct depot *depot, struct digest digest);

struct depot_want {
    struct digest digest;
    int64_t size_bytes; /* known from the tree, pointer or lock that names it: the bound */
};
VEC(depot_want_vec, struct depot_want);

/* Puts contents of files that the remote lacks there, in parallel: of large files whatever chunks
 * are missing, even if the manifest is there. Those that the store does not
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

/* Small named things beside the packs: results ("res/..."), their signatures ("sig/...") and roots
 * ("roots/..."). */
FALLIBLE depot_put_file(struct depot *depot, struct str name, struct str bytes);
FALLIBLE depot_get_file(struct depot *depot, struct arena *arena, struct str name,
                        int64_t bytes_most, struct str *ret, bool *ret_found);
FALLIBLE depot_remove_file(struct depot *depot, struct str name);
bool depot_can_list(const struct depot *depot); /* false: plain HTTP */
FALLIBLE depot_list(struct depot *depot, struct str prefix,
                    FALLIBLE (*visit)(void *context, const struct transport_item *item),
                    void *context);

/* --- housekeeping (store/gc) --- */

/* Files of ours that are being written, or were by who died: see connection_list_unfinished. */
FALLIBLE depot_list_unfinished(struct depot *depot,
                               FALLIBLE (*visit)(void *context, const struct transport_item *item),
                               void *context);
FALLIBLE depot_remove_unfinished(struct depot *depot, const struct transport_item *item);

/* What the server's clock says: by a file that is written and removed. ERROR_MACHINE if it does not
 * tell the times of files. */
FALLIBLE depot_clock(struct depot *depot, int64_t *ret_now_ns);

/* Bytes of an object that lies there; *ret_found false: it does not, or can't be read. */
FALLIBLE depot_object_bytes(struct depot *depot, struct digest digest, int64_t *ret,
                            bool *ret_found);

/* The chunks of those files that lie there in chunks. ERROR_STORED: a manifest can't be read. */
FALLIBLE depot_each_chunk(struct depot *depot, const struct digest *files, size_t count,
                          void (*visit)(void *context, struct digest chunk), void *context);

/* Packs are listed there whose index is damaged or gone. */
bool depot_has_unusable(const struct depot *depot);

/* It is there with a good index. */
bool depot_knows_pack(const struct depot *depot, struct digest pack);

/* Everything in a pack; nothing if it is not known. */
FALLIBLE depot_each_blob(struct depot *depot, struct digest pack,
                         FALLIBLE (*visit)(void *context, struct digest blob), void *context);

enum depot_verdict {
    DEPOT_KEPT,
    DEPOT_CONDEMNED, /* nothing needed is in it: a file of gc/ names it from now on */
    DEPOT_REPACKED,  /* the same, after the little that is needed was copied into new packs */
    DEPOT_WAITS,     /* it was condemned less than the grace period ago */
    DEPOT_REMOVED,   /* it was condemned longer ago */
};

struct depot_pruning {
    bool really; /* else only judged */
    int64_t grace_ns;
    int64_t now_ns;      /* by the server's clock */
    bool keeps_unusable; /* packs without a good index stay: what is needed may be in one */
    bool (*needs)(void *context, struct digest digest); /* objects and chunks */
    void *context;
};

struct depot_pruned_pack {
    struct digest id;
    int64_t bytes, kept_bytes; /* of the pack; needed, and in no pack that stays */
    int64_t modified_ns;
    enum depot_verdict verdict;
    bool is_stuck; /* what is needed of it could not be read: it was left as it is */
};

struct depot_pruned {
    struct depot_pruned_pack *packs; /* all but those kept */
    size_t pack_count;
    int64_t kept_count, kept_bytes;
    int64_t moved_bytes; /* copied into new packs */
};

/* Takes packs out of use and removes those that were long enough (docs/formats.md, "Remotes").
 * Needs no lock: pushes and other prunings may go on, and it may be killed at any point. */
FALLIBLE depot_prune(struct depot *depot, struct arena *arena, const struct depot_pruning *pruning,
                     struct depot_pruned *ret);

struct depot_damage {
    struct digest pack;
    int64_t blob_count, bad_count; /* blob_count 0: its index can't be used, so nothing of it */
    struct digest first_bad;
};

struct depot_verified {
    struct depot_damage *damages;
    size_t damage_count;
    int64_t packs, bytes, blobs;
    int64_t skipped_packs; /* that an interrupted verification has read */
    int64_t spent_packs;   /* by verify_remote: damaged, but nothing needed is only there */
};

/* Reads every pack, front to back, in parallel, and hashes every blob. Damaged packs are remembered
 * in .mlops/remotes/: what only they hold counts as missing for the next push. Nothing in the
 * remote is changed. What was found good is remembered, too, so that an interrupted one goes on,
 * unless it is `afresh`. */
FALLIBLE depot_verify(struct depot *depot, struct arena *arena, bool afresh,
                      struct depot_verified *ret);
