/* Batches of a table into growing arrays, every cell checked. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"

#include <math.h>

#include "predictions_private.h"

/* A fault of one cell, with its place. */
static ERROR_MADE cell_error(const struct predictions_reader *reader,
                             const struct record_batch *batch, size_t record, size_t column,
                             const char *what)
{
    size_t count = 0;
    struct str name = table_labels(reader->table, &count)[column];
    struct mark mark = {
        .file = str_terminate(reader->arena, table_name(reader->table)),
        .line = (int)MIN_OF(batch_line(batch, record), (uint64_t)INT32_MAX),
    };
    return error_at(mark, (struct str){0}, "row %llu, column '%.*s': %s",
                    (unsigned long long)batch_row(batch, record), STR_FMT(str_slice(name, 0, 64)),
                    what);
}

static struct str text_of(const struct record_batch *batch, size_t record, size_t column)
{
    const struct raw_cell *cell = batch_cell(batch, record, column);
    switch ((enum raw_kind)cell->kind) {
    case RAW_TRUE:
        return STR("true");
    case RAW_FALSE:
        return STR("false");
    case RAW_MISSING:
    case RAW_NULL:
        return (struct str){0};
    case RAW_TEXT:
    case RAW_NUMBER:
    case RAW_ARRAY:
    case RAW_OBJECT:
        break;
    }
    return str_trim(raw_text(batch, cell));
}

static ERROR_MADE bad_cell(const struct predictions_reader *reader,
                           const struct record_batch *batch, size_t record, size_t column,
                           const char *is_no)
{
    struct str text = text_of(batch, record, column);
    if (!text.len)
        return cell_error(reader, batch, record, column, "the cell is empty");
    struct str what =
        str_print(reader->arena, "'%.*s' is %s", STR_FMT(str_slice(text, 0, 64)), is_no);
    return cell_error(reader, batch, record, column, what.at);
}

/* --- numbers --- */

static FALLIBLE read_number(const struct predictions_reader *reader,
                            const struct record_batch *batch, size_t record, size_t column,
                            double *value)
{
    if (isfinite(*value))
        return NULL;
    struct str text = text_of(batch, record, column);
    if (predictions_number(text, value))
        return NULL;
    double number;
    bool is_infinite = cast_text(reader->number, text, &number) == VALUE_VALID;
    return bad_cell(reader, batch, record, column, is_infinite ? "no finite number" : "no number");
}

/* Appends a number per record. */
static FALLIBLE read_numbers(struct predictions_reader *reader, const struct record_batch *batch,
                             size_t column, struct buf *to)
{
    struct column_data data;
    cast_column(reader->number, batch, column, reader->room, &data);
    double *out = (double *)(void *)buf_reserve(to, reader->kept_count * sizeof(double));
    for (size_t i = 0; i < reader->kept_count; i++) {
        size_t record = reader->kept[i];
        double value = data.states[record] == VALUE_VALID ? data.numbers[record] : nan("");
        TRY(read_number(reader, batch, record, column, &value));
        out[i] = value;
    }
    to->len += reader->kept_count * sizeof(double);
    return NULL;
}

static FALLIBLE read_shares(struct predictions_reader *reader, const struct record_batch *batch)
{
    AUTO(buf_drop) struct buf column = {0};
    size_t classes = reader->at.share_count, rows = reader->kept_count;
    if ((reader->count + rows) * classes > (size_t)LIMIT_PREDICTION_CELLS)
        return error_new(ERROR_PROJECT, "%.*s has more than %lld probabilities",
                         STR_FMT(table_name(reader->table)), (long long)LIMIT_PREDICTION_CELLS);
    double *out = (double *)(void *)buf_reserve(&reader->shares, rows * classes * sizeof(double));
    for (size_t k = 0; k < classes; k++) {
        buf_clear(&column);
        TRY(read_numbers(reader, batch, reader->at.shares[k], &column));
        const double *from = (const double *)(const void *)column.at;
        for (size_t i = 0; i < rows; i++)
            out[i * classes + k] = from[i];
    }
    reader->shares.len += rows * classes * sizeof(double);
    return NULL;
}

static FALLIBLE read_weights(struct predictions_reader *reader, const struct record_batch *batch)
{
    size_t from = reader->weights.len;
    TRY(read_numbers(reader, batch, reader->at.weight, &reader->weights));
    const double *weights = (const double *)(const void *)(reader->weights.at + from);
    for (size_t i = 0; i < reader->kept_count; i++)
        if (weights[i] < 0)
            return bad_cell(reader, batch, reader->kept[i], reader->at.weight, "below 0");
    return NULL;
}

/* --- classes --- */

uint32_t class_text_number(struct arena *arena, struct class_texts *texts, struct str text,
                           bool *ret_is_new)
{
    uintptr_t known = (uintptr_t)map_get(&texts->numbers, text);
    *ret_is_new = !known;
    if (known)
        return (uint32_t)(known - 1);
    struct str own = str_copy(arena, text);
    *vec_push(arena, &texts->all) = (struct class_text){.text = own, .number = nan("")};
    map_put(arena, &texts->numbers, own, (void *)(uintptr_t)texts->all.len);
    return (uint32_t)(texts->all.len - 1);
}

static bool is_nan_word(struct str text)
{
    return text.len == 3 && (text.at[0] | 0x20) == 'n' && (text.at[1] | 0x20) == 'a' &&
           (text.at[2] | 0x20) == 'n';
}

