/* The chunks of a large file, in order: how it travels. Format: docs/formats.md, "Packs". */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/error.h"
#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"

struct manifest_chunk {
    struct digest digest;
    int64_t offset, size_bytes; /* in the file */
};
VEC(manifest_chunk_vec, struct manifest_chunk);

/* The most bytes that the manifest of a file of this size has: its chunks but the last have
 * CHUNK_LEAST_BYTES at least, and each takes 48 bytes at most. */
int64_t manifest_bytes_most(int64_t file_bytes);

void manifest_encode(const struct manifest_chunk_vec *chunks, int64_t file_bytes, struct buf *out);

/* ERROR_STORED if the bytes are no manifest of a file of that size (-1: of any). */
FALLIBLE manifest_decode(struct arena *arena, struct str bytes, int64_t file_bytes,
                         struct manifest_chunk_vec *ret);
