/* The content-addressed store: objects by SHA-256, in .mlops/cache/obj/ab/<62 hex>, mode 0444. Four
 * verbs: get, put, has, each; where an object lies (loose file, later a pack or a remote) is
 * hidden.
 *
 * Putting is grouped: cas_put_* write to tmp/ while hashing; cas_flush makes all of them durable
 * and gives them their names. Nothing may name an object before the flush that published it. Each
 * published object's inode, size and mtime are remembered (in the index): every use costs one stat,
 * anything odd is re-hashed, a mismatch is moved to quarantine/ and counts as absent. */
#pragma once

#include "mlops/codec/digest.h"
#include "mlops/host/file.h"
#include "mlops/store/index.h"
#include "mlops/store/workspace.h"

struct cas;

/* Opens the cache of a workspace (which must be initialised unless read only). */
FALLIBLE cas_open(struct arena *arena, const struct workspace *workspace, struct index *index,
                  struct cas **ret);
void cas_drop(struct cas **cas);

/* Published or put and not yet flushed? One stat (two on a miss). */
FALLIBLE cas_has(struct cas *cas, struct digest digest, bool *ret);

FALLIBLE cas_put_bytes(struct cas *cas, struct str bytes, struct digest *ret);

/* Reads what is recorded of all objects, once: before pool threads use the store, since the index
 * is not read from them. */
void cas_warm(struct cas *cas);

/* While held, gc waits: from finding an object until it is in the work tree. Held by itself from
 * the first put until the flush. */
FALLIBLE cas_hold(struct cas *cas);
void cas_release(struct cas *cas);

/* One pass over the file: reflink or read-hash-write. The stat is of the state that was hashed
 * (equal before and after; three tries, then an error that names the file). `progress` (may be
 * NULL) hears of the bytes as they are read. Safe from pool threads. */
struct cas_put {
    struct digest digest;
    struct file_stat stat;
    bool is_new;  /* the store did not have it */
    bool is_held; /* another program has it open for writing: it may have been half written */
};
struct cas_progress;
FALLIBLE cas_put_file(struct cas *cas, int at_fd, const char *path,
                      const struct cas_progress *progress, struct cas_put *ret);

/* Takes a complete file that lies in the cache's file system, and that nobody else writes to, as an
 * object: it is read whole, and if its digest is the expected one it is moved away and published by
 * the next flush (where the store has the object already, it is removed). Else *ret_same is false
 * and the file stays. Safe from pool threads. */
FALLIBLE cas_put_assembled(struct cas *cas, int at_fd, const char *path, struct digest expected,
                           bool *ret_same);

/* Makes what was put since the last flush durable (fdatasync each up to 32, else one syncfs), names
 * it, fsyncs the directories. On error nothing of it is named, and every later flush fails too: who
 * goes on would record results whose objects are lost. */
FALLIBLE cas_flush(struct cas *cas);

/* Whole object (trees, patches, metrics), re-hashed; *ret_found false if absent or bad. */
FALLIBLE cas_get_bytes(struct cas *cas, struct arena *arena, struct digest digest,
                       int64_t bytes_most, struct str *ret, bool *ret_found);

/* Where an object's bytes lie, for who reads them in parts: `size_bytes` from `offset` on of an
 * open file that holds more than the object perhaps. Bytes out of a pack have not been hashed: the
 * reader does it. Safe from pool threads; to be dropped. *ret_found false if the object is absent
 * or bad. */
struct cas_source {
    struct fd fd;
    int64_t offset;
    int64_t size_bytes;
};
FALLIBLE cas_open_for_reading(struct cas *cas, struct digest digest, struct cas_source *ret,
                              bool *ret_found);
void cas_source_drop(struct cas_source *source);

/* Puts an object's content at a new path (must not exist) by the configured link type; verified as
 * described above. Safe from pool threads. *ret_stat is of the new file. *ret_found false if absent
 * or bad. */
FALLIBLE cas_checkout(struct cas *cas, struct digest digest, bool is_executable, int at_fd,
                      const char *path, struct file_stat *ret_stat, bool *ret_found);

/* Every object: digest, size and mtime (link time). Stops at the callback's error. */
FALLIBLE cas_each(struct cas *cas,
                  FALLIBLE (*visit)(void *context, struct digest digest,
                                    const struct file_stat *stat),
                  void *context);

