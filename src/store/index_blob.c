#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/vec.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "index_private.h"

enum { BLOB_MAGIC = 0x6d6c6978 };

struct blob_head {
    uint32_t magic;
    uint32_t count;
    uint64_t names_len;
    uint64_t sum; /* of all that follows */
    uint64_t zero;
};

_Static_assert(sizeof(struct blob_head) == 32, "the layout is a format");

uint64_t index_sum(struct str bytes)
{
    uint64_t sum = bytes.len;
    for (size_t at = 0; at < bytes.len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes.at + at, bytes.len - at >= 8 ? 8 : bytes.len - at);
        sum = (sum ^ le64toh(word)) * 0x9FB21C651E98DF25U;
        sum ^= sum >> 32;
    }
    return sum;
}

bool index_directory_decode(struct str blob, struct index_directory *directory)
{
    struct blob_head head;
    if (blob.len < sizeof head)
        return false;
    memcpy(&head, blob.at, sizeof head);
    if (head.magic != BLOB_MAGIC || head.count > (uint64_t)LIMIT_TREE_ENTRIES)
        return false;
    size_t records_len = head.count * sizeof(struct index_record);
    struct str body = str_slice(blob, sizeof head, blob.len);
    if (body.len < records_len || body.len - records_len != head.names_len)
        return false;
    if (head.sum != index_sum(body))
        return false;
    const struct index_record *records = (const void *)body.at;
    for (size_t i = 0; i < head.count; i++)
        if ((uint64_t)records[i].name_at + records[i].name_len > head.names_len)
            return false;
    directory->records = records;
    directory->names = body.at + records_len;
    directory->count = head.count;
    return true;
}

static struct str name_of(const struct index_directory *directory, size_t i)
{
    const struct index_record *record = &directory->records[i];
    return (struct str){directory->names + record->name_at, record->name_len};
}

/* Index of the first record whose name is not below `name`. */
static size_t lower_bound(const struct index_directory *directory, struct str name)
{
    size_t low = 0, high = directory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(name_of(directory, middle), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct index_record *index_directory_find(struct index_directory *directory, struct str name)
{
    const struct index_change *change =
        directory->changes.len ? map_get(&directory->changes, name) : NULL;
    if (change)
        return change->is_gone ? NULL : &change->record;
    size_t at = directory->cursor;
    if (at >= directory->count || !str_equal(name_of(directory, at), name))
        at = lower_bound(directory, name);
    if (at == directory->count || !str_equal(name_of(directory, at), name))
        return NULL;
    directory->cursor = at + 1;
    return &directory->records[at];
}

static int compare_entries(const void *a, const void *b)
{
    const struct map_entry *const *left = a;
    const struct map_entry *const *right = b;
    return str_compare((*left)->key, (*right)->key);
}

/* Changes come mostly in order: of a restored directory all of them. */
static void sort_changes(const struct map_entry **changes, size_t count)
{
    size_t in_order = 1;
    while (in_order < count && compare_entries(&changes[in_order - 1], &changes[in_order]) < 0)
        in_order++;
    if (in_order < count)
        qsort(changes, count, sizeof *changes, compare_entries);
}

/* The blob under construction. */
struct writer {
    struct buf records, names;
    uint32_t count;
};

static void writer_drop(struct writer *writer)
{
    buf_drop(&writer->records);
    buf_drop(&writer->names);
}

static void write_record(struct writer *writer, struct str name, const struct index_record *from)
{
    struct index_record record = *from;
    record.name_at = (uint32_t)writer->names.len;
    record.name_len = (uint32_t)name.len;
    buf_add(&writer->records, &record, sizeof record);
    buf_add_str(&writer->names, name);
    writer->count++;
}

static void write_change(struct writer *writer, const struct map_entry *entry)
{
    const struct index_change *change = entry->value;
    if (!change->is_gone)
        write_record(writer, entry->key, &change->record);
}

/* Records and changes are both sorted; where both speak of a name, the change wins. */
static void write_merged(struct writer *writer, const struct index_directory *directory,
                         const struct map_entry *const *changes)
{
    size_t old = 0, new = 0;
    while (old < directory->count || new < directory->changes.len) {
        int order = new == directory->changes.len ? -1
                    : old == directory->count
                        ? 1
                        : str_compare(name_of(directory, old), changes[new]->key);
        if (order < 0)
            write_record(writer, name_of(directory, old), &directory->records[old]);
        else
            write_change(writer, changes[new]);
        old += order <= 0;
        new += order >= 0;
    }
}

bool index_directory_encode(struct index_directory *directory, struct buf *out)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(writer_drop) struct writer writer = {0};
    size_t change_count = 0;
    const struct map_entry **changes =
        arena_new_array(&scratch, const struct map_entry *, directory->changes.len);
    map_each (entry, &directory->changes)
        changes[change_count++] = entry;
    sort_changes(changes, change_count);
    write_merged(&writer, directory, changes);
    struct blob_head head = {BLOB_MAGIC, writer.count, writer.names.len, 0, 0};
    buf_clear(out);
    buf_add(out, &head, sizeof head);
    buf_add_str(out, buf_str(&writer.records));
    buf_add_str(out, buf_str(&writer.names));
    head.sum = index_sum(str_slice(buf_str(out), sizeof head, out->len));
    memcpy(out->at, &head, sizeof head);
    return writer.count > 0;
}
