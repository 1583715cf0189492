#include "mlops/base/check.h"

#include <stdlib.h>

#include "conform_private.h"

/* Another table, read for the keys that ours refers to. */
struct resource_scan {
    struct arena arena;
    const struct conform_resource *resource;
    const struct foreign_key *key;
    struct table_reader *table;
    size_t *columns;
    struct caster **casters;
    struct column_room **rooms; /* one per worker and field of the key */
    struct column_data *data;   /* likewise */
    size_t room_count;
    struct key_text *texts;     /* per worker */
    struct key_entry **entries; /* per slot */
    size_t *counts, *caps;
    size_t workers, slots;
    struct keyset *set;
};

static void scan_drop(struct resource_scan *scan)
{
    for (size_t i = 0; scan->casters && i < scan->key->foreign.len; i++)
        caster_drop(&scan->casters[i]);
    for (size_t i = 0; i < scan->room_count; i++)
        column_room_drop(&scan->rooms[i]);
    for (size_t i = 0; i < scan->workers; i++) {
        buf_drop(&scan->texts[i].out);
    }
    for (size_t i = 0; i < scan->slots; i++)
        free(scan->entries[i]);
    table_drop(&scan->table);
    keyset_drop(&scan->set);
    arena_drop(&scan->arena);
}

static FALLIBLE find_resource(const struct conformer *conformer, const struct foreign_key *key,
                              const struct conform_resource **ret)
{
    const struct conform_options *options = &conformer->options;
    for (size_t i = 0; i < options->resource_count; i++) {
        *ret = &options->resources[i];
        if (str_equal(options->resources[i].name, key->resource))
            return NULL;
    }
    return error_hint(error_new(ERROR_PROJECT,
                                "%.*s: a foreign key names the resource '%.*s', which is not given",
                                STR_FMT(options->schema->name), STR_FMT(key->resource)),
                      "name its file and schema: --resource %.*s=FILE:SCHEMA",
                      STR_FMT(key->resource));
}

/* The column of a field there: by its label, else by the position of the field in the schema. */
static FALLIBLE find_column(struct resource_scan *scan, size_t at)
{
    const struct table_schema *schema = scan->resource->schema;
    struct str name = scan->key->foreign.at[at];
    size_t count = 0;
    const struct str *labels = table_labels(scan->table, &count);
    ptrdiff_t field = schema ? tableschema_find(schema, name) : -1;
    if (schema && field < 0)
        return error_new(ERROR_PROJECT, "%.*s: there is no field '%.*s', which a foreign key names",
                         STR_FMT(schema->name), STR_FMT(name));
    for (size_t i = 0; i < count; i++) {
        scan->columns[at] = i;
        if (str_equal(str_trim(labels[i]), name))
            return NULL;
    }
    scan->columns[at] = (size_t)field;
    if (field < 0 || (size_t)field >= count || schema->match != MATCH_EXACT)
        return error_new(ERROR_PROJECT,
                         "%.*s: there is no column '%.*s', which a foreign key names",
                         STR_FMT(table_name(scan->table)), STR_FMT(name));
    return NULL;
}

static FALLIBLE open_caster(const struct conformer *conformer, struct resource_scan *scan,
                            size_t at)
{
    const struct table_schema *schema = scan->resource->schema;
    const struct table_schema *own = conformer->options.schema;
    const struct schema_field *field =
        schema ? &schema->fields[tableschema_find(schema, scan->key->foreign.at[at])]
               : &own->fields[scan->key->own.fields[at]];
    return caster_open(&scan->arena, schema ? schema : own, field, &scan->casters[at]);
}

static FALLIBLE open_memory(struct resource_scan *scan)
{
    size_t len = scan->key->foreign.len;
    size_t workers = table_workers(scan->table), slots = table_slots(scan->table);
    scan->rooms = arena_new_array(&scan->arena, struct column_room *, len * workers);
    scan->data = arena_new_array(&scan->arena, struct column_data, len * workers);
    scan->texts = arena_new_array(&scan->arena, struct key_text, workers);
    scan->entries = arena_new_array(&scan->arena, struct key_entry *, slots);
    scan->counts = arena_new_array(&scan->arena, size_t, slots);
    scan->caps = arena_new_array(&scan->arena, size_t, slots);
    scan->workers = workers;
    scan->slots = slots;
    for (; scan->room_count < len * workers; scan->room_count++)
        TRY(column_room_open(&scan->rooms[scan->room_count]));
    return NULL;
}

static FALLIBLE scan_open(const struct conformer *conformer, struct resource_scan *scan)
{
    struct table_options options = scan->resource->options;
    size_t len = scan->key->foreign.len;
    options.takes_digest = false;
    TRY(table_open(&scan->arena, conformer->options.at_fd, scan->resource->path, &options,
                   &scan->table));
    scan->columns = arena_new_array(&scan->arena, size_t, len);
    scan->casters = arena_new_array(&scan->arena, struct caster *, len);
    for (size_t i = 0; i < len; i++) {
        TRY(find_column(scan, i));
        TRY(open_caster(conformer, scan, i));
    }
    return open_memory(scan);
}

static void grow_entries(struct resource_scan *scan, size_t slot, size_t count)
{
    if (count <= scan->caps[slot])
        return;
    scan->caps[slot] = count;
    scan->entries[slot] = memory_grow(scan->entries[slot], count * sizeof(struct key_entry));
}

static bool encode_row(struct resource_scan *scan, size_t worker, const struct record_batch *batch,
                       size_t record)
{
    struct key_text *text = &scan->texts[worker];
    size_t len = scan->key->foreign.len;
    key_begin(text, len);
    for (size_t i = 0; i < len; i++)
        key_add(text, scan->casters[i], batch, batch_cell(batch, record, scan->columns[i]),
                scan->data[worker * len + i].states[record]);
    return key_is_compared(text, KEY_TARGET);
}

static FALLIBLE visit(void *context, size_t worker, size_t slot, const struct record_batch *batch)
{
    struct resource_scan *scan = context;
    size_t len = scan->key->foreign.len, count = 0;
    grow_entries(scan, slot, batch->record_count);
    for (size_t i = 0; i < len; i++)
        cast_column(scan->casters[i], batch, scan->columns[i], scan->rooms[worker * len + i],
                    &scan->data[worker * len + i]);
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct buf *out = &scan->texts[worker].out;
        if (encode_row(scan, worker, batch, i))
            scan->entries[slot][count++] =
                (struct key_entry){key_mark_of(out->at, out->len), batch_row(batch, i)};
    }
    scan->counts[slot] = count;
    return NULL;
}

static FALLIBLE commit(void *context, size_t slot, const struct record_batch *batch)
{
    struct resource_scan *scan = context;
    (void)batch;
    return keyset_add(scan->set, scan->entries[slot], scan->counts[slot]);
}

FALLIBLE resource_keys(struct conformer *conformer, const struct foreign_key *key,
                       const struct keyset_options *options, struct keyset **ret)
{
    AUTO(scan_drop) struct resource_scan scan = {.key = key};
    const struct table_visitor visitor = {.context = &scan, .visit = visit, .commit = commit};
    TRY(find_resource(conformer, key, &scan.resource));
    TRY_WITHIN(scan_open(conformer, &scan), "resource '%.*s'", STR_FMT(key->resource));
    TRY(keyset_open(options, &scan.set));
    TRY_WITHIN(table_scan(scan.table, &visitor), "resource '%.*s'", STR_FMT(key->resource));
    TRY(keyset_finish(scan.set));
    *ret = scan.set;
    scan.set = NULL;
    return NULL;
}
