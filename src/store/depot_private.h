/* Shared by the files of module depot. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/codec/compress.h"
#include "mlops/model/manifest.h"
#include "mlops/store/depot.h"
#include "mlops/store/pack.h"

#include <pthread.h>

enum {
    DEPOT_PACK_BYTES = 25165824, /* raw bytes gathered in one pack: it is made in memory, one for
                                    each connection */
    DEPOT_PACK_BLOBS = 65536,
    DEPOT_GAP_BYTES = 262144,    /* cheaper to read over than to ask again */
    DEPOT_READ_BYTES = 8388608,  /* of one request for a range */
    DEPOT_LIST_BYTES = 130000000 /* of a list of packs: LIMIT_REMOTE_NAMES lines */
};

/* One pack of the remote and its index. */
struct depot_pack {
    struct digest id;
    int64_t bytes;     /* of the pack; 0: not told by the listing */
    char *index_bytes; /* on the heap */
    struct pack_index index;
    int64_t modified_ns; /* by the server's clock; 0: not told */
    bool is_condemned;   /* gc is about to remove it: what only it holds is sent again */
    bool is_damaged;     /* so verify found: what only it holds is sent again */
};
VEC(depot_pack_vec, struct depot_pack);

VEC(id_vec, struct digest);

/* A file of gc/: packs that are about to be removed. */
struct gc_note {
    struct str name; /* "gc/..." */
    int64_t modified_ns;
    struct digest *ids;
    size_t id_count;
};
VEC(gc_note_vec, struct gc_note);

/* A row of the catalogue: which row of which pack. Open addressing by the first bytes of the
 * digest, which are evenly spread; a digest that lies in several packs has several. */
struct catalogue_slot {
    uint32_t pack_plus_one, row;
};

struct catalogue {
    struct arena memory;
    struct depot_pack_vec packs;
    struct catalogue_slot *slots;
    size_t slot_count, len;
};
void catalogue_drop(struct catalogue *catalogue);

/* Adds a pack with its index, whose memory it takes over. */
void catalogue_add(struct catalogue *catalogue, const struct depot_pack *pack);

/* Where a digest lies: calls of one search go on from *at (0 first); false: no more. */
struct catalogue_hit {
    size_t pack;
    struct pack_row row;
};
bool catalogue_find(const struct catalogue *catalogue, struct digest digest, size_t *at,
                    struct catalogue_hit *ret);

/* Connections not in use; each worker takes one. */
VEC(connection_vec, struct connection *);

/* A manifest not yet sent: it names chunks, so it goes after them. */
struct held_manifest {
    struct digest file;
    struct str bytes;
};
VEC(held_manifest_vec, struct held_manifest);

VEC(depot_hit_vec, struct catalogue_hit);

struct depot {
    struct arena memory;
    const struct workspace *workspace;
    struct cas *cas;
    const struct remote *remote;
    const struct observer *observer;
    struct transport *transport;
    struct pool *pool;
    struct fd known_fd;   /* of .mlops/remotes/NAME-HASH; empty: nothing is kept */
    char known_path[160]; /* of that, below .mlops */
    struct catalogue catalogue;
    struct gc_note_vec gc_notes;
    struct map avoided; /* ids (64 digits) of packs whose names are not to be used again: condemned,
                           damaged or without a good index */
    struct depot_pack_vec unusable; /* packs without a good index */
    bool lists_changed;             /* packs were written: list/packs is to be */
    struct held_manifest_vec manifests;
    struct map hollow;     /* large files of which the manifest is there and some chunk is not */
    pthread_mutex_t large; /* held while what is read at once is large: one of those in memory */
    pthread_mutex_t mutex; /* of what follows, and of the catalogue while packs are written */
    struct connection_vec connections;
    struct depot_counts counts;
    int64_t done_bytes, total_bytes, told_ns;
};

/* Without a place to keep indexes in they are fetched every time. */
FALLIBLE depot_open_known(struct depot *depot);

/* A place that held packs and now is empty is a disk that is not mounted, not a new remote. */
FALLIBLE depot_refuse_vanished(const struct depot *depot);

struct depot *depot_lock(struct depot *depot);
void depot_unlock(struct depot **depot);

/* Scoped: a connection for one worker. */
struct depot_line {
    struct depot *depot;
    struct connection *connection;
};
FALLIBLE depot_line_take(struct depot *depot, struct depot_line *ret);
void depot_line_drop(struct depot_line *line);

/* Tells progress; from any thread. */
void depot_tell(struct depot *depot, int64_t bytes);
void depot_begin(struct depot *depot, int64_t total_bytes);
void depot_warn(struct depot *depot, const char *format, ...) PRINTF_LIKE(2, 3);

/* --- catalogue --- */
FALLIBLE depot_read_catalogue(struct depot *depot);
/* Files of gc/ and what they name; before packs are listed. */
FALLIBLE depot_read_notes(struct depot *depot);
struct str depot_pack_name(struct arena *arena, struct digest id);

