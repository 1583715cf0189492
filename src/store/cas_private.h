/* Shared by the files of module cas; cas_read_file also by worktree. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/base/vec.h"
#include "mlops/store/cas.h"
#include "mlops/store/pack.h"

#include <pthread.h>

enum {
    CAS_BUFFER_BYTES = 1048576,    /* bigger buffers fall out of the processor's caches */
    CAS_WRITEBACK_BYTES = 8388608, /* written so far is sent to the disk in steps of this */
    CAS_HELD_FDS = 32,   /* puts kept as open files without a name, and synced one by one */
    CAS_PATH_BYTES = 72, /* "obj/ab/<62 hex>" */
    CAS_NAME_BYTES = 32,
    CAS_TRIES = 3,
    CAS_PINS_A_TIME = 1024,    /* written at once */
    CAS_LOOSE_MOST = 32,       /* small objects of one flush that become files of their own */
    CAS_CHUNK_BYTES = 2097152, /* written to a pack at a time: PACK_BLOB_MOST */
    CAS_PACK_BYTES = 1 << 30,  /* of one local pack */
    CAS_PACK_PATH_BYTES = 80,  /* "pack/<64 hex>.pack" */
};

/* Put and not yet published: an open file without a name, or a name in `temp`. */
struct cas_pending {
    struct digest digest;
    struct fd fd;
    char name[CAS_NAME_BYTES];
    int64_t size_bytes;
};

/* Digests, each with a number. Zero is an empty one. A slot holds a part of the digest, so that the
 * slots of 100,000 fit the processor's caches and hardly any other memory is looked at. */
struct cas_table_slot {
    uint32_t tag, entry_plus_one;
};
struct cas_table_entry {
    struct digest digest;
    uint32_t value;
};
struct cas_table {
    struct cas_table_slot *slots;
    struct cas_table_entry *entries;
    size_t slot_count, len;
};
bool cas_table_add(struct cas_table *table, struct digest digest, uint32_t value); /* is new? */
bool cas_table_find(const struct cas_table *table, struct digest digest, uint32_t *ret);
void cas_table_drop(struct cas_table *table);

/* A pack being made; it gets a file (in `temp`) with its first chunk. */
struct cas_packing {
    struct fd fd;
    char name[CAS_NAME_BYTES];
    int64_t bytes; /* given away so far */
    int64_t begun; /* up to here writeback has begun */
};
VEC(cas_packing_vec, struct cas_packing *);

/* Bytes on their way into a packing, which one thread at a time adds to. */
struct cas_chunk {
    uint32_t number;             /* among all */
    struct cas_packing *packing; /* NULL: nothing is written yet */
    int64_t offset;              /* in the packing */
    char *at;                    /* CAS_CHUNK_BYTES; NULL once they are written */
    size_t len;
};
VEC(cas_chunk_vec, struct cas_chunk *);
VEC(cas_buffer_vec, char *);

/* Where an object lies; its digest is in the table's entry of the same number. There may be
 * millions. */
struct cas_small {
    uint32_t chunk; /* its number */
    uint32_t at, len;
};

/* Small objects put and not yet published. */
struct cas_smalls {
    struct cas_small *rows; /* as many as the table has entries, in its order */
    size_t row_cap;
    struct cas_table by_digest; /* number of the row */
    struct cas_packing_vec packings;
    struct cas_chunk_vec chunks;   /* all */
    struct cas_chunk_vec full;     /* of them, not yet being written */
    struct cas_buffer_vec buffers; /* of those that were written */
    struct cas_chunk *shared;      /* of who has no lane */
    int writers;                   /* threads that write full chunks */
    bool are_packed;               /* settled, and not as files of their own */
};

/* Where one thread puts its small objects, so that they are read to where they are written from and
 * threads don't wait for each other. Zero is one to begin with. */
struct cas_lane {
    struct cas_chunk *chunk;
    uint64_t flush; /* the chunk is of the puts before this flush */
};

/* A published pack. Once known it stays until the store is closed, for who reads from it. */
struct cas_pack {
    struct pack *pack;
    char path[CAS_PACK_PATH_BYTES];
    struct file_stat stat;
    uint32_t asked; /* atomic: how often it was searched without being read */
};
VEC(cas_pack_vec, struct cas_pack *);

struct cas_packs_slot {
    uint32_t pack, row;
};

