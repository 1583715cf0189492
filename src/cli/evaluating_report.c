/* An evaluation for people and machines. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>

#include "evaluating_private.h"

enum { CLASSES_SHOWN = 50, SLICES_SHOWN = 200 };

struct cell evaluating_cell(struct arena *arena, double value)
{
    if (isnan(value))
        return (struct cell){0};
    if (fabs(value) < 1e-12) /* what rounding leaves of 0 */
        return cell_real_shown(STR("0.0000"), value);
    bool is_usual = fabs(value) < 100 && fabs(value) >= 0.001;
    return cell_real_shown(str_print(arena, is_usual ? "%.4f" : "%.5g", value), value);
}

struct cell evaluating_interval(struct arena *arena, const struct interval *interval)
{
    if (!interval || !(interval->level > 0) || isnan(interval->low) || isnan(interval->high))
        return (struct cell){0};
    struct cell low = evaluating_cell(arena, interval->low);
    struct cell high = evaluating_cell(arena, interval->high);
    return cell_text(str_print(arena, "%.*s to %.*s", STR_FMT(low.text), STR_FMT(high.text)));
}

/* --- JSON --- */

static void write_warnings(struct json_writer *json, const struct evaluation *evaluation)
{
    json_name(json, "warnings");
    json_open_list(json);
    for (size_t i = 0; i < evaluation->warnings->len; i++)
        json_str(json, evaluation->warnings->at[i]);
    json_close_list(json);
}

static void write_one(struct json_writer *json, const struct evaluated *evaluated)
{
    json_name(json, "predictions");
    json_str(json, evaluated->path);
    evaluation_write_metrics(json, &evaluated->evaluation);
    evaluation_write_intervals(json, &evaluated->evaluation);
    evaluation_write_curves(json, &evaluated->evaluation);
    write_warnings(json, &evaluated->evaluation);
}

static void report_json(const struct evaluating *evaluating)
{
    struct json_writer json = report_json_open(evaluating->context);
    write_one(&json, &evaluating->own);
    if (evaluating->has_other) {
        comparison_write_tests(&json, &evaluating->comparison);
        json_name(&json, "against");
        json_open_object(&json);
        write_one(&json, &evaluating->other);
        json_close_object(&json);
        json_name(&json, "comparison");
        json_open_object(&json);
        json_name(&json, "a");
        json_str(&json, evaluating->own.name);
        json_name(&json, "b");
        json_str(&json, evaluating->other.name);
        comparison_write(&json, &evaluating->comparison);
        json_close_object(&json);
    }
    report_json_close(&json);
}

/* --- tables --- */

static void add_heading(const struct evaluating *evaluating)
{
    struct context *context = evaluating->context;
    const struct evaluation *evaluation = &evaluating->own.evaluation;
    struct buf line = buf_in(context->arena);
    buf_add_escaped(&line, evaluating->own.path, false);
    buf_print(&line, ": %s, %s row%s", task_name(evaluation->task),
              count_print(context->arena, (int64_t)evaluation->rows).at,
              evaluation->rows == 1 ? "" : "s");
    if (evaluation->task == TASK_BINARY) {
        buf_add_text(&line, ", positive '");
        buf_add_escaped(&line, evaluation->classes[evaluation->positive], false);
        buf_add_char(&line, '\'');
        if (!isnan(evaluation->threshold))
            buf_print(&line, ", threshold %g", evaluation->threshold);
    }
    report_line(context, buf_str(&line), 2, 0);
    buf_add_char(&context->out, '\n');
}

/* People see why a metric is undefined in its place. */
static void add_metric(struct context *context, const struct evaluation *evaluation, size_t row,
                       struct table *table)
{
    size_t count = 0;
    const struct interval *interval = evaluation->intervals ? &evaluation->intervals[row] : NULL;
    struct cell *cells = table_add(table);
    cells[0] = cell_text(str_of(score_rows(&count)[row].name));
    cells[1] = evaluating_cell(context->arena, evaluation->values[row]);
    cells[2] = evaluating_interval(context->arena, interval);
    if (interval && interval->level > 0) {
        cells[3] = cell_real(context->arena, interval->low);
        cells[4] = cell_real(context->arena, interval->high);
    }
    cells[5] = evaluating_cell(context->arena, evaluation->trivial[row]);
    if (evaluation->whys[row])
        cells[6] = cell_toned(cell_text(str_of(evaluation->whys[row])), TONE_DIM);
}

static void report_metrics(const struct evaluating *evaluating)
{
    static const struct column columns[] = {
        {.name = "metric", .title = "METRIC"},
        {.name = "value", .title = "VALUE", .is_right = true},
        {.name = "interval", .title = "INTERVAL", .drop = 1},
        {.name = "low", .title = NULL},
        {.name = "high", .title = NULL},
        {.name = "trivial", .title = "TRIVIAL", .is_right = true, .drop = 2},
        {.name = "undefined", .title = "", .may_shrink = true},
    };
    struct context *context = evaluating->context;
    const struct evaluation *evaluation = &evaluating->own.evaluation;
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    size_t count = 0;
    score_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (score_is_of(i, evaluation->task, evaluation->class_count))
            add_metric(context, evaluation, i, &table);
    report_table(context, &table, "metrics");
}

