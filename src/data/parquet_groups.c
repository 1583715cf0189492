/* Row groups: what their statistics say together. */
#include "parquet_private.h"

struct statistics {
    bool has_null_count, has_max, has_min, has_old_max, has_old_min;
    int64_t null_count;
    struct str max, min, old_max, old_min;
};

static void read_statistics(struct thrift *in, enum thrift_type type, struct statistics *ret)
{
    struct thrift_field field = {0};
    if (!thrift_is_struct(in, type))
        return;
    while (thrift_next(in, &field)) {
        if (field.id == 1 && (ret->has_old_max = true))
            ret->old_max = thrift_binary(in, field.type);
        else if (field.id == 2 && (ret->has_old_min = true))
            ret->old_min = thrift_binary(in, field.type);
        else if (field.id == 3 && (ret->has_null_count = true))
            ret->null_count = thrift_int(in, field.type);
        else if (field.id == 5 && (ret->has_max = true))
            ret->max = thrift_binary(in, field.type);
        else if (field.id == 6 && (ret->has_min = true))
            ret->min = thrift_binary(in, field.type);
        else
            thrift_skip(in, field.type);
    }
}

/* Old writers compared all values as signed: their bounds hold for numbers with a sign. */
static bool is_old_order_right(const struct parquet_kind *kind)
{
    return kind->is_signed && kind->physical != PHYSICAL_BYTES &&
           kind->physical != PHYSICAL_FIXED && kind->physical != PHYSICAL_INT96;
}

static bool find_bounds(const struct parquet_reader *reader, const struct parquet_leaf *leaf,
                        const struct statistics *from, struct str *ret_min, struct str *ret_max)
{
    int order = 0;
    if (reader->has_orders && from->has_min && from->has_max) {
        *ret_min = from->min;
        *ret_max = from->max;
    } else if (from->has_old_min && from->has_old_max && is_old_order_right(&leaf->kind)) {
        *ret_min = from->old_min;
        *ret_max = from->old_max;
    } else {
        return false;
    }
    return parquet_compare(&leaf->kind, *ret_min, *ret_max, &order) && order <= 0;
}

static void widen(struct parquet_leaf *leaf, struct str min, struct str max)
{
    int order = 0;
    if (!leaf->has_bounds) {
        leaf->min = min;
        leaf->max = max;
        leaf->has_bounds = true;
        return;
    }
    if (parquet_compare(&leaf->kind, min, leaf->min, &order) && order < 0)
        leaf->min = min;
    if (parquet_compare(&leaf->kind, max, leaf->max, &order) && order > 0)
        leaf->max = max;
}

struct chunk {
    int64_t value_count;
    bool has_meta;
    struct statistics statistics;
};

static void read_meta(struct thrift *in, enum thrift_type type, struct chunk *chunk)
{
    struct thrift_field field = {0};
    if (!thrift_is_struct(in, type))
        return;
    chunk->has_meta = true;
    while (thrift_next(in, &field)) {
        if (field.id == 5)
            chunk->value_count = thrift_int(in, field.type);
        else if (field.id == 12)
            read_statistics(in, field.type, &chunk->statistics);
        else
            thrift_skip(in, field.type);
    }
}

static void add_chunk(const struct parquet_reader *reader, struct parquet_leaf *leaf,
                      const struct chunk *chunk)
{
    const struct statistics *from = &chunk->statistics;
    struct str min, max;
    bool is_sound =
        from->has_null_count && from->null_count >= 0 && from->null_count <= chunk->value_count;
    if (chunk->has_meta && chunk->value_count == 0)
        return;
    if (is_sound)
        leaf->null_count += (uint64_t)from->null_count;
    else
        leaf->lacks_nulls = true;
    if (is_sound && from->null_count == chunk->value_count)
        return; /* nothing but nulls */
    if (find_bounds(reader, leaf, from, &min, &max))
        widen(leaf, min, max);
    else
        leaf->lacks_bounds = true;
}

static void read_chunks(struct parquet_reader *reader, enum thrift_type type)
{
    struct thrift *in = &reader->in;
    enum thrift_type element;
    size_t count = thrift_list(in, type, &element);
    if (in->fault)
        return;
    if (count != reader->leaves.len)
        thrift_fail(in, "a row group has other columns than the schema");
    for (size_t i = 0; i < count && !in->fault && thrift_is_struct(in, element); i++) {
        struct thrift_field field = {0};
        struct chunk chunk = {0};
        while (thrift_next(in, &field)) {
            if (field.id == 3)
                read_meta(in, field.type, &chunk);
            else
                thrift_skip(in, field.type);
        }
        if (!in->fault)
            add_chunk(reader, &reader->leaves.at[i], &chunk);
    }
}

void parquet_read_groups(struct parquet_reader *reader, enum thrift_type type)
{
    struct thrift *in = &reader->in;
    enum thrift_type element;
    size_t count = thrift_list(in, type, &element);
    for (size_t i = 0; i < count && !in->fault && thrift_is_struct(in, element); i++) {
        struct thrift_field field = {0};
        bool has_columns = false;
        while (thrift_next(in, &field)) {
            if (field.id == 1 && !has_columns) {
                read_chunks(reader, field.type);
                has_columns = true;
            } else {
                thrift_skip(in, field.type);
            }
        }
        if (!has_columns && reader->leaves.len)
            thrift_fail(in, "a row group lacks its columns");
        reader->group_count++;
    }
}