/* Ids of packs that verify found damaged, kept beside the indexes: .mlops/remotes/NAME/damaged. */
FALLIBLE depot_read_damaged(struct depot *depot, struct arena *arena, struct map *ret_ids);
FALLIBLE depot_write_damaged(struct depot *depot, const struct map *ids);

/* Keeps the index of a pack, so that it is not fetched again. */
void depot_keep_index(struct depot *depot, const struct depot_pack *pack);

/* --- pushing --- */

/* A blob that is to travel: bytes of an object of the store, or in memory (manifests). */
struct parcel {
    struct digest digest;
    struct digest source; /* object; zero: in memory */
    int64_t offset;       /* in it */
    int64_t size_bytes;
    struct str bytes;
};
VEC(parcel_vec, struct parcel);

/* Writes packs of them, in parallel, or one after the other if the order matters. */
FALLIBLE depot_send(struct depot *depot, const struct parcel_vec *parcels, bool is_ordered);

/* Writes a pack that was made in memory and takes it into the catalogue. *ret_avoided: nothing was
 * written, since a pack of that name is about to go or is bad; another blob gives another name. */
FALLIBLE depot_write_pack(struct depot *depot, struct pack_writer *writer, bool *ret_avoided);

/* A blob that nothing names. */
FALLIBLE depot_add_salt(struct pack_writer *writer);

/* Cuts a large object; chunks that the remote lacks are added to `parcels` (each once, by `known`),
 * its manifest to those held. *ret_found false: the store does not have it. */
FALLIBLE depot_cut(struct depot *depot, struct arena *arena, const struct depot_want *want,
                   struct map *known, struct parcel_vec *parcels, bool *ret_found);

/* All of it, or an error. */
FALLIBLE depot_read_exactly(int fd, char *to, int64_t len, int64_t offset);

/* --- fetching --- */

/* A blob to be read, and what is done with its bytes (checked against its digest). */
struct errand {
    struct digest digest;
    int64_t raw_bytes;  /* expected; -1: whatever the index says (manifests) */
    int64_t most_bytes; /* of a manifest, by the size of its file; 0: LIMIT_MANIFEST_BYTES */
    struct catalogue_hit hit;
    size_t tries; /* where the search for it goes on */
    bool is_done;
    int64_t tag; /* the receiver's own */
};
VEC(errand_vec, struct errand);

/* The bytes of a blob out of those in a pack. *ret_good false: they are not what the index says; a
 * manifest is well-formed, whether it is of that file is not known before the file is made. `raw`
 * is memory to be used. */
FALLIBLE depot_unpack(struct compressor *compressor, const struct pack_row *row, struct str stored,
                      struct buf *raw, struct str *ret, bool *ret_good);

struct errands {
    struct depot *depot;
    struct errand_vec list;
    FALLIBLE (*take)(void *context, struct errand *errand, struct str bytes);
    void *context;
};

/* Whether all those chunks can be fetched. */
bool depot_can_give_all(const struct depot *depot, const struct manifest_chunk_vec *chunks);

/* Does them all, in parallel; is_done is false for those that no pack can give. `take` is called
 * from pool threads; it sets is_done to false again where another pack may have something better.
 */
FALLIBLE depot_run_errands(struct errands *errands);

/* A large file that the store holds and whose manifest the remote has. */
struct reuse_file {
    struct digest digest;
    int64_t manifest_bytes;
    bool is_read;
};
VEC(reuse_file_vec, struct reuse_file);

/* Where in the store a wanted chunk lies. */
struct reuse_place {
    struct digest file;
    int64_t offset;
    bool is_known;
};

/* All of them, by the length of the manifest. */
FALLIBLE depot_list_reusable(struct depot *depot, struct arena *arena, struct reuse_file_vec *ret);

/* Looks for the chunks of wants (manifests[i] is that of wants[i], empty: none) in those files,
 * first in those most like it, in as many as cost a small share of its bytes. ret: chunk digest ->
 * struct reuse_place, whose keys are borrowed from the arena. */
FALLIBLE depot_find_chunks(struct depot *depot, struct arena *arena, struct reuse_file_vec *files,
                           const struct depot_want_vec *wants, const struct str *manifests,
                           struct map *ret);

/* The bytes of a chunk out of the store; *ret_found false: it is not there, or not any more. */
FALLIBLE depot_read_reusable(struct depot *depot, const struct map *places,
                             const struct manifest_chunk *chunk, struct buf *to, bool *ret_found);

/* Assembles a large file in the cache's tmp/part/ and makes it an object, durably. *ret_done false:
 * a chunk is nowhere, or what came together is not the file. */
FALLIBLE depot_assemble(struct depot *depot, const struct depot_want *want, struct str manifest,
                        const struct map *places, bool *ret_done);
