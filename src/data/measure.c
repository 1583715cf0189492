#include "mlops/data/measure.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <stdlib.h>

/* What one thread needs for itself. */
struct worker {
    struct column_room *room;
    struct buf key; /* a row as it is marked */
};

/* Marks of the rows of one batch, as many as there are records, for each set asked for. */
struct slot {
    struct key_entry *marks;
    size_t cap;
};

/* The columns that mark a row. */
struct marked_columns {
    size_t *columns;
    size_t count;
};

struct measuring {
    struct arena *arena;
    const struct measure_options *options;
    struct table_reader *table;
    struct profiler *profiler;   /* NULL: none */
    struct conformer *conformer; /* NULL: nothing is looked at */
    struct keyset **rows;
    struct marked_columns *marked; /* per set */
    struct worker *workers;
    size_t worker_count;
    struct slot *slots;
    size_t slot_count;
    uint64_t short_count, long_count;
};

static void measuring_drop(struct measuring *measuring)
{
    for (size_t i = 0; i < measuring->worker_count; i++) {
        column_room_drop(&measuring->workers[i].room);
        buf_drop(&measuring->workers[i].key);
    }
    for (size_t i = 0; i < measuring->slot_count; i++)
        free(measuring->slots[i].marks);
    for (size_t i = 0; measuring->rows && i < measuring->options->rows_count; i++)
        keyset_drop(&measuring->rows[i]);
    conformer_drop(&measuring->conformer);
    profiler_drop(&measuring->profiler);
    table_drop(&measuring->table);
}

static bool is_listed(const struct text_list *list, struct str name)
{
    for (size_t i = 0; i < list->len; i++) {
        if (str_equal(list->at[i], name))
            return true;
    }
    return false;
}

static FALLIBLE check_names(const struct measuring *measuring, const struct text_list *names)
{
    size_t count = 0;
    const struct str *labels = table_labels(measuring->table, &count);
    const struct text_list all = {labels, count};
    for (size_t i = 0; i < names->len; i++) {
        if (!is_listed(&all, names->at[i]))
            return error_new(ERROR_PROJECT, "%.*s has no column '%.*s'",
                             STR_FMT(table_name(measuring->table)), STR_FMT(names->at[i]));
    }
    return NULL;
}

struct named_column {
    struct str name;
    size_t index;
};

static int compare_columns(const void *a, const void *b)
{
    const struct named_column *left = a, *right = b;
    return str_compare(left->name, right->name);
}

/* Its columns by name: two tables with the same columns in another order have the same rows. */
static FALLIBLE choose_columns(struct measuring *measuring, const struct measure_rows *rows,
                               struct marked_columns *ret)
{
    size_t count = 0;
    const struct str *labels = table_labels(measuring->table, &count);
    TRY(check_names(measuring, &rows->only));
    struct named_column *columns = arena_new_array(measuring->arena, struct named_column, count);
    size_t chosen = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_chosen = rows->only.len ? is_listed(&rows->only, labels[i])
                                        : !is_listed(&rows->except, labels[i]);
        if (is_chosen)
            columns[chosen++] = (struct named_column){labels[i], i};
    }
    if (chosen > 1)
        qsort(columns, chosen, sizeof *columns, compare_columns);
    ret->columns = arena_new_array(measuring->arena, size_t, chosen);
    ret->count = chosen;
    for (size_t i = 0; i < chosen; i++)
        ret->columns[i] = columns[i].index;
    return NULL;
}

static FALLIBLE open_row_sets(struct measuring *measuring)
{
    const struct measure_options *options = measuring->options;
    measuring->rows = arena_new_array(measuring->arena, struct keyset *, options->rows_count);
    measuring->marked =
        arena_new_array(measuring->arena, struct marked_columns, options->rows_count);
    for (size_t i = 0; i < options->rows_count; i++) {
        TRY(choose_columns(measuring, &options->rows[i], &measuring->marked[i]));
        TRY(keyset_open(&options->keys, &measuring->rows[i]));
    }
    return NULL;
}

