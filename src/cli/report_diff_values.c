/* Metrics and parameters of a difference as tables. */
#include "mlops/base/arena.h"

#include <math.h>

#include "report_diff_private.h"

/* --- metrics --- */

enum { METRIC_COLUMNS = 7, TEST_COLUMNS = 3 };

static const struct column metric_columns[METRIC_COLUMNS + TEST_COLUMNS] = {
    {.name = "change", .title = ""},
    {.name = "file", .title = "FILE", .may_shrink = true, .drop = 2},
    {.name = "key", .title = "METRIC", .may_shrink = true},
    {.name = "before", .title = "BEFORE", .is_right = true},
    {.name = "after", .title = "AFTER", .is_right = true},
    {.name = "delta", .title = "DELTA", .is_right = true},
    {.name = "judgement", .title = ""},
    {.name = "interval", .title = "INTERVAL", .drop = 1},
    {.name = "p", .title = "P", .is_right = true},
    {.name = "test", .title = "TEST", .drop = 3},
};

static struct cell judgement_cell(enum diff_judgement judgement)
{
    enum tone tone = judgement == DIFF_BETTER ? TONE_GOOD : TONE_BAD;
    return cell_toned(cell_text(str_of(diff_judgement_name(judgement))), tone);
}

/* "< 0.001", "0.0042": corrected. */
static struct cell p_cell(struct arena *arena, double p)
{
    if (isnan(p))
        return (struct cell){0};
    return cell_real_shown(p < 0.001 ? STR("< 0.001") : str_print(arena, "%.2g", p), p);
}

enum { TEXT_MOST = 10 };

static struct str digits_of(struct arena *arena, struct str text, double value, int digits)
{
    return isnan(value) || text.len <= TEXT_MOST ? text : metric_print(arena, value, digits);
}

/* Of numbers with many digits as many as tell the two sides apart; machines get all. */
static void add_values(struct arena *arena, const struct diff_metric *metric, struct cell *row)
{
    struct str before = {0}, after = {0}, delta = metric->delta_text;
    for (int digits = 6; digits <= 17; digits++) {
        before = digits_of(arena, metric->before, metric->before_value, digits);
        after = digits_of(arena, metric->after, metric->after_value, digits);
        if (!str_equal(before, after) || metric->change == DIFF_SAME)
            break;
    }
    if (delta.len > TEXT_MOST)
        delta = metric_print_signed(arena, metric->delta, 4);
    if (metric->before.len)
        row[0] = cell_shown(before, metric->before);
    if (metric->after.len)
        row[1] = cell_shown(after, metric->after);
    if (metric->delta_text.len)
        row[2] = cell_shown(delta, metric->delta_text);
}

static void add_test(struct arena *arena, const struct diff_metric *metric, struct cell *row)
{
    if (!metric->test)
        return;
    if (!isnan(metric->low) && !isnan(metric->high))
        row[0] = cell_text(str_print(arena, "%.4g %% [%.*s, %.*s]", metric->level * 100,
                                     STR_FMT(metric_print_signed(arena, metric->low, 3)),
                                     STR_FMT(metric_print_signed(arena, metric->high, 3))));
    row[1] = p_cell(arena, metric->p_holm);
    row[2] = cell_text(str_of(metric->test));
}

static void add_metric(struct arena *arena, const struct diff_metric *metric, bool is_tested,
                       struct cell *row)
{
    row[0] = report_change_cell(metric->change);
    row[1] = cell_text(metric->file);
    row[2] = cell_text(metric->key);
    add_values(arena, metric, row + 3);
    row[6] = judgement_cell(metric->judgement);
    if (is_tested)
        add_test(arena, metric, row + METRIC_COLUMNS);
}

/* The columns without that of the file, if it says the same in each row. */
static const struct column *columns_of(struct arena *arena, const struct column *columns,
                                       size_t count, bool has_files)
{
    struct column *own = arena_new_array(arena, struct column, count);
    memcpy(own, columns, count * sizeof *columns);
    if (!has_files)
        own[1].title = NULL;
    return own;
}

static bool has_metric_files(const struct run_diff *diff)
{
    vec_each (const struct diff_metric, metric, &diff->metrics)
        if (!str_equal(metric->file, diff->metrics.at[0].file))
            return true;
    return false;
}

static bool has_param_files(const struct run_diff *diff)
{
    vec_each (const struct diff_param, param, &diff->params)
        if (!param->key.len || !str_equal(param->file, diff->params.at[0].file))
            return true;
    return false;
}

struct table report_diff_metrics(struct arena *arena, const struct run_diff *diff)
{
    bool is_tested = false;
    vec_each (const struct diff_metric, metric, &diff->metrics)
        is_tested |= metric->test != NULL;
    size_t count = is_tested ? METRIC_COLUMNS + TEST_COLUMNS : METRIC_COLUMNS;
    struct table table =
        table_make(arena, columns_of(arena, metric_columns, count, has_metric_files(diff)), count);
    for (int pass = 0; pass < 2; pass++) /* the main ones first */
        vec_each (const struct diff_metric, metric, &diff->metrics)
            if (metric->is_main == !pass && (!metric->is_detail || diff->all))
                add_metric(arena, metric, is_tested, table_add(&table));
    return table;
}

/* --- parameters --- */

static const struct column param_columns[] = {
    {.name = "change", .title = ""},
    {.name = "file", .title = "FILE", .may_shrink = true, .drop = 1},
    {.name = "key", .title = "PARAMETER", .may_shrink = true},
    {.name = "before", .title = "BEFORE", .may_shrink = true},
    {.name = "after", .title = "AFTER", .may_shrink = true},
};

struct table report_diff_params(struct arena *arena, const struct run_diff *diff)
{
    enum { COUNT = COUNT_OF(param_columns) };
    struct table table =
        table_make(arena, columns_of(arena, param_columns, COUNT, has_param_files(diff)), COUNT);
    vec_each (const struct diff_param, param, &diff->params) {
        struct cell *row = table_add(&table);
        row[0] = report_change_cell(param->change);
        row[1] = cell_text(param->file);
        row[2] = cell_text(param->key);
        row[3] = cell_text(param->before);
        row[4] = cell_text(param->after);
    }
    return table;
}