/* Where an object lies: by this read in ascending order, packs are read from front to back. 0: it
 * is a file of its own, or not here. */
FALLIBLE cas_place(struct cas *cas, struct digest digest, uint64_t *ret);

/* Re-reads an object and compares; bad ones go to quarantine/. Safe from pool threads. */
enum cas_health { CAS_GOOD, CAS_ABSENT, CAS_DAMAGED };
FALLIBLE cas_verify(struct cas *cas, struct digest digest, enum cas_health *ret);

/* The same of several that lie behind each other in one pack (by their places), which is read at
 * once: of all that one read gives, at best. */
struct cas_checked {
    struct digest digest;
    int64_t size_bytes;
    uint64_t place; /* cas_place */
    enum cas_health health;
};
enum { CAS_PLACE_OFFSET_BITS = 40 }; /* above them: which pack */
FALLIBLE cas_verify_run(struct cas *cas, struct cas_checked *objects, size_t count);

/* Leaf digests of large objects: docs/formats.md, "Leaf lists". They let several threads verify one
 * object; nothing depends on them. */
enum { CAS_LEAF_BYTES = 8 << 20, CAS_LEAVES_LEAST_BYTES = 32 << 20 };

/* Number of leaves of an object; 0 if it is too small to have any. */
size_t cas_leaf_count(int64_t size_bytes);

/* Digest of leaf `index` of a file of `size_bytes`; the buffer has CAS_LEAF_BUFFER_BYTES.
 * *ret_whole false if the file has fewer bytes. Safe from pool threads. */
enum { CAS_LEAF_BUFFER_BYTES = 1 << 20 };
FALLIBLE cas_hash_leaf(int fd, int64_t size_bytes, size_t index, char *buffer, struct digest *ret,
                       bool *ret_whole);

/* The file of a large object as it lies there, unchecked: for who checks it by its leaves. */
FALLIBLE cas_open_unchecked(struct cas *cas, struct digest digest, struct fd *ret,
                            struct file_stat *ret_stat, bool *ret_found);

/* Keeps, finds and forgets the leaves of an object. What is damaged counts as absent. */
FALLIBLE cas_set_leaves(struct cas *cas, struct digest digest, int64_t size_bytes,
                        const struct digest *leaves);
FALLIBLE cas_leaves(struct cas *cas, struct arena *arena, struct digest digest, int64_t size_bytes,
                    const struct digest **ret, bool *ret_found);
void cas_forget_leaves(struct cas *cas, struct digest digest);

/* A stamp that changes whenever an object was found to be damaged or missing, in any project of the
 * cache: until a project has looked since, its work tree may hold what the store lacks. */
FALLIBLE cas_damage_stamp(struct cas *cas, int64_t *ret_ns);
FALLIBLE cas_ask_healing(struct cas *cas);

/* Moves an object to trash/ (gc); cas_empty_trash unlinks. */
FALLIBLE cas_trash(struct cas *cas, struct digest digest);
FALLIBLE cas_empty_trash(struct cas *cas, int64_t *ret_bytes);

/* Of the objects in `dead` those that lie in packs which are mostly needed: cas_empty_trash leaves
 * them where they are, rather than write all of such a pack again. */
FALLIBLE cas_each_left(struct cas *cas, const struct digest *dead, size_t count,
                       FALLIBLE (*visit)(void *context, struct digest digest, int64_t size_bytes),
                       void *context);

/* Digests that a running command needs and nothing names yet: kept by gc while this process lives.
 */
FALLIBLE cas_pin(struct cas *cas, const struct digest *digests, size_t count);

/* Every digest that some living process has pinned (gc). */
FALLIBLE cas_each_pin(struct cas *cas, FALLIBLE (*visit)(void *context, struct digest digest),
                      void *context);

/* Whether a file of quarantine/ is there to warn of an object in a pack that is still here. */
FALLIBLE cas_is_warning(struct cas *cas, struct str name, bool *ret);

/* Digests found bad since open (moved to quarantine): for messages. */
size_t cas_damaged(struct cas *cas, const struct digest **ret);

/* Removes litter that crashes left in tmp/ (files not locked by a living process). */
FALLIBLE cas_sweep(struct cas *cas);
