/* zstd frames of single blobs (RFC 8878), for what travels. Whether it pays is decided on the blob;
 * reading is bounded by the size that is known beforehand. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/error.h"

/* Reusable state of one thread. Zero is a valid empty value. */
struct compressor {
    void *compressing, *expanding; /* ZSTD_CCtx, ZSTD_DCtx, made when first needed */
};
void compressor_drop(struct compressor *compressor);

/* Replaces `out` by a frame of the bytes if that saves at least a tenth; false: it does not, and
 * `out` is not to be used. */
bool compress_bytes(struct compressor *compressor, struct str bytes, struct buf *out);

/* Replaces `out` by the content of one frame, which must have exactly `raw_bytes` bytes.
 * ERROR_STORED otherwise. */
FALLIBLE expand_bytes(struct compressor *compressor, struct str frame, size_t raw_bytes,
                      struct buf *out);
