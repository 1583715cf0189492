/* Metrics out of tables and JSON Lines, by what people write:
 *   accuracy,f1        one row: columns are metrics
 *   metric,value       a metric a row; further columns of words go before its name
 *   ,precision,recall  names in the first column (scikit-learn's report): "macro avg.precision"
 *   step,loss          several rows of numbers: the last row counts */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/delimited.h"
#include "mlops/codec/json.h"

#include <math.h>

#include "metric_private.h"

enum {
    NAMED_ROWS_MOST = 200, /* beyond, names in the first column are records, no metrics */
    LINES_TRIED = 3,       /* from the end: the last may be cut off */
};

VEC(row_vec, struct delimited_row);

static bool is_numeric(struct str text)
{
    double value;
    return delimited_number(text, &value);
}

struct reading {
    struct arena *arena;
    struct str file;
    struct metric_vec *metrics;
    size_t before;
};

/* A later row of the same name replaces what an earlier one said. */
static FALLIBLE add(struct reading *to, struct str key, struct str text, bool may_repeat)
{
    struct metric metric = {.file = to->file, .key = key, .text = text};
    if (!text.len || key.len > (size_t)LIMIT_METRIC_KEY_BYTES ||
        text.len > (size_t)LIMIT_METRIC_KEY_BYTES)
        return NULL;
    if (to->metrics->len - to->before >= (size_t)LIMIT_METRIC_VALUES)
        return error_new(ERROR_PROJECT, "more than %lld metrics in one file",
                         (long long)LIMIT_METRIC_VALUES);
    metric.is_text = !delimited_number(text, &metric.value);
    if (metric.is_text)
        metric.value = nan("");
    for (size_t i = to->before; may_repeat && i < to->metrics->len; i++) {
        if (str_equal(to->metrics->at[i].key, key)) {
            to->metrics->at[i] = metric;
            return NULL;
        }
    }
    *vec_push(to->arena, to->metrics) = metric;
    return NULL;
}

static struct str cell(const struct delimited_row *row, size_t column)
{
    return column < row->len ? row->at[column] : (struct str){0};
}

/* In any case, with blanks and '_' alike. */
static bool is_named(struct str text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        bool is_it = len == text.len;
        for (size_t c = 0; is_it && c < len; c++) {
            char found =
                text.at[c] >= 'A' && text.at[c] <= 'Z' ? (char)(text.at[c] + 32) : text.at[c];
            is_it = (found == ' ' ? '_' : found) == names[i][c];
        }
        if (is_it)
            return true;
    }
    return false;
}

static ptrdiff_t column_named(const struct delimited_row *header, const char *const *names,
                              size_t count)
{
    for (size_t i = 0; i < header->len; i++) {
        if (is_named(header->at[i], names, count))
            return (ptrdiff_t)i;
    }
    return -1;
}

static bool is_series_column(struct str name)
{
    static const char *const names[] = {"step", "epoch",     "iteration", "iter", "batch", "time",
                                        "date", "timestamp", "datetime",  "run",  "id"};
    return is_named(name, names, COUNT_OF(names));
}

/* What the rows are: bounded by the first ones and the last. */
struct shape {
    struct delimited_row header;
    struct row_vec rows; /* at most NAMED_ROWS_MOST + 1 */
    struct delimited_row last;
    size_t count;
};

static void read_shape(struct delimited *reader, struct shape *ret)
{
    struct delimited_row row = {0};
    if (!delimited_next(reader, &ret->header))
        return;
    while (delimited_next(reader, &row)) {
        if (ret->rows.len <= NAMED_ROWS_MOST) {
            *vec_push(reader->arena, &ret->rows) = row;
            row = (struct delimited_row){0};
            ret->last = ret->rows.at[ret->rows.len - 1];
        } else {
            ret->last = row;
        }
        ret->count++;
    }
}

/* "val.accuracy" of the columns split, metric, value. */
static struct str long_name(struct arena *arena, const struct delimited_row *row, size_t name,
                            size_t value)
{
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < row->len; i++) {
        bool is_word = i != value && i != name && row->at[i].len && !is_numeric(row->at[i]);
        if (is_word)
            buf_print(&out, "%.*s.", STR_FMT(row->at[i]));
    }
    buf_add_str(&out, cell(row, name));
    return buf_str(&out);
}

