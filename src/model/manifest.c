#include "mlops/model/manifest.h"

#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/chunk.h"

#define MANIFEST_TAG "mlops.manifest.1"

enum { HEAD_BYTES = 64, CHUNK_ROW_BYTES = 48 };

int64_t manifest_bytes_most(int64_t file_bytes)
{
    return HEAD_BYTES + (file_bytes / CHUNK_LEAST_BYTES + 1) * CHUNK_ROW_BYTES;
}

void manifest_encode(const struct manifest_chunk_vec *chunks, int64_t file_bytes, struct buf *out)
{
    canon_str(out, STR(MANIFEST_TAG));
    canon_int(out, file_bytes);
    canon_list(out, chunks->len * 2);
    vec_each (const struct manifest_chunk, chunk, chunks) {
        canon_digest(out, chunk->digest);
        canon_int(out, chunk->size_bytes);
    }
}

static FALLIBLE decode_chunk(struct canon_reader *reader, int64_t offset, int64_t file_bytes,
                             struct manifest_chunk *ret)
{
    struct manifest_chunk chunk = {.offset = offset};
    TRY(canon_read_digest(reader, &chunk.digest));
    TRY(canon_read_int(reader, &chunk.size_bytes));
    if (chunk.size_bytes <= 0 || chunk.size_bytes > CHUNK_MOST_BYTES ||
        chunk.size_bytes > file_bytes - offset)
        return error_new(ERROR_STORED, "a manifest's chunks do not fit its file");
    *ret = chunk;
    return NULL;
}

struct error *manifest_decode(struct arena *arena, struct str bytes, int64_t file_bytes,
                              struct manifest_chunk_vec *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    int64_t told_bytes = 0, offset = 0;
    size_t count = 0;
    TRY(canon_expect_tag(&reader, STR(MANIFEST_TAG)));
    TRY(canon_read_int(&reader, &told_bytes));
    TRY(canon_read_list(&reader, &count));
    if (file_bytes < 0)
        file_bytes = told_bytes;
    if (told_bytes != file_bytes || file_bytes < 0 || count % 2 != 0)
        return error_new(ERROR_STORED, "a manifest is of another file");
    for (size_t i = 0; i < count; i += 2) {
        struct manifest_chunk chunk;
        TRY(decode_chunk(&reader, offset, file_bytes, &chunk));
        *vec_push(arena, ret) = chunk;
        offset += chunk.size_bytes;
    }
    TRY(canon_expect_end(&reader));
    return offset == file_bytes ? NULL
                                : error_new(ERROR_STORED, "a manifest's chunks are not its file");
}
