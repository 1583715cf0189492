/* `mlops sweep show` and `mlops sweep list`: as text, Markdown, CSV, JSON or a page. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/view.h"
#include "mlops/data/stats.h"
#include "mlops/store/ledger.h"

#include <math.h>

#include "sweep_private.h"

/* --- which sweep ---------------------------------------------------------------------------- */

static FALLIBLE no_sweep(void)
{
    return error_hint(error_new(ERROR_USAGE, "no sweep was made in this project"),
                      "mlops sweep -S 'KEY=VALUE,VALUE,...' --metric METRIC");
}

static FALLIBLE several(struct arena *arena, struct str word, const struct sweep_row *rows,
                        size_t count)
{
    struct buf names = buf_in(arena);
    for (size_t i = 0; i < count; i++)
        buf_print(&names, "%s%.*s", i ? ", " : "", STR_FMT(ulid_short(rows[i].ulid)));
    return error_hint(error_new(ERROR_USAGE, "'%.*s' may be %zu sweeps: %.*s", STR_FMT(word), count,
                                STR_FMT(buf_str(&names))),
                      "give more of its id: 'mlops sweep list'");
}

struct error *sweep_choose(struct context *context, struct str word, struct sweep_row *ret)
{
    struct ledger *ledger = NULL;
    struct sweep_row *rows = NULL;
    size_t count = 0;
    TRY(context_ledger(context, &ledger));
    if (word.len == 0 || str_is(word, "@")) {
        TRY(sweeps_list(ledger, context->arena, false, &rows, &count));
        if (count == 0)
            TRY(sweeps_list(ledger, context->arena, true, &rows, &count));
        if (count == 0)
            return no_sweep();
        *ret = rows[0];
        return NULL;
    }
    TRY(sweeps_find(ledger, context->arena, word, &rows, &count));
    if (count == 0)
        return error_hint(error_new(ERROR_USAGE, "there is no sweep '%.*s'", STR_FMT(word)),
                          "'mlops sweep list' shows them");
    if (count > 1)
        return several(context->arena, word, rows, count);
    *ret = rows[0];
    return NULL;
}

/* --- the commands --------------------------------------------------------------------------- */

/* Of a number KEY of a run: KEY_stderr or KEY_se beside it, or half of its interval. */
static double error_of(const struct metric_vec *metrics, struct str file, struct str key)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str names[] = {
        str_print(&arena, "%.*s_stderr", STR_FMT(key)),
        str_print(&arena, "%.*s_se", STR_FMT(key)),
        str_print(&arena, "intervals.%.*s.low", STR_FMT(key)),
        str_print(&arena, "intervals.%.*s.high", STR_FMT(key)),
        str_print(&arena, "intervals.%.*s.level", STR_FMT(key)),
    };
    double values[COUNT_OF(names)];
    for (size_t i = 0; i < COUNT_OF(names); i++)
        values[i] = nan("");
    vec_each (const struct metric, metric, metrics)
        for (size_t i = 0; i < COUNT_OF(names); i++)
            if (str_equal(metric->file, file) && str_equal(metric->key, names[i]))
                values[i] = metric->value;
    double level = values[4] > 0 && values[4] < 1 ? values[4] : 0.95;
    if (isfinite(values[0]) || isfinite(values[1]))
        return isfinite(values[0]) ? values[0] : values[1];
    return (values[3] - values[2]) / (2 * stats_normal_isf((1 - level) / 2));
}

/* What the winner's own file says of its uncertainty, for want of repeats. */
static FALLIBLE use_recorded_error(struct context *context, struct sweep_result *result)
{
    const struct trial *winner = sweep_result_winner(result);
    const struct sweep *sweep = &result->row->sweep;
    struct run_view view;
    struct run *run = NULL;
    if (!winner || !winner->run.len || result->has_repeats)
        return NULL;
    TRY(view_find_run(context, winner->run, &run));
    TRY(view_of_run(context, run, &view));
    for (size_t i = 0; i < view.stage_count; i++) {
        const struct metric_vec *metrics = &view.stages[i].metrics;
        vec_each (const struct metric, metric, metrics) {
            bool is_it = str_equal(metric->key, sweep->metric_key) &&
                         (!sweep->metric_file.len || str_equal(metric->file, sweep->metric_file));
            if (is_it)
                sweep_result_use_error(result, error_of(metrics, metric->file, metric->key));
        }
    }
    return NULL;
}