static FALLIBLE read_class(struct predictions_reader *reader, const struct record_batch *batch,
                           size_t record, size_t column, uint32_t *ret)
{
    struct str text = text_of(batch, record, column);
    bool is_new;
    if (!text.len || is_nan_word(text))
        return bad_cell(reader, batch, record, column, "no label");
    *ret = class_text_number(reader->arena, &reader->classes, text, &is_new);
    if (!is_new)
        return NULL;
    size_t count = 0;
    struct class_text *new = &reader->classes.all.at[*ret];
    new->line = batch_line(batch, record);
    new->row = batch_row(batch, record);
    new->column = table_labels(reader->table, &count)[column];
    if (reader->classes.all.len <= (size_t)LIMIT_PREDICTION_CLASSES)
        return NULL;
    struct str what = str_print(reader->arena, "it is label %zu of at most %lld",
                                reader->classes.all.len, (long long)LIMIT_PREDICTION_CLASSES);
    return error_hint(cell_error(reader, batch, record, column, what.at),
                      "numbers that are no classes are the task 'regression'");
}

static FALLIBLE read_classes(struct predictions_reader *reader, const struct record_batch *batch,
                             size_t column, struct buf *to)
{
    for (size_t i = 0; i < reader->kept_count; i++) {
        uint32_t number = 0;
        TRY(read_class(reader, batch, reader->kept[i], column, &number));
        buf_add(to, &number, sizeof number);
    }
    return NULL;
}

static FALLIBLE read_slice(struct predictions_reader *reader, const struct record_batch *batch,
                           size_t slice)
{
    struct class_texts *values = &reader->slice_values[slice];
    size_t column = reader->at.slices[slice];
    for (size_t i = 0; i < reader->kept_count; i++) {
        bool is_new;
        struct str text = text_of(batch, reader->kept[i], column);
        uint32_t number = class_text_number(reader->arena, values, text, &is_new);
        if (values->all.len > (size_t)LIMIT_PREDICTION_SLICES) {
            struct str what = str_print(reader->arena, "it has more than %lld different values",
                                        (long long)LIMIT_PREDICTION_SLICES);
            return error_hint(cell_error(reader, batch, reader->kept[i], column, what.at),
                              "slice by a column with fewer values");
        }
        buf_add(&reader->slices[slice], &number, sizeof number);
    }
    return NULL;
}

/* --- ids --- */

static FALLIBLE read_id(struct predictions_reader *reader, const struct record_batch *batch,
                        size_t record)
{
    size_t column = reader->at.id;
    struct str text = text_of(batch, record, column);
    if (!text.len)
        return bad_cell(reader, batch, record, column, "no id");
    struct str own = str_copy(reader->arena, text);
    uintptr_t row = batch_row(batch, record);
    uintptr_t before = (uintptr_t)map_put(reader->arena, &reader->seen_ids, own, (void *)row);
    buf_add(&reader->ids, &own, sizeof own);
    if (!before)
        return NULL;
    struct str what = str_print(reader->arena, "the id '%.*s' stands in row %llu, too",
                                STR_FMT(str_slice(text, 0, 64)), (unsigned long long)before);
    return error_hint(cell_error(reader, batch, record, column, what.at),
                      "each row needs an id of its own");
}

static FALLIBLE read_ids(struct predictions_reader *reader, const struct record_batch *batch)
{
    for (size_t i = 0; i < reader->kept_count; i++)
        TRY(read_id(reader, batch, reader->kept[i]));
    return NULL;
}

static FALLIBLE read_targets(struct predictions_reader *reader, const struct record_batch *batch)
{
    const struct column_places *at = &reader->at;
    if (reader->options->task == TASK_REGRESSION) {
        TRY(read_numbers(reader, batch, at->label, &reader->targets));
        return read_numbers(reader, batch, at->prediction, &reader->values);
    }
    TRY(read_classes(reader, batch, at->label, &reader->labels));
    if (at->prediction != NO_COLUMN)
        TRY(read_classes(reader, batch, at->prediction, &reader->predicted));
    return NULL;
}

/* All records but blank ones; with more cells than the table has columns one is no record. */
static FALLIBLE choose_records(struct predictions_reader *reader, const struct record_batch *batch)
{
    size_t odd = 0;
    reader->kept_count = 0;
    if (batch->record_count > reader->kept_cap) {
        reader->kept_cap = batch->record_count;
        reader->kept = memory_grow(reader->kept, reader->kept_cap * sizeof *reader->kept);
    }
    for (size_t i = 0; i < batch->record_count; i++) {
        while (odd < batch->odd_count && batch->odd[odd].record < i)
            odd++;
        bool is_odd = odd < batch->odd_count && batch->odd[odd].record == i;
        size_t cells = is_odd ? batch->odd[odd].cell_count : batch->column_count;
        if (cells > batch->column_count && reader->is_csv)
            return cell_error(reader, batch, i, batch->column_count - 1,
                              "more cells follow than there are columns");
        if (cells)
            reader->kept[reader->kept_count++] = i;
    }
    return NULL;
}

FALLIBLE predictions_read_batch(struct predictions_reader *reader, const struct record_batch *batch)
{
    const struct column_places *at = &reader->at;
    TRY(choose_records(reader, batch));
    if (reader->count + reader->kept_count > (size_t)LIMIT_PREDICTION_ROWS)
        return error_new(ERROR_PROJECT, "%.*s has more than %lld rows",
                         STR_FMT(table_name(reader->table)), (long long)LIMIT_PREDICTION_ROWS);
    TRY(read_targets(reader, batch));
    if (at->score != NO_COLUMN)
        TRY(read_numbers(reader, batch, at->score, &reader->scores));
    if (at->share_count)
        TRY(read_shares(reader, batch));
    if (at->weight != NO_COLUMN)
        TRY(read_weights(reader, batch));
    if (at->id != NO_COLUMN)
        TRY(read_ids(reader, batch));
    for (size_t i = 0; i < at->slice_count; i++)
        TRY(read_slice(reader, batch, i));
    reader->count += reader->kept_count;
    return NULL;
}
