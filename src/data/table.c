/* Opening a table and telling what is known of it. */
#include "mlops/data/table.h"

#include "mlops/base/check.h"
#include "mlops/host/machine.h"

#include <stdlib.h>

#include "table_private.h"

static enum table_format format_of(const struct dialect *dialect, struct str path)
{
    return dialect->format == TABLE_UNKNOWN ? dialect_for(path).format : dialect->format;
}

static FALLIBLE check_format(const struct table_reader *table)
{
    switch (table->options.dialect.format) {
    case TABLE_CSV:
    case TABLE_JSON_LINES:
    case TABLE_JSON:
        return NULL;
    case TABLE_PARQUET:
        return error_new(ERROR_PROJECT, "'%s': the values of Parquet files are not read",
                         table->name);
    case TABLE_UNKNOWN:
        break;
    }
    return error_hint(
        error_new(ERROR_PROJECT, "the name of '%s' does not tell its format", table->name),
        "end it in .csv, .tsv, .jsonl, .json or .parquet, and .gz or .zst behind it if it is "
        "compressed; or write the format, such as {\"format\": \"csv\"}, into a dialect");
}

static void choose_sizes(struct table_reader *table)
{
    const struct table_options *options = &table->options;
    int threads = options->threads > 0 ? options->threads : machine_cpus();
    table->worker_count = (size_t)MIN_OF((int64_t)threads, LIMIT_TABLE_THREADS);
    table->slot_count = table->worker_count == 1 ? 1 : 2 * table->worker_count;
    table->batch_bytes = options->batch_bytes > 0
                             ? (size_t)MIN_OF(options->batch_bytes, LIMIT_RECORD_BYTES)
                             : TABLE_BATCH_BYTES;
    table->wanted_bytes = table->batch_bytes;
}

static FALLIBLE open_it(struct table_reader *table, int at_fd, const char *path)
{
    table->form = csv_form_of(&table->options);
    table->line_end = str_is(table->form.terminator, "\r") ? '\r' : '\n';
    TRY(source_open(at_fd, path, &table->options, &table->source));
    TRY(check_format(table)); /* of a file that is there */
    if (source_total_bytes(table->source) == 0)
        return error_at((struct mark){.file = table->name}, (struct str){0}, "the file is empty");
    TRY(table_read_head(table));
    table->next_index = 0;
    table->slots = memory_grow(NULL, table->slot_count * sizeof *table->slots);
    memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    return NULL;
}

FALLIBLE table_open(struct arena *arena, int at_fd, struct str path,
                    const struct table_options *options, struct table_reader **ret)
{
    AUTO(table_drop) struct table_reader *table = memory_grow(NULL, sizeof *table);
    *table = (struct table_reader){
        .arena = arena,
        .options = *options,
        .name = str_terminate(arena, options->name.len ? options->name : path),
        .next_row = 1,
        .next_line = 1,
    };
    table->options.dialect.format = format_of(&options->dialect, path);
    choose_sizes(table);
    TRY(open_it(table, at_fd, str_terminate(arena, path)));
    *ret = table;
    table = NULL;
    return NULL;
}

FALLIBLE table_peek(struct arena *arena, int at_fd, struct str path,
                    const struct table_options *options, size_t most, struct str *ret)
{
    AUTO(source_drop) struct table_source *source = NULL;
    char *bytes = arena_alloc(arena, most);
    size_t len = 0, got = 1;
    TRY(source_open(at_fd, str_terminate(arena, path), options, &source));
    for (; got && len < most; len += got)
        TRY(source_read(source, bytes + len, most - len, &got));
    *ret = (struct str){bytes, len};
    return NULL;
}

void table_drop(struct table_reader **place)
{
    struct table_reader *table = *place;
    if (!table)
        return;
    for (size_t i = 0; table->slots && i < table->slot_count; i++)
        slot_drop(&table->slots[i]);
    error_drop(table->fault);
    source_drop(&table->source);
    buf_drop(&table->carry);
    free(table->slots);
    free(table);
    *place = NULL;
}

const struct str *table_labels(const struct table_reader *table, size_t *ret_count)
{
    *ret_count = table->column_count;
    return table->labels;
}

bool table_has_labels(const struct table_reader *table)
{
    return table->has_labels;
}

struct str table_name(const struct table_reader *table)
{
    return str_of(table->name);
}

uint64_t table_header_row(const struct table_reader *table)
{
    return table->header_row;
}

size_t table_slots(const struct table_reader *table)
{
    return table->slot_count;
}

size_t table_workers(const struct table_reader *table)
{
    return table->worker_count;
}

uint64_t table_record_count(const struct table_reader *table)
{
    return table->record_count;
}

uint64_t table_byte_count(const struct table_reader *table)
{
    return source_done_bytes(table->source);
}

FALLIBLE table_digest(const struct table_reader *table, struct digest *ret)
{
    check(table->options.takes_digest && table->is_over);
    *ret = table->digest;
    return NULL;
}