/* The packs as they were found last. */
struct cas_packs {
    pthread_rwlock_t lock;
    struct arena memory; /* of what is not replaced by a scan */
    struct cas_pack_vec known, now;
    struct cas_packs_slot *slots; /* of many packs: all rows, by the first two bytes */
    uint32_t *slot_starts;        /* 65,537 */
    struct cas_table spoilt;      /* rows known to be bad, by digest and pack */
    int64_t mtime_ns, scanned_ns;
    bool are_scanned; /* atomic */
    bool distrusts;   /* one that was found good before is not: all are read whole */
};

/* A row of a pack that is good as far as is known. */
struct cas_packed {
    const struct cas_pack *pack;
    struct pack_row row;
};

VEC(cas_pending_vec, struct cas_pending *);
VEC(cas_digest_vec, struct digest);

struct cas {
    struct arena memory;
    const struct workspace *workspace;
    struct index *index;
    int cache_fd; /* of the workspace; -1: there is no store */
    bool is_durable;
    bool is_registered;      /* the store knows of this project */
    bool is_relaying;        /* a thread hashes what another one reads; atomic */
    int64_t watch_ns;        /* for what is put: see cas_is_unsettled; set before threads put */
    bool has_lost;           /* a flush failed: what the caller knows as put is not all there */
    struct str index_prefix; /* "//obj/": see docs/formats.md, "index.db" */
    pthread_mutex_t mutex;   /* guards all that follows, the index too */
    struct fd tmp_fd;
    struct temp_dir temp; /* made by the first named put */
    uint64_t temp_count;
    int held_fds;
    bool has_no_tmpfile, has_no_reflink, is_warm;
    struct arena pending_memory;
    struct cas_pending_vec pending;
    struct map pending_by_digest;
    struct cas_digest_vec known;   /* put since the last flush, but there already */
    struct cas_digest_vec damaged; /* since open */
    struct cas_buffer_vec buffers; /* free ones */
    struct cas_smalls smalls;
    uint64_t flushes;       /* so far, of small objects */
    struct cas_packs packs; /* has a lock of its own */
    struct cas_table dead;  /* packed objects that gc took out of use */
    struct lock lock;       /* shared, while holds > 0 */
    int holds;
    bool is_putting;     /* one of the holds is from the first put until the flush */
    bool has_shard[256]; /* obj/<n in hex> was there at the first put */
    struct fd pins_fd;
    char pins_name[CAS_NAME_BYTES];
};

/* Scoped: AUTO(cas_unlock) struct cas *locked = cas_lock(cas); */
struct cas *cas_lock(struct cas *cas);
void cas_unlock(struct cas **cas);

/* Scoped: 1 MiB from the free ones. */
struct cas_buffer {
    struct cas *cas;
    char *at;
};
struct cas_buffer cas_buffer_take(struct cas *cas);
void cas_buffer_drop(struct cas_buffer *buffer);

/* Path below the cache, and the key in the index. */
void cas_path(struct digest digest, char ret_path[static CAS_PATH_BYTES]);
struct buf cas_index_key(const struct cas *cas, struct digest digest);

/* The stored object, loose or packed, checked as docs/formats.md, "Objects" says. */
FALLIBLE cas_examine(struct cas *cas, struct digest digest, bool is_distrusted,
                     struct file_stat *ret_stat, enum cas_health *ret);

FALLIBLE cas_examine_loose(struct cas *cas, struct digest digest, bool is_distrusted,
                           struct file_stat *ret_stat, enum cas_health *ret);

/* Which shards there are, so that in a store that keeps its objects in packs a put need not look
 * for a loose one. Call locked. */
FALLIBLE cas_see_shards(struct cas *cas);

/* --- small objects not yet published --- */

bool cas_is_small(const struct cas *cas, int64_t size_bytes);
FALLIBLE cas_small_put(struct cas *cas, struct str bytes, struct digest digest);
bool cas_small_is_pending(const struct cas *cas, struct digest digest); /* call locked */

/* Room for up to CAS_CHUNK_BYTES behind what the lane's chunk holds; then the object that was read
 * to there. *ret_is_new false if it is pending already. */
FALLIBLE cas_lane_room(struct cas *cas, struct cas_lane *lane, size_t bytes, char **ret);
void cas_lane_keep(struct cas *cas, struct cas_lane *lane, size_t len, struct digest digest,
                   bool *ret_is_new);
FALLIBLE cas_small_get(struct cas *cas, struct digest digest, struct buf *to, bool *ret_found);

