#include "mlops/data/parquet.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "parquet_private.h"

#define MAGIC_BYTES 4
#define TAIL_BYTES 8 /* length of the footer in little endian, and the magic */

/* What the leaves' statistics say about the column, which is a leaf itself. */
static void finish_column(const struct parquet_reader *reader, const struct parquet_leaf *leaf,
                          struct parquet_column *column)
{
    bool is_told = reader->group_count > 0 || reader->row_count == 0;
    column->has_null_count = !leaf->is_part && is_told && !leaf->lacks_nulls &&
                             leaf->null_count <= (uint64_t)reader->row_count;
    column->null_count = column->has_null_count ? leaf->null_count : 0;
    if (!leaf->is_part && leaf->kind.logical == LOGICAL_NULL) { /* holds nothing else */
        column->has_null_count = true;
        column->null_count = (uint64_t)reader->row_count;
    }
    column->has_bounds = !leaf->is_part && leaf->has_bounds && !leaf->lacks_bounds;
    if (!column->has_bounds)
        return;
    column->has_numbers = parquet_number(&leaf->kind, leaf->min, &column->min) &&
                          parquet_number(&leaf->kind, leaf->max, &column->max);
    column->min_text = parquet_text(reader->arena, &leaf->kind, leaf->min);
    column->max_text = parquet_text(reader->arena, &leaf->kind, leaf->max);
}

static void finish_columns(struct parquet_reader *reader)
{
    vec_each (struct parquet_leaf, leaf, &reader->leaves)
        finish_column(reader, leaf, &reader->columns.at[leaf->column]);
    vec_each (struct parquet_column, column, &reader->columns) {
        if (column->is_required && column->null_count == 0) {
            column->has_null_count = true;
            column->null_count = 0;
        }
    }
}

/* Fields of FileMetaData that are read after all have been seen: bounds mean nothing before it is
 * known whether the file tells their order. */
struct parts {
    struct thrift schema, groups;
    enum thrift_type schema_type, groups_type;
};

static void read_fields(struct parquet_reader *reader, struct parts *parts)
{
    struct thrift *in = &reader->in;
    struct thrift_field field = {0};
    reader->row_count = -1;
    while (thrift_next(in, &field)) {
        if (field.id == 2) {
            parts->schema = *in;
            parts->schema_type = field.type;
        } else if (field.id == 4) {
            parts->groups = *in;
            parts->groups_type = field.type;
        }
        reader->has_orders = reader->has_orders || field.id == 7;
        if (field.id == 3)
            reader->row_count = thrift_int(in, field.type);
        else if (field.id == 6)
            reader->created_by = thrift_binary(in, field.type);
        else
            thrift_skip(in, field.type);
    }
    if (reader->row_count < 0)
        thrift_fail(in, "it does not tell the number of rows");
    if (!parts->schema.at)
        thrift_fail(in, "it has no schema");
}

static void read_footer(struct parquet_reader *reader)
{
    struct parts parts = {0};
    read_fields(reader, &parts);
    if (reader->in.fault)
        return;
    reader->in = parts.schema;
    parquet_read_schema(reader, parts.schema_type);
    if (reader->in.fault || !parts.groups.at)
        return;
    reader->in = parts.groups;
    parquet_read_groups(reader, parts.groups_type);
}

FALLIBLE parquet_parse(struct arena *arena, struct str name, struct str footer, struct parquet *ret)
{
    const unsigned char *start = (const unsigned char *)footer.at;
    struct parquet_reader reader = {.arena = arena, .in = {.start = start, .at = start}};
    reader.in.end = footer.len ? start + footer.len : start;
    read_footer(&reader);
    if (reader.in.fault)
        return error_hint(error_new(ERROR_PROJECT, "%.*s: damaged Parquet footer, at byte %lld: %s",
                                    STR_FMT(name), (long long)(reader.in.at - start),
                                    reader.in.fault),
                          "write the file anew");
    finish_columns(&reader);
    *ret = (struct parquet){
        .name = str_copy(arena, name),
        .row_count = (uint64_t)reader.row_count,
        .group_count = reader.group_count,
        .created_by = str_copy(arena, reader.created_by),
        .columns = reader.columns.at,
        .column_count = reader.columns.len,
    };
    return NULL;
}

