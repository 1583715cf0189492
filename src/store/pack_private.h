/* Shared by the files of module pack. */
#pragma once

#include "mlops/host/file.h"
#include "mlops/store/pack.h"

#define PACK_FOOT_MAGIC "mlpkend1"
enum { PACK_FOOT_MAGIC_AT = 56 };

/* Number of the row of a digest; row_count: it has none. */
size_t pack_index_place(const struct pack_index *index, struct digest digest);

struct pack {
    struct fd fd;
    int64_t bytes;
    char *index_bytes; /* on the heap: a mapped file that is cut short would be a SIGBUS */
    int64_t index_offset, index_len; /* in the pack, bytes */
    struct pack_index index;
    struct digest id;
};

/* What is wrong with a row, or NULL: its form, its bounds, that it sorts behind the one before. */
const char *pack_row_fault(const struct pack_index *index, size_t at, int64_t blobs_end);

FALLIBLE pack_damaged(const char *how);
FALLIBLE pack_read_at(int fd, char *to, int64_t len, int64_t offset);
