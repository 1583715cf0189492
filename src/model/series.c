#include "mlops/model/series.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/codec/delimited.h"
#include "mlops/model/metric.h"

#include <math.h>

/* Cells of a row until it is known how many rows there are. */
struct cell_ref {
    size_t row, column;
    struct str text;
    double number;
    bool is_number;
};

VEC(cell_ref_vec, struct cell_ref);

struct gathering {
    struct arena *arena;
    struct str path;
    struct map names; /* name -> index of a column + 1 */
    struct cell_ref_vec cells;
    struct series *series;
    bool has_header;
};

static size_t column_of(struct gathering *to, struct str name)
{
    void **place = map_place(to->arena, &to->names, name);
    if (!*place) {
        *vec_push(to->arena, &to->series->columns) = (struct series_column){.name = name};
        *place = (void *)(uintptr_t)to->series->columns.len;
    }
    return (size_t)(uintptr_t)*place - 1;
}

static FALLIBLE add(struct gathering *to, size_t column, struct str text, const double *number)
{
    if (to->cells.len >= (size_t)LIMIT_PLOT_CELLS)
        return error_new(ERROR_PROJECT, "'%.*s' holds more than %lld values to plot",
                         STR_FMT(to->path), (long long)LIMIT_PLOT_CELLS);
    struct cell_ref cell = {to->series->row_count, column, text, nan(""), number != NULL};
    if (number)
        cell.number = *number;
    *vec_push(to->arena, &to->cells) = cell;
    return NULL;
}

/* Rows of JSON Lines may have a name each that no other one has. */
static FALLIBLE check_size(const struct gathering *to)
{
    const int64_t cells_most = LIMIT_PLOT_CELLS * INT64_C(4); /* of which three may be empty */
    if (to->series->columns.len <= (size_t)cells_most / to->series->row_count)
        return NULL;
    return error_new(
        ERROR_PROJECT, "'%.*s' has %zu rows and %zu columns: more than %lld cells to plot",
        STR_FMT(to->path), to->series->row_count, to->series->columns.len, (long long)cells_most);
}

static void make_columns(struct gathering *to)
{
    size_t rows = to->series->row_count;
    vec_each (struct series_column, column, &to->series->columns) {
        column->texts = arena_new_array(to->arena, struct str, rows);
        column->numbers = arena_new_array(to->arena, double, rows);
        for (size_t i = 0; i < rows; i++)
            column->numbers[i] = nan("");
    }
}

static void finish(struct gathering *to)
{
    struct series_columns *columns = &to->series->columns;
    bool *has_words = arena_new_array(to->arena, bool, columns->len);
    make_columns(to);
    vec_each (const struct cell_ref, cell, &to->cells) {
        struct series_column *column = &columns->at[cell->column];
        column->texts[cell->row] = cell->text;
        column->numbers[cell->row] = cell->number;
        column->is_numeric |= cell->is_number;
        has_words[cell->column] |= !cell->is_number && cell->text.len;
    }
    for (size_t i = 0; i < columns->len; i++)
        columns->at[i].is_numeric = columns->at[i].is_numeric && !has_words[i];
}

static FALLIBLE read_delimited(struct gathering *to, struct str bytes, bool is_tabs)
{
    struct delimited reader = delimited_of(to->arena, bytes, is_tabs);
    struct delimited_row header = {0}, row = {0};
    if (!delimited_next(&reader, &header))
        return NULL;
    size_t *columns = arena_new_array(to->arena, size_t, header.len);
    for (size_t i = 0; i < header.len; i++)
        columns[i] = column_of(to, to->has_header ? header.at[i] : str_print(to->arena, "%zu", i));
    if (!to->has_header)
        reader = delimited_of(to->arena, bytes, is_tabs);
    while (delimited_next(&reader, &row)) {
        for (size_t i = 0; i < row.len && i < header.len; i++) {
            double number;
            bool is_number = delimited_number(row.at[i], &number);
            TRY(add(to, columns[i], row.at[i], is_number ? &number : NULL));
        }
        to->series->row_count++;
    }
    return NULL;
}