static FALLIBLE read_at(int fd, struct str name, void *to, size_t len, int64_t offset)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(fd, (char *)to + done, len - done, offset + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read %.*s", STR_FMT(name));
        if (got == 0)
            return error_new(ERROR_PROJECT, "%.*s became shorter while it was read", STR_FMT(name));
        done += (size_t)got;
    }
    return NULL;
}

static FALLIBLE refuse(struct str name, const char *what)
{
    return error_hint(error_new(ERROR_PROJECT, "%.*s: %s", STR_FMT(name), what),
                      "write the file anew, or name its format: by the end of its name");
}

/* Where the footer is: in front of its length, which is in front of the magic at the end. */
static FALLIBLE find_footer(int fd, struct str name, int64_t bytes, int64_t *ret_at,
                            size_t *ret_len)
{
    unsigned char head[MAGIC_BYTES], tail[TAIL_BYTES];
    if (bytes < MAGIC_BYTES + TAIL_BYTES)
        return refuse(name, "no Parquet: the file is too short");
    TRY(read_at(fd, name, head, sizeof head, 0));
    TRY(read_at(fd, name, tail, sizeof tail, bytes - TAIL_BYTES));
    if (memcmp(tail + 4, "PARE", MAGIC_BYTES) == 0)
        return error_hint(
            error_new(ERROR_PROJECT, "%.*s: the Parquet footer is encrypted", STR_FMT(name)),
            "write the file with a plain footer");
    if (memcmp(head, "PAR1", MAGIC_BYTES) != 0)
        return refuse(name, "no Parquet: it does not begin with 'PAR1'");
    if (memcmp(tail + 4, "PAR1", MAGIC_BYTES) != 0)
        return refuse(name, "truncated Parquet: it does not end with 'PAR1'");
    int64_t len =
        (int64_t)tail[0] | (int64_t)tail[1] << 8 | (int64_t)tail[2] << 16 | (int64_t)tail[3] << 24;
    if (len > bytes - MAGIC_BYTES - TAIL_BYTES)
        return refuse(name, "damaged Parquet: the footer is larger than the file");
    if (len > LIMIT_PARQUET_FOOTER_BYTES)
        return error_new(ERROR_PROJECT, "%.*s: the Parquet footer is larger than %lld bytes",
                         STR_FMT(name), (long long)LIMIT_PARQUET_FOOTER_BYTES);
    *ret_at = bytes - TAIL_BYTES - len;
    *ret_len = (size_t)len;
    return NULL;
}

FALLIBLE parquet_open(struct arena *arena, int at_fd, struct str path, struct parquet *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat seen = {0};
    int64_t at = 0;
    size_t len = 0;
    TRY(file_open_seen(at_fd, str_terminate(&scratch, path), &fd, &seen));
    TRY(find_footer(fd_number(fd), path, seen.size_bytes, &at, &len));
    char *footer = arena_alloc(&scratch, len);
    TRY(read_at(fd_number(fd), path, footer, len, at));
    TRY(parquet_parse(arena, path, (struct str){footer, len}, ret));
    ret->byte_count = (uint64_t)seen.size_bytes;
    return NULL;
}

static struct column_profile column_profile_of(const struct parquet *parquet,
                                               const struct parquet_column *from)
{
    bool has_numbers =
        from->has_bounds && from->has_numbers && isfinite(from->min) && isfinite(from->max);
    uint64_t count = parquet->row_count - from->null_count;
    return (struct column_profile){
        .name = from->name,
        .type = from->type,
        .count = count,
        .null_count = from->null_count,
        .has_numbers = has_numbers,
        .number_count = has_numbers ? count : 0,
        .min = has_numbers ? from->min : (double)NAN,
        .max = has_numbers ? from->max : (double)NAN,
        .mean = (double)NAN,
        .sd = (double)NAN,
    };
}

void parquet_profile(struct arena *arena, const struct parquet *parquet, struct profile *ret)
{
    struct column_profile *columns =
        arena_new_array(arena, struct column_profile, parquet->column_count);
    for (size_t i = 0; i < parquet->column_count; i++)
        columns[i] = column_profile_of(parquet, &parquet->columns[i]);
    *ret = (struct profile){
        .record_count = parquet->row_count,
        .byte_count = parquet->byte_count,
        .columns = columns,
        .column_count = parquet->column_count,
    };
}
