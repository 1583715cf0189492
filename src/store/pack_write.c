#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/host/file.h"

#include <stdlib.h>

#include "pack_private.h"

enum { WRITE_BYTES = 2097152 }; /* what one write takes: fewer and larger cost nothing more */

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

static void add_number(struct buf *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        buf_add_char(out, (char)(unsigned char)(value >> (8 * i)));
}

static void add_row(struct buf *out, const struct pack_row *row)
{
    buf_add(out, row->digest.at, sizeof row->digest.at);
    add_number(out, (uint64_t)row->offset, 8);
    add_number(out, (uint64_t)row->stored_bytes, 4);
    add_number(out, (uint64_t)row->raw_bytes, 4);
    add_number(out, (uint64_t)row->kind, 4);
    add_number(out, 0, 4);
}

/* A digest stands once in the index; what was added twice is just not named again. */
static size_t add_rows(struct pack_writer *writer, struct buf *out)
{
    size_t count = 0;
    vec_sort(&writer->rows, compare_rows);
    for (size_t i = 0; i < writer->rows.len; i++) {
        const struct pack_row *row = &writer->rows.at[i];
        if (i && digest_equal(row->digest, row[-1].digest))
            continue;
        add_row(out, row);
        count++;
    }
    return count;
}

struct error *pack_writer_finish(struct pack_writer *writer, struct digest *ret_id)
{
    AUTO(buf_drop) struct buf index = {0};
    TRY(write_pending(writer));
    size_t count = add_rows(writer, &index);
    struct digest id = digest_of(index.at, index.len);
    add_number(&index, count, 8);
    add_number(&index, (uint64_t)writer->bytes, 8);
    buf_add(&index, id.at, sizeof id.at);
    add_number(&index, 0, 8);
    buf_add_text(&index, PACK_FOOT_MAGIC);
    if (writer->fd < 0)
        buf_add_str(&writer->pending, buf_str(&index));
    else
        TRY(file_write(writer->fd, index.at, index.len, writer->name));
    writer->bytes += (int64_t)index.len;
    *ret_id = id;
    return NULL;
}
