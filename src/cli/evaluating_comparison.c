/* Two models on the same rows, for people and as a table. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>

#include "evaluating_private.h"

static void add_heading(const struct evaluating *evaluating)
{
    struct context *context = evaluating->context;
    struct buf line = buf_in(context->arena);
    buf_add_text(&line, "a: ");
    buf_add_escaped(&line, evaluating->own.name, false);
    buf_add_text(&line, ", b: ");
    buf_add_escaped(&line, evaluating->other.name, false);
    buf_print(&line, " (%s, %s rows, %s); delta is b - a", task_name(evaluating->comparison.task),
              count_print(context->arena, (int64_t)evaluating->comparison.rows).at,
              evaluating->options->by_row || evaluating->is_pair ? "in their order"
                                                                 : "matched by id");
    report_line(context, buf_str(&line), 2, 0);
    buf_add_char(&context->out, '\n');
}

/* By direction; a metric that has none is told as it is. */
static struct cell better_cell(const struct score_row *row, double delta)
{
    if (isnan(delta) || row->direction == DIRECTION_UNKNOWN)
        return (struct cell){0};
    if (delta == 0)
        return cell_text(STR("same"));
    bool is_better = (delta > 0) == (row->direction == HIGHER_IS_BETTER);
    return cell_toned(cell_text(is_better ? STR("better") : STR("worse")),
                      is_better ? TONE_GOOD : TONE_BAD);
}

static struct cell p_cell(struct arena *arena, double p)
{
    return isnan(p) ? (struct cell){0} : cell_real_shown(str_print(arena, "%.2g", p), p);
}

static struct cell delta_cell(struct arena *arena, double delta)
{
    if (isnan(delta))
        return (struct cell){0};
    struct cell cell = evaluating_cell(arena, delta);
    cell.text = str_print(arena, "%s%.*s", delta > 0 ? "+" : "", STR_FMT(cell.text));
    return cell;
}

static void add_metric(const struct evaluating *evaluating, struct table *table,
                       const struct compared_metric *metric)
{
    struct arena *arena = evaluating->context->arena;
    size_t count = 0;
    const struct score_row *row = &score_rows(&count)[metric->row];
    struct cell *cells = table_add(table);
    cells[0] = cell_text(str_of(row->name));
    cells[1] = evaluating_cell(arena, metric->a);
    cells[2] = evaluating_cell(arena, metric->b);
    cells[3] = delta_cell(arena, metric->delta);
    cells[4] = better_cell(row, metric->delta);
    cells[5] = evaluating_interval(arena, &metric->interval);
    cells[6] = p_cell(arena, metric->p);
    cells[7] = p_cell(arena, metric->p_holm);
    cells[8] = cell_text(str_of(metric->test));
}

static void report_metrics(const struct evaluating *evaluating)
{
    static const struct column columns[] = {
        {.name = "metric", .title = "METRIC"},
        {.name = "a", .title = "A", .is_right = true},
        {.name = "b", .title = "B", .is_right = true},
        {.name = "delta", .title = "DELTA", .is_right = true},
        {.name = "verdict", .title = "B IS", .drop = 4},
        {.name = "interval", .title = "INTERVAL", .drop = 2},
        {.name = "p", .title = "P", .is_right = true, .drop = 5},
        {.name = "p_holm", .title = "P, HOLM", .is_right = true, .drop = 1},
        {.name = "test", .title = "TEST", .drop = 3},
    };
    struct table table = table_make(evaluating->context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < evaluating->comparison.metric_count; i++)
        add_metric(evaluating, &table, &evaluating->comparison.metrics[i]);
    report_table(evaluating->context, &table, "metrics");
}

void evaluating_report_comparison(const struct evaluating *evaluating)
{
    struct context *context = evaluating->context;
    const struct comparison *comparison = &evaluating->comparison;
    if (context->format != FORMAT_TABLE) {
        report_metrics(evaluating);
        return;
    }
    add_heading(evaluating);
    report_metrics(evaluating);
    struct buf line = buf_in(context->arena);
    if (comparison->has_mcnemar)
        buf_print(&line, "b fixed %s, broke %s; ",
                  count_print(context->arena, (int64_t)comparison->fixed).at,
                  count_print(context->arena, (int64_t)comparison->broke).at);
    buf_print(&line, "intervals of the difference at %g %%; p of all these tests together: holm",
              evaluating->level * 100);
    report_line(context, buf_str(&line), 2, 0);
}
