/* The end of a pack that comes from a remote: whatever the bytes, the reader refuses them or gives
 * rows that lie within the pack, each of which is found by its digest. */
#include "mlops/base/check.h"
#include "mlops/store/pack.h"

#include "replay.h"

static void try_rows(const struct pack_index *index, int64_t pack_bytes)
{
    for (size_t i = 0; i < index->row_count; i++) {
        struct pack_row row = pack_index_row(index, i), found;
        check(row.offset >= PACK_HEAD_BYTES && row.stored_bytes <= pack_bytes - row.offset);
        check(pack_index_find(index, row.digest, &found) && found.offset == row.offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    int64_t offset = 0, index_bytes = 0;
    struct digest id;
    struct pack_index index;
    if (size < PACK_FOOT_BYTES)
        return 0;
    struct str foot = str_slice(bytes, size - PACK_FOOT_BYTES, size);
    struct error *error = pack_foot_read(foot, (int64_t)size, &offset, &index_bytes, &id);
    if (!error) {
        struct str rows = str_slice(bytes, (size_t)offset, (size_t)(offset + index_bytes));
        /* The sum would stop every other mutation: it is made to fit. */
        error = pack_index_read(rows, (int64_t)size, digest_of(rows.at, rows.len), &index);
        if (!error)
            try_rows(&index, (int64_t)size);
    }
    error_drop(error);
    return 0;
}
