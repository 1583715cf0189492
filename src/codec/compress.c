#include "mlops/codec/compress.h"

#include "mlops/base/check.h"

#include <zstd.h>

enum { LEVEL = 1, BYTES_LEAST = 128, SAMPLE_BYTES = 65536 };

void compressor_drop(struct compressor *compressor)
{
    ZSTD_freeCCtx(compressor->compressing);
    ZSTD_freeDCtx(compressor->expanding);
    *compressor = (struct compressor){0};
}

static bool saves_a_tenth(size_t packed, size_t raw)
{
    return !ZSTD_isError(packed) && packed <= raw - raw / 10;
}

static size_t pack(struct compressor *compressor, struct str bytes, struct buf *out)
{
    buf_clear(out);
    size_t room = ZSTD_compressBound(bytes.len);
    char *to = buf_reserve(out, room);
    return ZSTD_compressCCtx(compressor->compressing, to, room, bytes.at, bytes.len, LEVEL);
}

/* Of a large blob a piece of its middle tells: images, models and archives are not tried whole. */
bool compress_bytes(struct compressor *compressor, struct str bytes, struct buf *out)
{
    if (bytes.len < BYTES_LEAST)
        return false;
    if (!compressor->compressing)
        check((compressor->compressing = ZSTD_createCCtx()) != NULL);
    if (bytes.len > 2 * (size_t)SAMPLE_BYTES) {
        struct str sample = str_slice(bytes, bytes.len / 2, bytes.len / 2 + SAMPLE_BYTES);
        if (!saves_a_tenth(pack(compressor, sample, out), sample.len))
            return false;
    }
    size_t packed = pack(compressor, bytes, out);
    if (!saves_a_tenth(packed, bytes.len))
        return false;
    out->len = packed;
    return true;
}

struct error *expand_bytes(struct compressor *compressor, struct str frame, size_t raw_bytes,
                           struct buf *out)
{
    if (!compressor->expanding)
        check((compressor->expanding = ZSTD_createDCtx()) != NULL);
    buf_clear(out);
    char *to = buf_reserve(out, raw_bytes + 1);
    size_t got = ZSTD_decompressDCtx(compressor->expanding, to, raw_bytes, frame.at, frame.len);
    if (ZSTD_isError(got) || got != raw_bytes)
        return error_new(ERROR_STORED, "a damaged zstd frame");
    out->len = got;
    return NULL;
}
