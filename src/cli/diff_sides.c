#include "mlops/cli/diff_sides.h"

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/report.h"

#include <math.h>
#include <stdlib.h>

/* A value of one side. */
struct value {
    struct str text;
    double number; /* NaN: only text */
};

/* One name with its value on each side (NULL: absent). */
struct side_row {
    struct str file, key;
    const struct value *values[];
};

VEC(side_rows, struct side_row *);

struct side_table {
    struct arena *arena;
    size_t side_count;
    struct map by_name;
    struct side_rows rows;
};

static void add(struct side_table *table, size_t side, struct str file, struct str key,
                struct value value)
{
    struct str name = str_print(table->arena, "%.*s%c%.*s", STR_FMT(file), 0, STR_FMT(key));
    void **place = map_place(table->arena, &table->by_name, name);
    if (!*place) {
        struct side_row *row =
            arena_alloc(table->arena, sizeof *row + table->side_count * sizeof *row->values);
        row->file = file;
        row->key = key;
        *vec_push(table->arena, &table->rows) = row;
        *place = row;
    }
    struct side_row *row = *place;
    struct value *copy = arena_new(table->arena, struct value);
    *copy = value;
    if (!row->values[side])
        row->values[side] = copy;
}

static void add_metrics(struct side_table *table, const struct run_view *view, size_t side)
{
    for (size_t i = 0; i < view->stage_count; i++)
        vec_each (const struct metric, metric, &view->stages[i].metrics)
            add(table, side, metric->file, metric->key,
                (struct value){metric->text, metric->value});
}

static void add_params(struct side_table *table, const struct run_view *view, size_t side)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct recipe *recipe = view->stages[i].recipe;
        vec_each (const struct recipe_param, value, &view->stages[i].templates)
            add(table, side, value->file, value->key, (struct value){value->shown, nan("")});
        for (size_t j = 0; recipe && j < recipe->param_count; j++)
            add(table, side, recipe->params[j].file, recipe->params[j].key,
                (struct value){recipe->params[j].shown, nan("")});
    }
}

static bool value_equal(const struct value *a, const struct value *b)
{
    if (!a || !b)
        return a == b;
    return str_equal(a->text, b->text) || a->number == b->number;
}

static bool is_same(const struct side_row *row, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!value_equal(row->values[0], row->values[i]))
            return false;
    return true;
}

static int compare_rows(const void *a, const void *b)
{
    const struct side_row *const *left = a, *const *right = b;
    int order = str_compare((*left)->file, (*right)->file);
    return order ? order : str_compare((*left)->key, (*right)->key);
}

/* Sorts, and drops what is the same unless `all`. True: something differs. */
static bool finish(struct side_table *table, bool all)
{
    size_t kept = 0;
    bool differs = false;
    for (size_t i = 0; i < table->rows.len; i++) {
        bool same = is_same(table->rows.at[i], table->side_count);
        differs |= !same;
        if (all || !same)
            table->rows.at[kept++] = table->rows.at[i];
    }
    table->rows.len = kept;
    vec_sort(&table->rows, compare_rows);
    return differs;
}

/* --- the answer --- */

enum { FIXED_COLUMNS = 3 };

static struct table table_of(struct arena *arena, const struct run_view *views, size_t count)
{
    struct column *columns = arena_new_array(arena, struct column, FIXED_COLUMNS + count);
    columns[0] = (struct column){.name = "section", .title = ""};
    columns[1] = (struct column){.name = "file", .title = "FILE", .may_shrink = true, .drop = 1};
    columns[2] = (struct column){.name = "key", .title = "NAME", .may_shrink = true};
    for (size_t i = 0; i < count; i++) {
        struct buf safe = buf_in(arena);
        buf_add_escaped(&safe, views[i].title, false);
        columns[FIXED_COLUMNS + i] = (struct column){
            .name = safe.at, .title = safe.at, .is_right = true, .may_shrink = true};
    }
    return table_make(arena, columns, FIXED_COLUMNS + count);
}

static void add_rows(struct table *table, const struct side_table *from, struct str section)
{
    for (size_t r = 0; r < from->rows.len; r++) {
        struct cell *row = table_add(table);
        row[0] = cell_text(section);
        row[1] = cell_text(from->rows.at[r]->file);
        row[2] = cell_text(from->rows.at[r]->key);
        for (size_t i = 0; i < from->side_count; i++) {
            const struct value *value = from->rows.at[r]->values[i];
            row[FIXED_COLUMNS + i] = value ? cell_text(value->text) : (struct cell){0};
        }
    }
}

static void add_value(struct json_writer *json, const struct value *value)
{
    if (!value)
        json_null(json);
    else if (isnan(value->number))
        json_str(json, value->text);
    else
        json_real(json, value->number);
}

static void add_json(struct json_writer *json, const char *name, const struct side_table *table)
{
    json_name(json, name);
    json_open_list(json);
    for (size_t r = 0; r < table->rows.len; r++) {
        json_open_object(json);
        json_name(json, "file");
        json_str(json, table->rows.at[r]->file);
        json_name(json, "key");
        json_str(json, table->rows.at[r]->key);
        json_name(json, "values");
        json_open_list(json);
        for (size_t i = 0; i < table->side_count; i++)
            add_value(json, table->rows.at[r]->values[i]);
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
}

static void print_json(struct context *context, const struct run_view *views,
                       const struct side_table *metrics, const struct side_table *params,
                       bool differs)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "sides");
    json_open_list(&json);
    for (size_t i = 0; i < metrics->side_count; i++) {
        json_open_object(&json);
        json_name(&json, "title");
        json_str(&json, views[i].title);
        json_name(&json, "run");
        if (views[i].run)
            json_str(&json, views[i].run->id);
        else
            json_null(&json);
        json_close_object(&json);
    }
    json_close_list(&json);
    json_name(&json, "is_empty");
    json_bool(&json, !differs);
    add_json(&json, "metrics", metrics);
    add_json(&json, "params", params);
    report_json_close(&json);
}

bool diff_sides_report(struct context *context, const struct run_view *views, size_t count,
                       bool all)
{
    struct side_table metrics = {.arena = context->arena, .side_count = count};
    struct side_table params = metrics;
    for (size_t i = 0; i < count; i++) {
        add_metrics(&metrics, &views[i], i);
        add_params(&params, &views[i], i);
    }
    bool differs = finish(&metrics, all);
    differs |= finish(&params, all);
    if (context->format == FORMAT_JSON) {
        print_json(context, views, &metrics, &params, differs);
        return differs;
    }
    struct table table = table_of(context->arena, views, count);
    add_rows(&table, &metrics, STR("metric"));
    add_rows(&table, &params, STR("param"));
    if (table.row_count || context->format == FORMAT_CSV)
        report_table(context, &table, "rows");
    else
        buf_print(&context->out, "metrics and parameters are the same on all %zu sides\n", count);
    return differs;
}
