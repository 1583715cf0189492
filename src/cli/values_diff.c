/* What differs between two sides, as `dvc metrics diff` and `dvc params diff` show it. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/content.h"
#include "mlops/cli/values.h"
#include "mlops/cli/view.h"
#include "mlops/model/metric.h"

#include <math.h>
#include <stdlib.h>

enum { PRECISION_USUAL = 5 };

struct difference {
    struct str file, key;
    const struct value_row *before, *after;
};

VEC(difference_vec, struct difference);

struct sides {
    struct str names[2];
    struct run_view views[2];
};

static FALLIBLE find_sides(struct context *context, const struct values_kind *kind,
                           const struct values_options *options, int argc, const struct str *argv,
                           struct sides *ret)
{
    if (argc > 2)
        return error_hint(error_new(ERROR_USAGE, "diff compares two sides, %d are named", argc),
                          "several stand side by side with: mlops %s A B C", kind->noun);
    ret->names[1] = argc > 1 ? argv[1] : STR("workspace");
    if (argc)
        ret->names[0] = argv[0];
    else
        TRY(view_usual_base(context, &ret->names[0]));
    for (size_t i = 0; i < COUNT_OF(ret->names); i++)
        TRY(content_view(context, ret->names[i], options->pipeline, &ret->views[i]));
    return NULL;
}

static int compare_differences(const void *a, const void *b)
{
    const struct difference *left = a, *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

/* 0.90 and 0.9 are the same. */
static bool is_same(const struct difference *row)
{
    if (!row->before || !row->after)
        return false;
    bool have_numbers = !isnan(row->before->number) && !isnan(row->after->number);
    return str_equal(row->before->text, row->after->text) ||
           (have_numbers && !(row->before->number < row->after->number) &&
            !(row->before->number > row->after->number));
}

static FALLIBLE collect(struct context *context, const struct values_kind *kind,
                        const struct values_options *options, const struct sides *sides,
                        struct difference_vec *ret)
{
    struct arena *arena = context->arena;
    struct map by_name = {0}; /* -> index of a row + 1 */
    for (size_t side = 0; side < COUNT_OF(sides->views); side++) {
        struct value_vec *values = arena_new(arena, struct value_vec);
        TRY(values_collect(context, kind, options, &sides->views[side], values));
        vec_each (const struct value_row, value, values) {
            struct str name =
                str_print(arena, "%.*s:%.*s", STR_FMT(value->file), STR_FMT(value->key));
            void **place = map_place(arena, &by_name, name);
            if (options->name.len && str_find(name, options->name) < 0)
                continue;
            if (!*place) {
                *vec_push(arena, ret) = (struct difference){.file = value->file, .key = value->key};
                *place = (void *)(uintptr_t)ret->len;
            }
            struct difference *row = &ret->at[(uintptr_t)*place - 1];
            *(side ? &row->after : &row->before) = value;
        }
    }
    vec_sort(ret, compare_differences);
    return NULL;
}

static struct cell value_cell(struct arena *arena, const struct value_row *value, int64_t precision)
{
    if (!value)
        return (struct cell){.text = STR("-")};
    struct str text = values_text(arena, value, precision);
    return isfinite(value->number) ? cell_real_shown(text, value->number)
                                   : cell_shown(text, value->text);
}

static enum tone tone_of(struct str key, double change)
{
    enum metric_direction direction = metric_direction_of(key);
    if (direction == DIRECTION_UNKNOWN || !(change < 0 || change > 0))
        return TONE_PLAIN;
    return (change > 0) == (direction == HIGHER_IS_BETTER) ? TONE_GOOD : TONE_BAD;
}

static void fill_change(struct arena *arena, const struct difference *row, int64_t precision,
                        struct cell *ret)
{
    bool have_numbers =
        row->before && row->after && isfinite(row->before->number) && isfinite(row->after->number);
    if (!have_numbers)
        return;
    double change = row->after->number - row->before->number;
    struct value_row as_value = {.text = report_real(arena, change), .number = change};
    enum tone tone = tone_of(row->key, change);
    static const char *const words[] = {[TONE_GOOD] = "better", [TONE_BAD] = "worse"};
    ret[0] = cell_toned(cell_real_shown(values_text(arena, &as_value, precision), change), tone);
    if (tone != TONE_PLAIN)
        ret[1] = cell_text(str_of(words[tone]));
}

static const char *title(struct context *context, struct str name)
{
    AUTO(buf_drop) struct buf safe = {0};
    buf_add_escaped(&safe, name, false);
    return str_copy(context->arena, buf_str(&safe)).at;
}

FALLIBLE values_diff(struct context *context, const struct values_kind *kind,
                     const struct values_options *options, int argc, const struct str *argv)
{
    struct sides sides = {0};
    struct difference_vec rows = {0};
    int64_t precision = options->precision < 0 ? PRECISION_USUAL : options->precision;
    TRY(find_sides(context, kind, options, argc, argv, &sides));
    TRY(collect(context, kind, options, &sides, &rows));
    const struct column columns[] = {
        {.name = "path", .title = options->no_path ? NULL : "Path", .may_shrink = true},
        {.name = "name", .title = kind->title, .may_shrink = true},
        {.name = "before", .title = title(context, sides.names[0]), .is_right = true},
        {.name = "after", .title = title(context, sides.names[1]), .is_right = true},
        {.name = "change", .title = kind->has_change ? "Change" : NULL, .is_right = true},
        {.name = "verdict", .title = NULL},
    };
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    size_t hidden = 0;
    vec_each (const struct difference, row, &rows) {
        const struct value_row *any = row->after ? row->after : row->before;
        if (is_same(row) && !options->all)
            continue;
        if (values_is_hidden(context, options, any->rank)) {
            hidden++;
            continue;
        }
        struct cell *cells = table_add(&table);
        cells[0] = cell_text(row->file);
        cells[1] = cell_text(row->key);
        cells[2] = value_cell(context->arena, row->before, precision);
        cells[3] = value_cell(context->arena, row->after, precision);
        fill_change(context->arena, row, precision, &cells[4]);
    }
    report_table(context, &table, kind->noun);
    values_tell_hidden(context, hidden);
    return NULL;
}