static FALLIBLE add_long(struct reading *to, const struct shape *shape, size_t name, size_t value)
{
    vec_each (const struct delimited_row, row, &shape->rows)
        TRY(add(to, long_name(to->arena, row, name, value), cell(row, value), true));
    return NULL;
}

/* Rows with a name each: one column of values is the metric, of several the names are joined. */
static FALLIBLE add_named(struct reading *to, const struct shape *shape)
{
    bool is_single =
        shape->header.len == 2 && (!shape->header.at[0].len || is_numeric(shape->header.at[1]));
    vec_each (const struct delimited_row, row, &shape->rows) {
        for (size_t i = 1; i < row->len; i++) {
            struct str key = cell(row, 0), column = cell(&shape->header, i);
            if (!is_single && column.len)
                key = str_print(to->arena, "%.*s.%.*s", STR_FMT(key), STR_FMT(column));
            TRY(add(to, key, row->at[i], true));
        }
    }
    return NULL;
}

/* One row's columns; of a series the numbers only. */
static FALLIBLE add_row(struct reading *to, const struct shape *shape)
{
    for (size_t i = 0; i < shape->last.len; i++) {
        struct str name = cell(&shape->header, i), text = shape->last.at[i];
        if (name.len && (shape->count == 1 || is_numeric(text)))
            TRY(add(to, name, text, false));
    }
    return NULL;
}

static bool has_names_in_front(const struct shape *shape)
{
    if (shape->rows.len > NAMED_ROWS_MOST || shape->header.len < 2 ||
        is_series_column(shape->header.at[0]) || (shape->count == 1 && shape->header.at[0].len))
        return false;
    bool has_words = false, has_numbers = false;
    vec_each (const struct delimited_row, row, &shape->rows) {
        has_words |= cell(row, 0).len && !is_numeric(cell(row, 0));
        has_numbers |= is_numeric(cell(row, 1));
    }
    return has_words && has_numbers;
}

/* "accuracy,0.9" without a header: then the first row is one of them. */
static void take_back_header(struct arena *arena, struct shape *shape)
{
    bool is_data = shape->header.len == 2 && shape->header.at[0].len &&
                   !is_numeric(shape->header.at[0]) && is_numeric(shape->header.at[1]);
    struct row_vec rows = {0};
    if (!is_data)
        return;
    *vec_push(arena, &rows) = shape->header;
    vec_each (const struct delimited_row, row, &shape->rows)
        *vec_push(arena, &rows) = *row;
    shape->rows = rows;
    shape->count++;
    shape->header = (struct delimited_row){0};
    *vec_push(arena, &shape->header) = (struct str){0};
    *vec_push(arena, &shape->header) = STR("0");
}

FALLIBLE metric_table_read(struct arena *arena, struct str path, struct str bytes, bool is_tabs,
                           struct metric_vec *ret)
{
    static const char *const names[] = {"metric", "name", "metric_name", "key", "measure"};
    static const char *const values[] = {"value", "metric_value", "val", "score", "result"};
    struct shape shape = {0};
    struct reading to = {arena, path, ret, ret->len};
    struct delimited reader = delimited_of(arena, bytes, is_tabs);
    read_shape(&reader, &shape);
    ptrdiff_t name = column_named(&shape.header, names, COUNT_OF(names));
    ptrdiff_t value = column_named(&shape.header, values, COUNT_OF(values));
    if (name >= 0 && value >= 0)
        return add_long(&to, &shape, (size_t)name, (size_t)value);
    take_back_header(arena, &shape);
    return has_names_in_front(&shape) ? add_named(&to, &shape) : add_row(&to, &shape);
}

FALLIBLE metric_lines_read(struct arena *arena, struct str path, struct str bytes,
                           struct metric_vec *ret)
{
    for (int tries = 0; bytes.len && tries < LINES_TRIED;) {
        ptrdiff_t cut = str_find_last_char(bytes, '\n');
        struct str line = str_trim(str_slice(bytes, (size_t)(cut + 1), bytes.len));
        struct doc *doc = NULL;
        bytes = str_slice(bytes, 0, cut < 0 ? 0 : (size_t)cut);
        if (!line.len)
            continue;
        struct error *error = metric_json_parse(arena, path, line, &doc);
        bool is_object = !error && doc->root->kind == DOC_MAP;
        error_drop(error);
        if (is_object)
            return metric_json_flatten(arena, path, doc->root, ret);
        tries++;
    }
    return NULL;
}
