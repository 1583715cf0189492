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
    INDEX_WRITE_BYTES = 262144,
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

static int compare_numbers(const void *a, const void *b, void *context)
{
    struct pack_row_source *rows = context;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return digest_compare(rows->row(rows->context, left).digest,
                          rows->row(rows->context, right).digest);
}

static size_t bucket_of(const struct pack_row_source *rows, uint32_t number)
{
    struct digest digest = rows->row(rows->context, number).digest;
    return (size_t)digest.at[0] << 8 | digest.at[1];
}

/* Digests are evenly spread: in order of their first two bytes few are left to be compared. */
static void sort_into_buckets(struct pack_row_source *rows, struct arena *scratch, size_t *ends)
{
    uint32_t *sorted = arena_new_array(scratch, uint32_t, rows->count);
    for (size_t i = 0; i < rows->count; i++)
        ends[bucket_of(rows, rows->numbers[i])]++;
    for (size_t bucket = 1; bucket < BUCKETS; bucket++)
        ends[bucket] += ends[bucket - 1];
    for (size_t i = rows->count; i-- > 0;)
        sorted[--ends[bucket_of(rows, rows->numbers[i])]] = rows->numbers[i];
    if (rows->count)
        memcpy(rows->numbers, sorted, rows->count * sizeof *sorted);
}

static void sort_numbers(uint32_t *numbers, size_t count, struct pack_row_source *rows)
{
    if (count > 1)
        qsort_r(numbers, count, sizeof *numbers, compare_numbers, rows);
}

static void sort_rows(struct pack_row_source *rows)
{
    AUTO(arena_drop) struct arena scratch = {0};
    if (rows->count <= SORTED_PLAINLY) {
        sort_numbers(rows->numbers, rows->count, rows);
        return;
    }
    size_t *starts = arena_new_array(&scratch, size_t, BUCKETS);
    sort_into_buckets(rows, &scratch, starts);
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        size_t end = bucket + 1 < BUCKETS ? starts[bucket + 1] : rows->count;
        sort_numbers(&rows->numbers[starts[bucket]], end - starts[bucket], rows);
    }
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

/* An index on its way: to a file in large writes, or into memory. */
struct index_writer {
    int fd; /* -1: all stays in `pending` */
    const char *name;
    struct buf pending;
    struct hasher hasher;
    size_t hashed; /* bytes of `pending` */
    size_t count;
};

static void index_writer_drop(struct index_writer *writer)
{
    buf_drop(&writer->pending);
    hasher_drop(&writer->hasher);
}

static FALLIBLE write_rows(struct index_writer *writer)
{
    struct buf *pending = &writer->pending;
    hasher_add(&writer->hasher, pending->at + writer->hashed, pending->len - writer->hashed);
    writer->hashed = pending->len;
    if (writer->fd < 0)
        return NULL;
    TRY(file_write(writer->fd, pending->at, pending->len, writer->name));
    buf_clear(pending);
    writer->hashed = 0;
    return NULL;
}

/* A digest stands once in the index; what was added twice is just not named again. */
static FALLIBLE add_rows(struct index_writer *writer, struct pack_row_source *rows)
{
    struct digest last = {{0}};
    sort_rows(rows);
    for (size_t i = 0; i < rows->count; i++) {
        const struct pack_row row = rows->row(rows->context, rows->numbers[i]);
        if (i && digest_equal(row.digest, last))
            continue;
        add_row(&writer->pending, &row);
        last = row.digest;
        writer->count++;
        if (writer->pending.len - writer->hashed >= INDEX_WRITE_BYTES)
            TRY(write_rows(writer));
    }
    return write_rows(writer);
}

/* Index and footer. */
static FALLIBLE add_index(struct index_writer *writer, struct pack_row_source *rows,
                          int64_t blobs_end, struct digest *ret_id)
{
    hasher_open(&writer->hasher);
    TRY(add_rows(writer, rows));
    struct digest id = hasher_finish(&writer->hasher);
    add_number(&writer->pending, writer->count, 8);
    add_number(&writer->pending, (uint64_t)blobs_end, 8);
    buf_add(&writer->pending, id.at, sizeof id.at);
    add_number(&writer->pending, 0, 8);
    buf_add_text(&writer->pending, PACK_FOOT_MAGIC);
    *ret_id = id;
    if (writer->fd < 0)
        return NULL;
    return file_write(writer->fd, writer->pending.at, writer->pending.len, writer->name);
}

static FALLIBLE seek(int fd, const char *name, int64_t offset)
{
    return lseek(fd, (off_t)offset, SEEK_SET) < 0 ? error_os(errno, "cannot write '%s'", name)
                                                  : NULL;
}

/* Rows of one digest keep no order of their own: equal blobs, whichever is named. */
struct error *pack_index_write(int fd, const char *name, struct pack_row_source *rows,
                               int64_t blobs_end, struct digest *ret_id)
{
    AUTO(index_writer_drop) struct index_writer writer = {.fd = fd, .name = name};
    TRY(seek(fd, name, blobs_end));
    return add_index(&writer, rows, blobs_end, ret_id);
}

static struct pack_row row_of(void *context, uint32_t number)
{
    return ((const struct pack_row_vec *)context)->at[number];
}

struct error *pack_writer_finish(struct pack_writer *writer, struct digest *ret_id)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(index_writer_drop)
    struct index_writer index = {.fd = writer->fd, .name = writer->name};
    struct pack_row_source rows = {.row = row_of, .context = &writer->rows};
    rows.count = writer->rows.len;
    rows.numbers = arena_new_array(&scratch, uint32_t, rows.count);
    for (size_t i = 0; i < rows.count; i++)
        rows.numbers[i] = (uint32_t)i;
    TRY(write_pending(writer));
    TRY(add_index(&index, &rows, writer->bytes, ret_id));
    if (writer->fd < 0)
        buf_add_str(&writer->pending, buf_str(&index.pending));
    writer->bytes += (int64_t)index.count * PACK_ROW_BYTES + PACK_FOOT_BYTES;
    return NULL;
}