/* Writes a chunk to its pack; what is full is written by one thread, while the others go on. */
FALLIBLE cas_chunk_write(struct cas *cas, struct cas_chunk *chunk);
FALLIBLE cas_chunk_give(struct cas *cas, struct cas_chunk *full);
void cas_smalls_drop(struct cas *cas);

/* First step of a flush: what is to be loose becomes pending, the rest is written. Then packs get
 * their names, durably. */
FALLIBLE cas_smalls_settle(struct cas *cas);
FALLIBLE cas_smalls_publish(struct cas *cas);
FALLIBLE cas_pack_publish(struct cas *cas, int fd, const char *name, struct digest id);

/* --- packs --- */

void cas_packs_open(struct cas *cas);
void cas_packs_drop(struct cas *cas);

/* Asks the disk whether packs that are known are still all: gc may have been at work, or we have
 * published. */
FALLIBLE cas_packs_recheck(struct cas *cas);

/* Finds the object in the packs that are known; with `is_anew` the disk is asked first whether
 * there are others now. */
FALLIBLE cas_packed_find(struct cas *cas, struct digest digest, bool is_anew,
                         struct cas_packed *ret, bool *ret_found);

/* Appends the blob to `to`; *ret_good false if it is not what its row says (it is set aside then
 * and not found again), or gone. */
FALLIBLE cas_packed_read(struct cas *cas, const struct cas_packed *packed, struct buf *to,
                         bool *ret_good);
struct file_stat cas_packed_stat(const struct cas_packed *packed);

/* A descriptor of the pack, to be dropped; none if the pack is gone. */
FALLIBLE cas_packed_open(struct cas *cas, const struct cas_packed *packed, struct fd *ret);

/* Bytes of an object that is no file of its own: small and pending, or packed. Checked. */
FALLIBLE cas_get_inside(struct cas *cas, struct digest digest, struct buf *to, bool *ret_found);

/* cas_each of objects that are files. */
FALLIBLE cas_each_loose(struct cas *cas,
                        FALLIBLE (*visit)(void *context, struct digest digest,
                                          const struct file_stat *stat),
                        void *context);

/* Removes what `dead` holds from its packs where that is worth it, and adds what that freed. Under
 * gc's lock. */
FALLIBLE cas_repack(struct cas *cas, int64_t *ret_bytes);

/* Says that an object was found bad. */
void cas_add_damaged(struct cas *cas, struct digest digest);

/* Records the stat of a published object. */
void cas_note(struct cas *cas, struct digest digest, const struct file_stat *stat);

/* The object not yet published, or NULL. Call locked. */
struct cas_pending *cas_pending_find(struct cas *cas, struct digest digest);

/* Registers what was put. Call locked. */
void cas_pending_add(struct cas *cas, const struct cas_pending *pending);

/* A new name in `temp`, which is made when first needed. Call locked. */
FALLIBLE cas_temp_name(struct cas *cas, char ret_name[static CAS_NAME_BYTES]);

/* What an object holds: an open file or, where it is none of its own, its bytes (checked).
 * Published or not. */
struct cas_content {
    struct fd fd;
    struct buf bytes;
    struct file_stat stat;
};
FALLIBLE cas_content_open(struct cas *cas, struct digest digest, struct cas_content *ret,
                          bool *ret_found);
void cas_content_drop(struct cas_content *content);

/* The same always as a file, perhaps one in memory. */
FALLIBLE cas_open_object(struct cas *cas, struct digest digest, struct fd *ret,
                         struct file_stat *ret_stat, bool *ret_found);

/* How a file is read, and who hears of it; may be NULL. */
struct cas_progress {
    bool is_straight; /* through no symbolic link: file_open_straight */
    void (*tell)(void *context, int64_t bytes);
    /* Gets the bytes themselves; NULL means that reading starts (again). May be NULL itself. */
    void (*listen)(void *context, const char *at, size_t len);
    void *context;
};

/* Reads an open file from its start to its end and hashes it; if sink_fd is not -1, writes it there
 * too, holes as holes. Answers stop signals. */
struct cas_reading {
    int fd;
    const char *name;
    char *buffer; /* CAS_BUFFER_BYTES */
    int sink_fd;
    bool is_sink_synced; /* start writing back early */
    bool is_unhashed;    /* the digest means nothing */
    struct cas *cas;     /* for which a thread may hash; NULL: none does */
    int64_t size_bytes;  /* expected, to tell whether a thread pays */
    const struct cas_progress *progress;
};
FALLIBLE cas_read(const struct cas_reading *reading, struct digest *ret, int64_t *ret_bytes);