/* A trial whose process died is no longer running: whoever goes on takes it again. */
static FALLIBLE find_left(struct workspace *workspace, struct sweep_row *row, struct trial *trials,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_busy = false;
        if (trials[i].status != TRIAL_RUNNING)
            continue;
        TRY(sweeps_is_busy(workspace, row, trials[i].number, &is_busy));
        if (is_busy)
            continue;
        trials[i].status = TRIAL_WAITING;
        row->counts[TRIAL_RUNNING]--;
        row->counts[TRIAL_WAITING]++;
    }
    return NULL;
}

static FALLIBLE load(struct context *context, struct str word, struct sweep_row *row,
                     struct sweep_result *ret)
{
    struct ledger *ledger = NULL;
    struct workspace *workspace = NULL;
    struct trial *trials = NULL;
    size_t count = 0;
    TRY(context_ledger(context, &ledger));
    TRY(sweep_choose(context, word, row));
    TRY(sweeps_trials(ledger, context->arena, row->id, &trials, &count));
    TRY(context_workspace(context, &workspace));
    TRY(find_left(workspace, row, trials, count));
    TRY(sweep_result_make(context->arena, row, trials, count, ret));
    TRY(sweeps_is_busy(workspace, row, -1, &ret->is_busy));
    return use_recorded_error(context, ret);
}

struct error *sweep_show(struct context *context, const struct sweep_show_options *options)
{
    struct sweep_row row;
    struct sweep_result result;
    TRY(load(context, options->word, &row, &result));
    if (options->html.len)
        return report_save(context, options->html, sweep_result_page(&result));
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        sweep_result_json(&json, &result);
        report_json_close(&json);
    } else if (context->format == FORMAT_CSV) {
        struct table table = sweep_trial_table(&result, SIZE_MAX);
        report_csv(&context->out, &table);
    } else {
        sweep_result_text(context, &result, options->limit);
    }
    return NULL;
}

static const struct column list_columns[] = {
    {.name = "sweep", .title = "SWEEP"},
    {.name = "name", .title = "NAME", .may_shrink = true, .drop = 4},
    {.name = "status", .title = "STATUS"},
    {.name = "started", .title = "STARTED", .drop = 3},
    {.name = "method", .title = "METHOD", .drop = 2},
    {.name = "trials", .title = "TRIALS", .is_right = true},
    {.name = "succeeded", .title = "GOOD", .is_right = true, .drop = 5},
    {.name = "failed", .title = "FAILED", .is_right = true, .drop = 6},
    {.name = "metric", .title = "METRIC", .may_shrink = true, .drop = 1},
    {.name = "spent_s", .title = "TIME", .is_right = true, .drop = 7},
};

static void add_sweep(struct context *context, struct table *table, const struct sweep_row *row)
{
    enum tone tone;
    struct arena *arena = table->arena;
    struct cell *cells = table_add(table);
    cells[0] = cell_shown(ulid_short(row->ulid), row->ulid);
    cells[1] = cell_text(row->sweep.name);
    cells[2] = cell_text(str_of(sweep_status(context, row, &tone)));
    cells[2] = cell_toned(cells[2], row->status == SWEEP_DONE ? TONE_PLAIN : TONE_WARN);
    cells[3] =
        cell_shown(report_when(arena, row->created_ns), moment_print(arena, row->created_ns));
    cells[4] = cell_text(str_of(sweep_method_names[row->sweep.method]));
    cells[5] = cell_int(arena, sweep_planned(row));
    cells[6] = cell_int(arena, row->counts[TRIAL_SUCCEEDED]);
    cells[7] = cell_int(arena, row->counts[TRIAL_FAILED]);
    cells[8] = cell_text(row->sweep.metric_key);
    if (row->spent_ns) /* else its first driver is still at work */
        cells[9] =
            cell_real_shown(duration_print(arena, row->spent_ns), report_seconds(row->spent_ns));
}

struct error *sweep_list(struct context *context)
{
    struct ledger *ledger = NULL;
    struct sweep_row *rows = NULL;
    size_t count = 0;
    struct table table = table_make(context->arena, list_columns, COUNT_OF(list_columns));
    TRY(context_ledger(context, &ledger));
    TRY(sweeps_list(ledger, context->arena, false, &rows, &count));
    for (size_t i = 0; i < count; i++)
        add_sweep(context, &table, &rows[i]);
    report_table(context, &table, "sweeps");
    if (count == 0)
        context_notice(context, "no sweep was made in this project");
    return NULL;
}