static FALLIBLE open_profiler(struct measuring *measuring)
{
    size_t count = 0;
    const struct str *labels = table_labels(measuring->table, &count);
    enum field_type *types = NULL;
    if (measuring->options->schema) {
        types = arena_new_array(measuring->arena, enum field_type, count);
        for (size_t i = 0; i < count; i++) {
            const struct schema_field *field = conformer_field(measuring->conformer, i);
            types[i] = field ? field->type : TYPE_COUNT;
        }
    }
    struct profiler_options options = {
        .names = labels,
        .column_count = count,
        .types = types,
        .workers = table_workers(measuring->table),
        .slots = table_slots(measuring->table),
    };
    return profiler_open(&options, &measuring->profiler);
}

static FALLIBLE open_conformer(struct measuring *measuring, int at_fd, struct str path)
{
    static const struct table_schema no_fields = {.match = MATCH_SUBSET};
    const struct measure_options *options = measuring->options;
    struct conform_options conform = {
        .schema = options->schema ? options->schema : &no_fields,
        .is_form_only = !options->schema,
        .table = measuring->table,
        .resources = options->resources,
        .resource_count = options->resource_count,
        .keeps_all = options->keeps_all,
        .keys = options->keys,
        .at_fd = at_fd,
        .path = path,
        .again = &options->table,
    };
    return conformer_open(measuring->arena, &conform, &measuring->conformer);
}

static FALLIBLE check_columns(const struct measuring *measuring)
{
    size_t count = 0, most = measuring->options->columns_most;
    const struct table_reader *table = measuring->table;
    table_labels(table, &count);
    if (!most || count <= most)
        return NULL;
    struct mark mark = {.file = str_terminate(measuring->arena, table_name(table)),
                        .line = (int)table_header_row(table)};
    return error_at(mark, (struct str){0}, "it has %zu columns; the limit of a stage is %zu", count,
                    most);
}

static FALLIBLE open_memory(struct measuring *measuring)
{
    size_t workers = table_workers(measuring->table), slots = table_slots(measuring->table);
    measuring->workers = arena_new_array(measuring->arena, struct worker, workers);
    measuring->slots = arena_new_array(measuring->arena, struct slot, slots);
    measuring->slot_count = slots;
    for (; measuring->worker_count < workers; measuring->worker_count++)
        TRY(column_room_open(&measuring->workers[measuring->worker_count].room));
    return NULL;
}

static FALLIBLE visit_column(struct measuring *measuring, size_t worker, size_t slot,
                             const struct record_batch *batch, size_t column)
{
    struct column_room *room = measuring->workers[worker].room;
    struct column_data data = {0};
    const struct caster *caster =
        measuring->conformer ? conformer_caster(measuring->conformer, column) : NULL;
    if (caster)
        cast_column(caster, batch, column, room, &data);
    else if (!measuring->profiler)
        return NULL;
    else
        classify_column(batch, column, profiler_hint(measuring->profiler, worker, column), room,
                        &data);
    if (caster)
        TRY(conformer_visit_column(measuring->conformer, worker, slot, batch, column, &data));
    if (measuring->profiler)
        TRY(profiler_visit(measuring->profiler, worker, slot, batch, column, &data));
    return NULL;
}

/* Cells in order of the columns' names, each with its length in front; one that is not there is
 * none that is empty. */
static struct key_mark mark_of(const struct marked_columns *marked,
                               const struct record_batch *batch, size_t record, struct buf *key)
{
    key->len = 0;
    for (size_t i = 0; i < marked->count; i++) {
        const struct raw_cell *cell = batch_cell(batch, record, marked->columns[i]);
        bool is_absent = cell->kind == RAW_MISSING || cell->kind == RAW_NULL;
        uint32_t head = is_absent ? UINT32_MAX : cell->len;
        buf_add(key, &head, sizeof head);
        buf_add_str(key, raw_text(batch, cell));
    }
    return key_mark_of(key->at, key->len);
}