/* How long ago a small file that is to be stored has changed, if it is asked whether somebody has
 * it open for writing. */
#define CAS_WATCH_NS (10 * NS_PER_S)

/* Whether a write that goes on, or comes at this moment, could leave a file's times as they were
 * seen; or the file may be half written, since somebody has it open for writing: asked of what
 * changed less than watch_ns ago and of large files, or, if that is 0, less than a second ago. */
bool cas_is_unsettled(int fd, const struct file_stat *seen, int64_t watch_ns);

/* Where blocks go, in order. */
struct cas_sink {
    int fd; /* -1: nowhere */
    const char *name;
    bool is_synced;      /* start writing back early */
    bool is_left_behind; /* and keep no memory for what the disk has: the file is large */
    int64_t at;          /* written up to here */
};

/* All but the last have CAS_BUFFER_BYTES. */
FALLIBLE cas_sink_give(struct cas_sink *sink, const char *at, size_t len);

/* Gives the file its size. */
FALLIBLE cas_sink_finish(struct cas_sink *sink);

/* Whether files are put as clones, as far as is known. Safe from any thread. */
bool cas_clones(struct cas *cas);

/* Opens a file to be read so, when the moment of its last change is over, or somebody who writes to
 * it does not end it soon: *ret_held. */
FALLIBLE cas_source_open(int at_fd, const char *path, const struct cas_progress *progress,
                         int64_t watch_ns, struct fd *ret, struct file_stat *ret_seen,
                         bool *ret_held);

/* Digest of a file in one consistent state; needs no store. Errors name the file. */
FALLIBLE cas_read_file(int at_fd, const char *path, char *buffer,
                       const struct cas_progress *progress, struct cas_put *ret);

/* A file whose stat has just been taken, with one read: opened (none: it can't be had, or is being
 * written), then read to `at`, which has room for its size. *ret_done is false unless it is whole
 * and the open file's stat after the reading is the one that was `seen` before it; another way of
 * reading may tell why. */
struct fd cas_seen_open(int at_fd, const char *path, const struct file_stat *seen,
                        int64_t watch_ns);
FALLIBLE cas_seen_read(int fd, const struct file_stat *seen, char *at, struct cas_put *ret,
                       bool *ret_done);

/* Whether a file did not change between two stats. */
bool cas_stat_equal(const struct file_stat *a, const struct file_stat *b);

/* A new file in the cache's tmp/; dropping it removes it. */
struct cas_temp {
    struct cas *cas;
    struct fd fd;
    char name[CAS_NAME_BYTES]; /* "": it has none */
};
FALLIBLE cas_temp_open(struct cas *cas, struct cas_temp *ret);
void cas_temp_drop(struct cas_temp *temp);

/* Registers the written file as pending; drops it where another thread was faster. */
FALLIBLE cas_temp_keep(struct cas_temp *temp, struct digest digest, int64_t size_bytes);

/* Makes a file that was read (its stat and digest in `seen`) an object by a hard link; *ret_done
 * false: that can't be done here. Only for files that nobody writes to. */
FALLIBLE cas_adopt(struct cas *cas, int at_fd, const char *path, const struct cas_put *seen,
                   bool *ret_done);

/* Takes the shared lock at the first put since the last flush. */
FALLIBLE cas_begin_put(struct cas *cas);
FALLIBLE cas_hold_locked(struct cas *cas);
void cas_release_locked(struct cas *cas);

/* Whether the object is pending or good; a good one is remembered, to be pinned. */
FALLIBLE cas_is_known(struct cas *cas, struct digest digest, bool *ret);
/* The same without what is pending. */
FALLIBLE cas_is_stored(struct cas *cas, struct digest digest, bool *ret);

/* Puts a small file with one read, if it is still what was `seen` before the puts began; else
 * *ret_done is false, and cas_put_file may tell why. Errors are of the store, and don't name the
 * file: cas_within_store does. */
FALLIBLE cas_put_seen(struct cas *cas, struct cas_lane *lane, int at_fd, const char *path,
                      const struct file_stat *seen, struct cas_put *ret, bool *ret_done);

/* What a user needs to know when the disk is full: what was to be stored where, and its size. */
FALLIBLE cas_within_store(struct cas *cas, struct error *error, const char *name, int64_t bytes);