static void tell_notes(const struct evaluating *evaluating)
{
    struct context *context = evaluating->context;
    const struct evaluation *evaluation = &evaluating->own.evaluation;
    struct buf line = buf_in(context->arena);
    buf_add_text(&line, "trivial: ");
    buf_add_escaped(&line, evaluation->trivial_name, false);
    if (!evaluating->options->no_intervals)
        buf_print(&line, "; intervals at %g %%: Wilson's, or %s bootstrap samples with the seed %d",
                  evaluating->level * 100,
                  count_print(context->arena, (int64_t)resample_replicates(evaluation->rows)).at,
                  RESAMPLE_SEED);
    report_line(context, buf_str(&line), 2, 0);
}

static void report_classes(const struct evaluating *evaluating)
{
    static const struct column columns[] = {
        {.name = "class", .title = "CLASS", .may_shrink = true},
        {.name = "precision", .title = "PRECISION", .is_right = true},
        {.name = "recall", .title = "RECALL", .is_right = true},
        {.name = "f1", .title = "F1", .is_right = true},
        {.name = "support", .title = "SUPPORT", .is_right = true},
    };
    struct context *context = evaluating->context;
    const struct evaluation *evaluation = &evaluating->own.evaluation;
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    size_t shown = MIN_OF(evaluation->class_count, (size_t)CLASSES_SHOWN);
    for (size_t i = 0; i < shown; i++) {
        const struct class_score *score = &evaluation->class_scores[i];
        struct cell *cells = table_add(&table);
        cells[0] = cell_text(evaluation->classes[i]);
        cells[1] = evaluating_cell(context->arena, score->precision);
        cells[2] = evaluating_cell(context->arena, score->recall);
        cells[3] = evaluating_cell(context->arena, score->f1);
        cells[4] =
            cell_real_shown(str_print(context->arena, "%.10g", score->support), score->support);
    }
    buf_add_char(&context->out, '\n');
    report_text(context, &table, false);
    if (shown < evaluation->class_count)
        report_line(context,
                    str_print(context->arena, "and %zu classes more (--json has all)",
                              evaluation->class_count - shown),
                    2, 0);
}

/* The main metrics of the task as columns. */
static size_t choose_columns(struct arena *arena, const struct evaluation *evaluation,
                             struct column **ret_columns, size_t **ret_rows)
{
    size_t count = 0, chosen = 0;
    const struct score_row *rows = score_rows(&count);
    struct column *columns = arena_new_array(arena, struct column, count + 2);
    size_t *which = arena_new_array(arena, size_t, count);
    columns[0] = (struct column){.name = "slice", .title = "SLICE", .may_shrink = true};
    columns[1] = (struct column){.name = "rows", .title = "ROWS", .is_right = true};
    for (size_t i = 0; i < count; i++) {
        if (!(rows[i].tasks & 1u << evaluation->task) || !rows[i].is_main)
            continue;
        columns[2 + chosen] = (struct column){.name = rows[i].name,
                                              .title = rows[i].title,
                                              .is_right = true,
                                              .drop = (int)chosen + 1};
        which[chosen++] = i;
    }
    columns[2].drop = 0;
    *ret_columns = columns;
    *ret_rows = which;
    return chosen;
}

static void report_slices(const struct evaluating *evaluating)
{
    struct context *context = evaluating->context;
    struct arena *arena = context->arena;
    const struct evaluation *evaluation = &evaluating->own.evaluation;
    struct column *columns = NULL;
    size_t *which = NULL;
    size_t chosen = choose_columns(arena, evaluation, &columns, &which);
    size_t shown = MIN_OF(evaluation->slice_count, (size_t)SLICES_SHOWN);
    struct table table = table_make(arena, columns, chosen + 2);
    for (size_t i = 0; i < shown; i++) {
        const struct slice_evaluation *slice = &evaluation->slices[i];
        struct cell *cells = table_add(&table);
        cells[0] =
            cell_text(str_print(arena, "%.*s=%.*s", STR_FMT(slice->column), STR_FMT(slice->value)));
        cells[1] = cell_int(arena, (int64_t)slice->rows);
        for (size_t k = 0; k < chosen; k++)
            cells[2 + k] = evaluating_cell(arena, slice->values[which[k]]);
    }
    buf_add_char(&context->out, '\n');
    report_text(context, &table, false);
    if (shown < evaluation->slice_count)
        report_line(context,
                    str_print(arena, "and %zu slices more (--json has all)",
                              evaluation->slice_count - shown),
                    2, 0);
}

void evaluating_report(const struct evaluating *evaluating)
{
    struct context *context = evaluating->context;
    const struct evaluation *evaluation = &evaluating->own.evaluation;
    if (context->format == FORMAT_JSON) {
        report_json(evaluating);
        return;
    }
    if (evaluating->has_other) {
        evaluating_report_comparison(evaluating);
        return;
    }
    if (context->format == FORMAT_TABLE)
        add_heading(evaluating);
    report_metrics(evaluating);
    if (context->format != FORMAT_TABLE)
        return;
    tell_notes(evaluating);
    if (evaluation->task != TASK_REGRESSION)
        report_classes(evaluating);
    if (evaluation->slice_count)
        report_slices(evaluating);
}