/* One object is a row: its numbers and words, flattened as metrics are. */
static FALLIBLE add_object(struct gathering *to, const struct doc_node *node)
{
    struct metric_vec metrics = {0};
    TRY(metrics_flatten(to->arena, to->path, node, &metrics));
    vec_each (const struct metric, metric, &metrics) {
        double number = metric->value; /* a text may be one, too: "0.5", "NaN" */
        bool is_number = !metric->is_text || delimited_number(metric->text, &number);
        TRY(add(to, column_of(to, metric->key), metric->text, is_number ? &number : NULL));
    }
    to->series->row_count++;
    return NULL;
}

static bool is_table(const struct doc_node *node)
{
    return node->kind == DOC_LIST && node->first && node->first->kind == DOC_MAP;
}

/* The first list of maps in a document, by the order of its text. Depth is bounded by the reader's.
 */
static const struct doc_node *find_table(const struct doc_node *node)
{
    if (is_table(node))
        return node;
    for (const struct doc_node *child = node->first; child; child = child->next) {
        const struct doc_node *found = find_table(child);
        if (found)
            return found;
    }
    return NULL;
}

static FALLIBLE read_document(struct gathering *to, struct str bytes)
{
    struct doc *doc = NULL;
    TRY(metrics_load(to->arena, to->path, bytes, &doc));
    const struct doc_node *table = find_table(doc->root);
    for (const struct doc_node *row = table ? table->first : NULL; row; row = row->next) {
        if (row->kind == DOC_MAP)
            TRY(add_object(to, row));
    }
    return NULL;
}

static FALLIBLE read_lines(struct gathering *to, struct str bytes)
{
    struct str line;
    while (bytes.len && str_split(&bytes, '\n', &line)) {
        struct doc *doc = NULL;
        if (!str_trim(line).len)
            continue;
        struct error *error = metrics_load(to->arena, STR("line.json"), line, &doc);
        if (error && !bytes.len) { /* the last one may be cut off */
            error_drop(error);
            break;
        }
        if (error)
            return error_within(error, "'%.*s', row %zu", STR_FMT(to->path),
                                to->series->row_count + 1);
        if (doc->root->kind == DOC_MAP)
            TRY(add_object(to, doc->root));
    }
    return NULL;
}

static bool has_suffix(struct str path, const char *suffix)
{
    size_t len = strlen(suffix);
    if (path.len < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = path.at[path.len - len + i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != suffix[i])
            return false;
    }
    return true;
}

static FALLIBLE read_by_suffix(struct gathering *to, struct str bytes)
{
    if (has_suffix(to->path, ".csv"))
        return read_delimited(to, bytes, false);
    if (has_suffix(to->path, ".tsv"))
        return read_delimited(to, bytes, true);
    if (has_suffix(to->path, ".jsonl") || has_suffix(to->path, ".ndjson"))
        return read_lines(to, bytes);
    if (has_suffix(to->path, ".json") || has_suffix(to->path, ".yaml") ||
        has_suffix(to->path, ".yml"))
        return read_document(to, bytes);
    return error_hint(
        error_new(ERROR_PROJECT, "'%.*s' is no file that can be plotted", STR_FMT(to->path)),
        "write CSV, TSV, JSON, JSON Lines or YAML, or an image");
}

FALLIBLE series_parse(struct arena *arena, struct str path, struct str bytes, bool has_header,
                      struct series *ret)
{
    *ret = (struct series){0};
    struct gathering to = {.arena = arena, .path = path, .series = ret, .has_header = has_header};
    TRY(read_by_suffix(&to, bytes));
    if (ret->row_count == 0 || ret->columns.len == 0)
        return error_new(ERROR_PROJECT, "'%.*s' has no rows to plot", STR_FMT(path));
    TRY(check_size(&to));
    finish(&to);
    return NULL;
}

const struct series_column *series_find(const struct series *series, struct str name)
{
    vec_each (const struct series_column, column, &series->columns) {
        if (str_equal(column->name, name))
            return column;
    }
    return NULL;
}
