#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack_private.h"

enum {
    WRITE_BYTES = 2097152, /* what one write takes: fewer and larger cost nothing more */
    SORTED_PLAINLY = 4096, /* rows; more go to buckets first */
    BUCKETS = 65536,
};

void pack_writer_open(struct pack_writer *writer, int fd, const char *name)
{
    *writer = (struct pack_writer){.fd = fd, .name = name};
    buf_add(&writer->pending, PACK_HEAD_MAGIC, PACK_HEAD_BYTES);
    writer->bytes = PACK_HEAD_BYTES;
}

void pack_writer_drop(struct pack_writer *writer)
{
    buf_drop(&writer->pending);
    arena_drop(&writer->rows_memory);
    *writer = (struct pack_writer){0};
}

static FALLIBLE write_pending(struct pack_writer *writer)
{
    if (writer->fd < 0)
        return NULL;
    TRY(file_write(writer->fd, writer->pending.at, writer->pending.len, writer->name));
    buf_clear(&writer->pending);
    return NULL;
}

struct error *pack_writer_add(struct pack_writer *writer, struct digest digest, enum pack_kind kind,
                              struct str stored, int64_t raw_bytes)
{
    check(raw_bytes <= PACK_BLOB_MOST || kind == PACK_MANIFEST);
    check(kind == PACK_ZSTD || (int64_t)stored.len == raw_bytes);
    *vec_push(&writer->rows_memory, &writer->rows) =
        (struct pack_row){digest, writer->bytes, (int64_t)stored.len, raw_bytes, kind};
    buf_add_str(&writer->pending, stored);
    writer->bytes += (int64_t)stored.len;
    return writer->pending.len >= WRITE_BYTES ? write_pending(writer) : NULL;
}

static int compare_rows(const void *a, const void *b)
{
    const struct pack_row *left = a, *right = b;
    return digest_compare(left->digest, right->digest);
}

static size_t bucket_of(const struct pack_row *row)
{
    return (size_t)row->digest.at[0] << 8 | row->digest.at[1];
}

/* Digests are evenly spread: in order of their first two bytes few are left to be compared. */
static void sort_rows(struct pack_row_vec *rows)
{
    AUTO(arena_drop) struct arena scratch = {0};
    size_t *ends = arena_new_array(&scratch, size_t, BUCKETS);
    struct pack_row *sorted = arena_new_array(&scratch, struct pack_row, rows->len);
    for (size_t i = 0; i < rows->len; i++)
        ends[bucket_of(&rows->at[i])]++;
    for (size_t bucket = 1; bucket < BUCKETS; bucket++)
        ends[bucket] += ends[bucket - 1];
    for (size_t i = rows->len; i-- > 0;)
        sorted[--ends[bucket_of(&rows->at[i])]] = rows->at[i];
    for (size_t first = 0, end; first < rows->len; first = end) {
        for (end = first + 1;
             end < rows->len && bucket_of(&sorted[end]) == bucket_of(&sorted[first]);)
            end++;
        if (end - first > 1)
            qsort(&sorted[first], end - first, sizeof *sorted, compare_rows);
    }
    if (rows->len)
        memcpy(rows->at, sorted, rows->len * sizeof *sorted);
}

static char *put_number(char *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(unsigned char)(value >> (8 * i));
    return at + bytes;
}

static void add_number(struct buf *out, uint64_t value, size_t bytes)
{
    char number[8];
    put_number(number, value, bytes);
    buf_add(out, number, bytes);
}

static void add_row(struct buf *out, const struct pack_row *row)
{
    char bytes[PACK_ROW_BYTES];
    memcpy(bytes, row->digest.at, sizeof row->digest.at);
    char *at = put_number(bytes + sizeof row->digest.at, (uint64_t)row->offset, 8);
    at = put_number(at, (uint64_t)row->stored_bytes, 4);
    at = put_number(at, (uint64_t)row->raw_bytes, 4);
    at = put_number(at, (uint64_t)row->kind, 4);
    at = put_number(at, 0, 4);
    check(at == bytes + sizeof bytes);
    buf_add(out, bytes, sizeof bytes);
}

/* A digest stands once in the index; what was added twice is just not named again. */
static void add_rows(struct pack_row_vec *rows, struct buf *out)
{
    size_t count = 0;
    if (rows->len > SORTED_PLAINLY)
        sort_rows(rows);
    else
        vec_sort(rows, compare_rows);
    buf_reserve(out, rows->len * PACK_ROW_BYTES + PACK_FOOT_BYTES);
    for (size_t i = 0; i < rows->len; i++) {
        const struct pack_row row = rows->at[i];
        if (count && digest_equal(row.digest, rows->at[count - 1].digest))
            continue;
        add_row(out, &row);
        rows->at[count++] = row;
    }
    rows->len = count;
}

/* Index and footer. */
static void add_index(struct pack_row_vec *rows, int64_t blobs_end, struct buf *out,
                      struct digest *ret_id)
{
    size_t from = out->len;
    add_rows(rows, out);
    struct digest id = digest_of(out->at + from, out->len - from);
    add_number(out, rows->len, 8);
    add_number(out, (uint64_t)blobs_end, 8);
    buf_add(out, id.at, sizeof id.at);
    add_number(out, 0, 8);
    buf_add_text(out, PACK_FOOT_MAGIC);
    *ret_id = id;
}

/* Rows of one digest keep no order of their own: equal blobs, whichever is named. */
struct error *pack_index_write(int fd, const char *name, struct pack_row_vec *rows,
                               int64_t blobs_end, struct digest *ret_id)
{
    AUTO(buf_drop) struct buf index = {0};
    add_index(rows, blobs_end, &index, ret_id);
    if (lseek(fd, (off_t)blobs_end, SEEK_SET) < 0)
        return error_os(errno, "cannot write '%s'", name);
    return file_write(fd, index.at, index.len, name);
}

struct error *pack_writer_finish(struct pack_writer *writer, struct digest *ret_id)
{
    TRY(write_pending(writer));
    if (writer->fd < 0)
        add_index(&writer->rows, writer->bytes, &writer->pending, ret_id);
    else
        TRY(pack_index_write(writer->fd, writer->name, &writer->rows, writer->bytes, ret_id));
    writer->bytes += (int64_t)writer->rows.len * PACK_ROW_BYTES + PACK_FOOT_BYTES;
    return NULL;
}
