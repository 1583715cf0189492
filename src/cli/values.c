#include "mlops/cli/values.h"

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/view.h"

#include <math.h>
#include <stdlib.h>

const struct option_row values_option_rows[VALUES_OPTIONS] = {
    {"name", 'k', OPTION_STR_AT(struct values_options, name), .value = "TEXT",
     .help = "Only those whose name (FILE:KEY) holds TEXT"},
    {"changed", 'c', OPTION_FLAG_AT(struct values_options, changed),
     .help = "Leave out what is the same in all runs"},
    {"pipeline", 'p', OPTION_STR_AT(struct values_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "The pipeline that 'workspace' and git revisions mean"},
};

/* One name with its value on each side (NULL: absent). */
struct matrix_row {
    struct str name;
    const struct value_row *values[];
};

struct matrix {
    struct arena *arena;
    const struct values_kind *kind;
    const struct values_options *options;
    struct run_view *views; /* one a word */
    size_t side_count;
    struct matrix_row **rows;
    size_t row_count;
};

static void fill_side(struct matrix *matrix, size_t side, struct map *by_name)
{
    const struct run_view *view = &matrix->views[side];
    struct value_vec *values = arena_new(matrix->arena, struct value_vec);
    for (size_t i = 0; i < view->stage_count; i++)
        matrix->kind->collect(matrix->arena, &view->stages[i], values);
    vec_each (const struct value_row, value, values) {
        struct str name = value->key.len ? str_print(matrix->arena, "%.*s:%.*s",
                                                     STR_FMT(value->file), STR_FMT(value->key))
                                         : value->file;
        struct matrix_row *row = map_get(by_name, name);
        if (matrix->options->name.len && str_find(name, matrix->options->name) < 0)
            continue;
        if (!row) {
            row =
                arena_alloc(matrix->arena, sizeof *row + matrix->side_count * sizeof *row->values);
            row->name = name;
            map_put(matrix->arena, by_name, name, row);
        }
        row->values[side] = value;
    }
}

static bool is_same(const struct matrix_row *row, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        bool has_both = row->values[0] && row->values[i];
        if (!has_both || !str_equal(row->values[0]->text, row->values[i]->text))
            return false;
    }
    return true;
}

static int compare_rows(const void *a, const void *b)
{
    const struct matrix_row *const *left = a;
    const struct matrix_row *const *right = b;
    return str_compare((*left)->name, (*right)->name);
}

static void fill_matrix(struct matrix *matrix)
{
    struct map by_name = {0};
    for (size_t side = 0; side < matrix->side_count; side++)
        fill_side(matrix, side, &by_name);
    matrix->rows = arena_new_array(matrix->arena, struct matrix_row *, by_name.len);
    map_each (item, &by_name) {
        if (!matrix->options->changed || !is_same(item->value, matrix->side_count))
            matrix->rows[matrix->row_count++] = item->value;
    }
    if (matrix->row_count > 1)
        qsort(matrix->rows, matrix->row_count, sizeof(struct matrix_row *), compare_rows);
}

static void print_table(struct context *context, const struct matrix *matrix)
{
    size_t sides = matrix->side_count;
    struct column *columns = arena_new_array(matrix->arena, struct column, sides + 1);
    columns[0] = (struct column){.name = "name", .title = "NAME", .may_shrink = true};
    for (size_t i = 0; i < sides; i++) {
        AUTO(buf_drop) struct buf safe = {0};
        buf_add_escaped(&safe, matrix->views[i].title, false);
        const char *title = str_copy(matrix->arena, buf_str(&safe)).at;
        columns[i + 1] =
            (struct column){.name = title, .title = title, .is_right = true, .may_shrink = true};
    }
    struct table table = table_make(matrix->arena, columns, sides + 1);
    for (size_t r = 0; r < matrix->row_count; r++) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(matrix->rows[r]->name);
        for (size_t i = 0; i < sides; i++) {
            const struct value_row *value = matrix->rows[r]->values[i];
            row[i + 1] = value ? cell_text(value->text) : (struct cell){0};
        }
    }
    report_table(context, &table, matrix->kind->noun);
}

static void add_side(struct json_writer *json, const struct matrix *matrix, size_t side)
{
    const struct run_view *view = &matrix->views[side];
    json_open_object(json);
    json_name(json, "title");
    json_str(json, view->title);
    json_name(json, "run");
    if (view->run)
        json_str(json, view->run->id);
    else
        json_null(json);
    json_name(json, matrix->kind->noun);
    json_open_object(json);
    for (size_t r = 0; r < matrix->row_count; r++) {
        const struct value_row *value = matrix->rows[r]->values[side];
        if (!value)
            continue;
        json_name_str(json, matrix->rows[r]->name);
        if (isnan(value->number))
            json_str(json, value->text);
        else
            json_real(json, value->number);
    }
    json_close_object(json);
    json_close_object(json);
}

static void print_json(struct context *context, const struct matrix *matrix)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "runs");
    json_open_list(&json);
    for (size_t side = 0; side < matrix->side_count; side++)
        add_side(&json, matrix, side);
    json_close_list(&json);
    report_json_close(&json);
}

FALLIBLE values_report(struct context *context, const struct values_kind *kind,
                       const struct values_options *options, int argc, const struct str *argv)
{
    static const struct str newest[] = {STR_ROW("@")};
    const struct str *words = argc ? argv : newest;
    size_t count = argc ? (size_t)argc : COUNT_OF(newest);
    struct matrix matrix = {
        .arena = context->arena,
        .kind = kind,
        .options = options,
        .views = arena_new_array(context->arena, struct run_view, count),
        .side_count = count,
    };
    for (size_t i = 0; i < count; i++)
        TRY(view_find(context, words[i], options->pipeline, &matrix.views[i]));
    fill_matrix(&matrix);
    if (context->format == FORMAT_JSON)
        print_json(context, &matrix);
    else
        print_table(context, &matrix);
    return NULL;
}