static void mark_rows(struct measuring *measuring, size_t worker, size_t slot,
                      const struct record_batch *batch)
{
    size_t count = batch->record_count * measuring->options->rows_count;
    struct slot *at = &measuring->slots[slot];
    if (count > at->cap) {
        at->marks = memory_grow(at->marks, count * sizeof *at->marks);
        at->cap = count;
    }
    for (size_t i = 0; i < measuring->options->rows_count; i++) {
        struct key_entry *marks = at->marks + i * batch->record_count;
        for (size_t r = 0; r < batch->record_count; r++)
            marks[r] = (struct key_entry){
                mark_of(&measuring->marked[i], batch, r, &measuring->workers[worker].key),
                batch_row(batch, r)};
    }
}

static FALLIBLE visit(void *context, size_t worker, size_t slot, const struct record_batch *batch)
{
    struct measuring *measuring = context;
    for (size_t i = 0; i < batch->column_count; i++)
        TRY(visit_column(measuring, worker, slot, batch, i));
    if (measuring->conformer)
        TRY(conformer_visit_rows(measuring->conformer, worker, slot, batch));
    mark_rows(measuring, worker, slot, batch);
    return NULL;
}

static void count_odd(struct measuring *measuring, const struct record_batch *batch)
{
    for (size_t i = 0; i < batch->odd_count; i++) {
        size_t cells = batch->odd[i].cell_count;
        measuring->short_count += cells && cells < batch->column_count;
        measuring->long_count += cells > batch->column_count;
    }
}

static FALLIBLE commit(void *context, size_t slot, const struct record_batch *batch)
{
    struct measuring *measuring = context;
    count_odd(measuring, batch);
    if (measuring->profiler)
        TRY(profiler_commit(measuring->profiler, slot, batch));
    if (measuring->conformer)
        TRY(conformer_commit(measuring->conformer, slot, batch));
    for (size_t i = 0; i < measuring->options->rows_count; i++)
        TRY(keyset_add(measuring->rows[i], measuring->slots[slot].marks + i * batch->record_count,
                       batch->record_count));
    return NULL;
}

static FALLIBLE finish(struct measuring *measuring, struct measured *ret)
{
    struct arena *arena = measuring->arena;
    if (measuring->profiler)
        TRY(profiler_finish(measuring->profiler, arena, &ret->profile));
    if (measuring->conformer)
        TRY(conformer_finish(measuring->conformer, arena, &ret->conformity));
    for (size_t i = 0; i < measuring->options->rows_count; i++)
        TRY(keyset_finish(measuring->rows[i]));
    ret->has_conformity = measuring->conformer;
    ret->profile.record_count = table_record_count(measuring->table);
    ret->profile.byte_count = table_byte_count(measuring->table);
    ret->profile.short_count = measuring->short_count;
    ret->profile.long_count = measuring->long_count;
    if (measuring->options->table.takes_digest)
        TRY(table_digest(measuring->table, &ret->profile.digest));
    ret->rows = measuring->rows;
    ret->rows_count = measuring->options->rows_count;
    measuring->rows = NULL;
    return NULL;
}

FALLIBLE measure_table(struct arena *arena, int at_fd, struct str path,
                       const struct measure_options *options, struct measured *ret)
{
    AUTO(measuring_drop) struct measuring measuring = {.arena = arena, .options = options};
    const struct table_visitor visitor = {.context = &measuring, .visit = visit, .commit = commit};
    *ret = (struct measured){0};
    TRY(table_open(arena, at_fd, path, &options->table, &measuring.table));
    TRY(check_columns(&measuring));
    if (options->schema || options->checks_form)
        TRY(open_conformer(&measuring, at_fd, path));
    if (!options->no_profile)
        TRY(open_profiler(&measuring));
    TRY(open_row_sets(&measuring));
    TRY(open_memory(&measuring));
    TRY(table_scan(measuring.table, &visitor));
    return finish(&measuring, ret);
}

void measured_drop(struct measured *measured)
{
    for (size_t i = 0; i < measured->rows_count; i++)
        keyset_drop(&measured->rows[i]);
    *measured = (struct measured){0};
}
