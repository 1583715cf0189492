/* Packs: many blobs in one immutable file with an index at its end. Small objects of the local
 * cache lie in packs; everything travels to remotes in packs. Format: docs/formats.md, "Packs".
 * Bytes out of a pack are always hashed again by whoever reads them. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/error.h"
#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"

enum pack_kind {
    PACK_RAW = 0,      /* the blob as it is */
    PACK_ZSTD = 1,     /* one zstd frame of it (remotes only) */
    PACK_MANIFEST = 2, /* key is a whole file's digest, content the list of its chunks */
};

/* One row of a pack's index. */
struct pack_row {
    struct digest digest; /* of the blob; of a manifest: of the file that its chunks make */
    int64_t offset;       /* in the pack */
    int64_t stored_bytes; /* in the pack */
    int64_t raw_bytes;    /* of the blob; of a manifest: its own bytes */
    enum pack_kind kind;
};
VEC(pack_row_vec, struct pack_row);

#define PACK_HEAD_MAGIC "mlpack1\n"
enum {
    PACK_HEAD_BYTES = 8,
    PACK_ROW_BYTES = 56,
    PACK_FOOT_BYTES = 64,
    PACK_BLOB_MOST = 2097152,    /* bytes of one blob: CHUNK_MOST_BYTES */
    PACK_REMOTE_MOST = 67108864, /* bytes of a pack that travels: one upload to be repeated */
};

/* Writes a pack into an open, empty file, front to back, in large writes. Not for threads. */
struct pack_writer {
    int fd;           /* borrowed; -1: made in memory, all of it in `pending` */
    const char *name; /* for messages */
    struct arena rows_memory;
    struct pack_row_vec rows;
    struct buf pending; /* not yet written */
    int64_t bytes;      /* of the pack so far, `pending` included */
};
void pack_writer_open(struct pack_writer *writer, int fd, const char *name);
void pack_writer_drop(struct pack_writer *writer);

/* Adds stored bytes under a digest, whether or not it has that digest already. */
FALLIBLE pack_writer_add(struct pack_writer *writer, struct digest digest, enum pack_kind kind,
                         struct str stored, int64_t raw_bytes);

/* Sorts and writes the index and the footer; nothing may be added after it. Not synced. `*ret_id`
 * is the pack's name: the SHA-256 of its index. */
FALLIBLE pack_writer_finish(struct pack_writer *writer, struct digest *ret_id);

/* Rows of a pack by numbers, where they are too many to be held as such. */
struct pack_row_source {
    uint32_t *numbers; /* of the rows, in any order; get sorted */
    size_t count;
    struct pack_row (*row)(void *context, uint32_t number);
    void *context;
};

/* What pack_writer_finish does at the end, for who has written the blobs by himself (in any order
 * and by several threads, PACK_HEAD_MAGIC in front): appends index and footer at `blobs_end`. */
FALLIBLE pack_index_write(int fd, const char *name, struct pack_row_source *rows, int64_t blobs_end,
                          struct digest *ret_id);

/* The index of a pack, checked (footer, sum, order, bounds): rows borrowed from `bytes`, which are
 * the index part alone. ERROR_STORED if damaged or of a newer version (which has a hint). */
struct pack_index {
    const unsigned char *rows; /* row_count times PACK_ROW_BYTES, ascending by digest */
    size_t row_count;
};

/* Where the index of a pack lies, out of its last PACK_FOOT_BYTES bytes. */
FALLIBLE pack_foot_read(struct str foot, int64_t pack_bytes, int64_t *ret_index_offset,
                        int64_t *ret_index_bytes, struct digest *ret_id);
FALLIBLE pack_index_read(struct str bytes, int64_t pack_bytes, struct digest id,
                         struct pack_index *ret);
struct pack_row pack_index_row(const struct pack_index *index, size_t at);
bool pack_index_find(const struct pack_index *index, struct digest digest, struct pack_row *ret);

/* A pack on the disk, open; its index read and checked. */
struct pack;
FALLIBLE pack_open(int at_fd, const char *path, struct pack **ret, bool *ret_found);

/* The same without its index, of which beginning and footer are checked: somebody has found it good
 * before. pack_rows has only its number of rows until pack_load has read and checked it. */
FALLIBLE pack_open_unread(int at_fd, const char *path, struct pack **ret, bool *ret_found);
FALLIBLE pack_load(struct pack *pack, const char *path);
bool pack_is_loaded(const struct pack *pack);

/* The row of a digest, out of the index or, before it is loaded, out of the few rows on the disk
 * among which it has to be. For several threads at once. ERROR_STORED if the row is damaged. */
FALLIBLE pack_search(const struct pack *pack, struct digest digest, struct pack_row *ret,
                     bool *ret_found);

void pack_drop(struct pack **pack);
const struct pack_index *pack_rows(const struct pack *pack);
struct digest pack_id(const struct pack *pack);
int64_t pack_bytes(const struct pack *pack);
int pack_fd(const struct pack *pack);

/* Gives up the descriptor, for who has many packs open: pack_fd is -1 from now on. */
void pack_close(struct pack *pack);
