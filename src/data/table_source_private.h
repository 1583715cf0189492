/* Shared by the files of a table's source: the layers that bytes go through. */
#pragma once

#include <iconv.h>
#include <zlib.h>
#include <zstd.h>

#include "table_private.h"

enum { SOURCE_BLOCK_BYTES = 131072 };

enum source_packing { PACKED_NOT, PACKED_GZIP, PACKED_ZSTD };

/* Bytes that one layer has made and the next one has not taken yet. */
struct source_block {
    char *at;
    size_t from, to;
};

struct table_source {
    const char *name;
    struct fd fd;
    uint64_t done_bytes, total_bytes;
    bool takes_digest;
    struct hasher hasher;
    bool is_file_over;
    enum source_packing packing;
    struct source_block packed; /* as on the disk, where it is packed */
    z_stream gzip;
    bool has_gzip;
    bool is_inside;  /* a gzip member or zstd frame has begun and not ended */
    bool has_member; /* one of gzip has ended */
    ZSTD_DCtx *zstd;
    bool has_encoding;
    bool is_flushed; /* what the encoding held back at the end is out */
    iconv_t encoding;
    struct source_block foreign;   /* in the other encoding */
    struct source_block converted; /* in UTF-8 */
    bool is_begun;                 /* a byte order mark can no longer come */
    struct source_block begin;     /* the first bytes, put back behind the look for one */
};

/* Bytes as they are on the disk; they enter the digest. */
FALLIBLE source_read_file(struct table_source *source, char *to, size_t room, size_t *ret_got);

/* Bytes of the file, unpacked. */
FALLIBLE source_read_plain(struct table_source *source, char *to, size_t room, size_t *ret_got);
FALLIBLE source_packing_open(struct table_source *source);
void source_packing_reset(struct table_source *source);
void source_packing_drop(struct table_source *source);

/* The same in UTF-8. */
FALLIBLE source_encoding_open(struct table_source *source, struct str encoding);
FALLIBLE source_read_encoded(struct table_source *source, char *to, size_t room, size_t *ret_got);
