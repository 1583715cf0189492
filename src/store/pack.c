#include "mlops/store/pack.h"

#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pack_private.h"

enum {
    INDEX_BYTES_MOST = 1 << 30,
    GUESSES_MOST = 12, /* in an index of honest digests some five are enough */
};

static uint64_t number_at(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

FALLIBLE pack_damaged(const char *how)
{
    return error_new(ERROR_STORED, "a damaged pack: %s", how);
}

struct error *pack_foot_read(struct str foot, int64_t pack_bytes, int64_t *ret_index_offset,
                             int64_t *ret_index_bytes, struct digest *ret_id)
{
    const unsigned char *at = (const unsigned char *)foot.at;
    const int64_t least = PACK_HEAD_BYTES + PACK_FOOT_BYTES;
    if (foot.len != PACK_FOOT_BYTES || pack_bytes < least)
        return pack_damaged("it is too short");
    struct str magic = str_slice(foot, PACK_FOOT_MAGIC_AT, PACK_FOOT_BYTES);
    if (!str_equal(magic, STR(PACK_FOOT_MAGIC))) {
        if (str_starts(magic, STR("mlpkend")) && magic.at[7] > PACK_FOOT_MAGIC[7])
            return error_hint(error_new(ERROR_STORED, "a pack that was written by a newer version"),
                              "use a version of mlops that is as new");
        return pack_damaged("its end is not there");
    }
    uint64_t rows = number_at(at, 8), offset = number_at(at + 8, 8);
    uint64_t room = (uint64_t)(pack_bytes - least);
    if (number_at(at + 48, 8) != 0 || rows > room / PACK_ROW_BYTES ||
        rows * PACK_ROW_BYTES > INDEX_BYTES_MOST || offset < PACK_HEAD_BYTES ||
        offset + rows * PACK_ROW_BYTES + PACK_FOOT_BYTES != (uint64_t)pack_bytes)
        return pack_damaged("its index does not fit its size");
    *ret_index_offset = (int64_t)offset;
    *ret_index_bytes = (int64_t)(rows * PACK_ROW_BYTES);
    memcpy(ret_id->at, at + 16, sizeof ret_id->at);
    return NULL;
}

struct pack_row pack_index_row(const struct pack_index *index, size_t at)
{
    const unsigned char *bytes = index->rows + at * PACK_ROW_BYTES;
    struct pack_row row = {.offset = (int64_t)number_at(bytes + 32, 8),
                           .stored_bytes = (int64_t)number_at(bytes + 40, 4),
                           .raw_bytes = (int64_t)number_at(bytes + 44, 4),
                           .kind = (enum pack_kind)number_at(bytes + 48, 4)};
    memcpy(row.digest.at, bytes, sizeof row.digest.at);
    return row;
}

const char *pack_row_fault(const struct pack_index *index, size_t at, int64_t blobs_end)
{
    const unsigned char *bytes = index->rows + at * PACK_ROW_BYTES;
    struct pack_row row = pack_index_row(index, at);
    if (at && memcmp(bytes - PACK_ROW_BYTES, bytes, sizeof row.digest.at) >= 0)
        return "its index is not sorted";
    if (digest_is_zero(row.digest) || number_at(bytes + 52, 4) != 0 || row.kind > PACK_MANIFEST)
        return "a row of its index has an unknown form";
    if (row.raw_bytes > PACK_BLOB_MOST && row.kind != PACK_MANIFEST)
        return "a blob is too large";
    if (row.kind == PACK_MANIFEST && row.raw_bytes > LIMIT_MANIFEST_BYTES)
        return "the list of chunks of a file is too large";
    if (row.kind == PACK_ZSTD ? row.stored_bytes > row.raw_bytes
                              : row.stored_bytes != row.raw_bytes)
        return "a blob has two sizes";
    if (row.offset < PACK_HEAD_BYTES || row.offset > blobs_end ||
        row.stored_bytes > blobs_end - row.offset)
        return "a blob does not lie within it";
    return NULL;
}

struct error *pack_index_read(struct str bytes, int64_t pack_bytes, struct digest id,
                              struct pack_index *ret)
{
    struct pack_index index = {(const unsigned char *)bytes.at, bytes.len / PACK_ROW_BYTES};
    int64_t blobs_end = pack_bytes - PACK_FOOT_BYTES - (int64_t)bytes.len;
    if (bytes.len % PACK_ROW_BYTES != 0 || blobs_end < PACK_HEAD_BYTES)
        return pack_damaged("its index does not fit its size");
    if (!digest_equal(digest_of(bytes.at, bytes.len), id))
        return pack_damaged("its index has another sum");
    for (size_t i = 0; i < index.row_count; i++) {
        const char *fault = pack_row_fault(&index, i, blobs_end);
        if (fault)
            return pack_damaged(fault);
    }
    *ret = index;
    return NULL;
}

/* The first four bytes of a digest as a number. */
static uint64_t head_of(const unsigned char *digest)
{
    return (uint64_t)digest[0] << 24 | (uint64_t)digest[1] << 16 | (uint64_t)digest[2] << 8 |
           (uint64_t)digest[3];
}

/* Digests are evenly spread, so each guess is near: some log(log(n)) of them, the last ones in the
 * same few cache lines. Where somebody chose them otherwise, halving ends it. */
size_t pack_index_place(const struct pack_index *index, struct digest digest)
{
    size_t low = 0, high = index->row_count;
    uint64_t wanted = head_of(digest.at), least = 0, most = UINT32_MAX;
    for (int guesses = 0; low < high; guesses++) {
        size_t middle = low + (high - low) / 2;
        if (guesses < GUESSES_MOST && wanted >= least && wanted <= most)
            middle = low + (size_t)((double)(high - low - 1) * (double)(wanted - least) /
                                    (double)(most - least + 1));
        const unsigned char *at = index->rows + middle * PACK_ROW_BYTES;
        int order = memcmp(at, digest.at, sizeof digest.at);
        if (order == 0)
            return middle;
        if (order < 0) {
            low = middle + 1;
            least = head_of(at);
        } else {
            high = middle;
            most = head_of(at);
        }
    }
    return index->row_count;
}

bool pack_index_find(const struct pack_index *index, struct digest digest, struct pack_row *ret)
{
    size_t at = pack_index_place(index, digest);
    if (at == index->row_count)
        return false;
    *ret = pack_index_row(index, at);
    return true;
}

FALLIBLE pack_read_at(int fd, char *to, int64_t len, int64_t offset)
{
    int64_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, to + done, (size_t)(len - done), (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read a pack");
        if (got == 0)
            return pack_damaged("it was cut short");
        done += got;
    }
    return NULL;
}

static FALLIBLE read_ends(struct pack *pack)
{
    char foot[PACK_FOOT_BYTES], head[PACK_HEAD_BYTES];
    if (pack->bytes < PACK_HEAD_BYTES + PACK_FOOT_BYTES)
        return pack_damaged("it is too short");
    TRY(pack_read_at(fd_number(pack->fd), head, sizeof head, 0));
    if (memcmp(head, PACK_HEAD_MAGIC, sizeof head) != 0)
        return pack_damaged("its beginning is not that of a pack");
    TRY(pack_read_at(fd_number(pack->fd), foot, sizeof foot, pack->bytes - PACK_FOOT_BYTES));
    struct str text = {foot, sizeof foot};
    TRY(pack_foot_read(text, pack->bytes, &pack->index_offset, &pack->index_len, &pack->id));
    pack->index.row_count = (size_t)pack->index_len / PACK_ROW_BYTES;
    return NULL;
}

struct error *pack_open_unread(int at_fd, const char *path, struct pack **ret, bool *ret_found)
{
    struct file_stat stat;
    TRY(file_stat_at(at_fd, path, false, &stat, ret_found));
    if (!*ret_found)
        return NULL;
    AUTO(pack_drop) struct pack *pack = memset(memory_grow(NULL, sizeof *pack), 0, sizeof *pack);
    TRY(file_open(at_fd, path, &pack->fd));
    TRY(file_stat_fd(fd_number(pack->fd), &stat));
    pack->bytes = stat.size_bytes;
    TRY_WITHIN(read_ends(pack), "cannot use '%s'", path);
    *ret = pack;
    pack = NULL;
    return NULL;
}

static FALLIBLE read_index(struct pack *pack, char *bytes)
{
    struct str index = {bytes, (size_t)pack->index_len};
    TRY(pack_read_at(fd_number(pack->fd), bytes, pack->index_len, pack->index_offset));
    return pack_index_read(index, pack->bytes, pack->id, &pack->index);
}

struct error *pack_load(struct pack *pack, const char *path)
{
    if (pack->index_bytes)
        return NULL;
    char *bytes = memory_grow(NULL, (size_t)pack->index_len + 1);
    struct error *error = read_index(pack, bytes);
    if (error) {
        free(bytes);
        return error_within(error, "cannot use '%s'", path);
    }
    pack->index_bytes = bytes;
    return NULL;
}

struct error *pack_open(int at_fd, const char *path, struct pack **ret, bool *ret_found)
{
    AUTO(pack_drop) struct pack *pack = NULL;
    TRY(pack_open_unread(at_fd, path, &pack, ret_found));
    if (!*ret_found)
        return NULL;
    TRY(pack_load(pack, path));
    *ret = pack;
    pack = NULL;
    return NULL;
}

bool pack_is_loaded(const struct pack *pack)
{
    return pack->index_bytes != NULL;
}

void pack_drop(struct pack **pack_place)
{
    struct pack *pack = *pack_place;
    *pack_place = NULL;
    if (!pack)
        return;
    fd_drop(&pack->fd);
    free(pack->index_bytes);
    free(pack);
}

const struct pack_index *pack_rows(const struct pack *pack)
{
    return &pack->index;
}

struct digest pack_id(const struct pack *pack)
{
    return pack->id;
}

int64_t pack_bytes(const struct pack *pack)
{
    return pack->bytes;
}

void pack_close(struct pack *pack)
{
    fd_drop(&pack->fd);
}

int pack_fd(const struct pack *pack)
{
    return fd_number(pack->fd);
}
