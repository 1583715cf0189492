/* Charts of a sweep: all parameters at once, each against the score, the best so far, importance.
 */
#include "mlops/base/arena.h"
#include "mlops/data/chart.h"

#include <math.h>
#include <stdlib.h>

#include "sweep_private.h"

enum { COLUMNS_MOST = 16, SCATTERS_MOST = 24, LOG_FROM = 100 };

/* A parameter as an axis. */
struct axis {
    const struct sweep_param *param;
    struct chart_axis chart;
    double *values; /* by trial; of words their numbers */
    double importance;
};

/* --- axes ----------------------------------------------------------------------------------- */

/* As it was drawn, or over two decades and more. */
static bool is_log(const struct sweep_param *param, size_t count)
{
    double least = HUGE_VAL, most = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(param->values[i]))
            continue;
        least = fmin(least, param->values[i]);
        most = fmax(most, param->values[i]);
    }
    if (!(least > 0) || !(most >= least))
        return false;
    if (param->dimension && param->dimension->kind != DIMENSION_CHOICE)
        return param->dimension->kind == DIMENSION_LOGUNIFORM ||
               param->dimension->kind == DIMENSION_LOGINT;
    return most / least >= LOG_FROM;
}

/* Words are points in the order in which they were given, else in that of trials. */
static void number_words(const struct sweep_result *result, struct axis *axis)
{
    struct arena *arena = result->arena;
    const struct sweep_param *param = axis->param;
    struct map numbers = {0};
    for (size_t i = 0; param->dimension && i < param->dimension->value_count; i++)
        map_put(arena, &numbers, param->dimension->values[i], &numbers);
    for (size_t i = 0; i < result->count; i++)
        if (param->texts[i].at)
            map_put(arena, &numbers, param->texts[i], &numbers);
    struct str *words = arena_new_array(arena, struct str, numbers.len + 1);
    size_t count = 0;
    map_each (entry, &numbers) {
        words[count++] = sweep_value_words(arena, entry->key);
        entry->value = (void *)(uintptr_t)count;
    }
    for (size_t i = 0; i < result->count; i++)
        axis->values[i] = param->texts[i].at
                              ? (double)(uintptr_t)map_get(&numbers, param->texts[i]) - 1
                              : nan("");
    axis->chart.categories = words;
    axis->chart.category_count = count;
}

static double importance_of(const struct sweep_result *result, const struct sweep_param *param)
{
    for (size_t i = 0; i < result->importance_count; i++)
        if (str_equal(result->importance[i].key, param->key) &&
            str_equal(result->importance[i].file, param->file))
            return isfinite(result->importance[i].share) ? result->importance[i].share : 0;
    return 0;
}

static struct axis axis_make(const struct sweep_result *result, const struct sweep_param *param)
{
    struct axis axis = {
        .param = param,
        .chart = {.label = param->name, .apart = STR("not set")},
        .values = arena_new_array(result->arena, double, result->count + 1),
        .importance = importance_of(result, param),
    };
    if (!param->is_numeric) {
        number_words(result, &axis);
        return axis;
    }
    axis.chart.is_log = is_log(param, result->count);
    if (result->count)
        memcpy(axis.values, param->values, result->count * sizeof *axis.values);
    return axis;
}

/* The least important first: the others are nearer to the score. */
static int compare_axes(const void *a, const void *b)
{
    const struct axis *one = a, *other = b;
    if (one->importance < other->importance || one->importance > other->importance)
        return one->importance < other->importance ? -1 : 1;
    return one->param < other->param ? -1 : one->param > other->param;
}

static struct axis *axes_make(const struct sweep_result *result, size_t *ret_count)
{
    struct axis *axes = arena_new_array(result->arena, struct axis, result->params.len + 1);
    size_t count = 0;
    vec_each (const struct sweep_param, param, &result->params)
        if (!param->is_seed)
            axes[count++] = axis_make(result, param);
    if (count > 1)
        qsort(axes, count, sizeof *axes, compare_axes);
    *ret_count = count;
    return axes;
}

/* --- scores --------------------------------------------------------------------------------- */

/* By trial; NaN: it has none that counts. Those far out stand at the edge. */
struct scores {
    double *values;
    double least, most;
    size_t out_count;
    bool has_none;
};

static struct scores scores_make(const struct sweep_result *result)
{
    struct scores scores = {
        .values = arena_new_array(result->arena, double, result->count + 1),
        .has_none = result->scored_count < result->count,
    };
    sweep_result_range(result, &scores.least, &scores.most, &scores.out_count);
    for (size_t i = 0; i < result->count; i++)
        scores.values[i] = nan("");
    for (size_t i = 0; i < result->scored_count; i++)
        scores.values[result->order[i]] = result->trials[result->order[i]].score;
    return scores;
}

static double at_edge(const struct scores *scores, double score)
{
    return isnan(score) ? score : fmax(scores->least, fmin(scores->most, score));
}

static struct chart_axis score_axis(const struct sweep_result *result, const struct scores *scores)
{
    return (struct chart_axis){
        .label = result->row->sweep.metric_key,
        .has_range = scores->out_count > 0,
        .least = scores->least,
        .most = scores->most,
        .apart = STR("no score"),
    };
}

/* --- charts --------------------------------------------------------------------------------- */

static struct str row_name(const struct sweep_result *result, size_t at)
{
    const struct trial *trial = &result->trials[at];
    struct str score = trial->has_score
                           ? sweep_score_words(result->arena, &result->row->sweep, trial->score)
                           : str_of(trial_status_name(trial->status));
    return str_print(result->arena, "trial %lld: %.*s · %.*s", (long long)trial->number + 1,
                     STR_FMT(score), STR_FMT(sweep_result_words(result, trial)));
}

static void add_parallel(struct page *page, const struct sweep_result *result,
                         const struct axis *axes, size_t count, const struct scores *scores)
{
    struct arena *arena = result->arena;
    size_t first = count > COLUMNS_MOST ? count - COLUMNS_MOST : 0;
    struct chart_parallel_column *columns =
        arena_new_array(arena, struct chart_parallel_column, count + 1);
    struct str *names = arena_new_array(arena, struct str, result->count + 1);
    for (size_t i = first; i < count; i++)
        columns[i - first] = (struct chart_parallel_column){axes[i].chart, axes[i].values};
    for (size_t i = 0; i < result->count; i++)
        names[i] = row_name(result, i);
    const struct chart_parallel chart = {
        .title = STR("Parameters and score of all trials"),
        .description = str_print(arena,
                                 "A line for each trial, from its parameters to its %.*s, coloured "
                                 "by the fifth of the scores that it is in",
                                 STR_FMT(result->row->sweep.metric_key)),
        .columns = columns,
        .column_count = count - first,
        .score = {score_axis(result, scores), scores->values},
        .names = names,
        .row_count = result->count,
        .is_higher_better = result->is_higher_better,
    };
    struct buf svg = buf_in(arena);
    chart_parallel_svg(&svg, &chart, page_chart_id(page));
    page_chart(page, chart.title, buf_str(&svg));
}

static void add_chart(struct page *page, const struct chart *chart)
{
    struct buf svg = buf_in(page->arena);
    chart_svg(&svg, chart, page_chart_id(page));
    page_chart(page, chart->title, buf_str(&svg));
}

static void add_scatter(struct page *page, const struct sweep_result *result,
                        const struct axis *axis, const struct scores *scores)
{
    struct arena *arena = result->arena;
    double *y = arena_new_array(arena, double, result->count + 1);
    for (size_t i = 0; i < result->count; i++)
        y[i] = at_edge(scores, scores->values[i]);
    const struct chart_series series = {STR(""), CHART_POINTS,  axis->values,
                                        y,       result->count, false};
    struct chart chart = {
        .title = str_print(arena, "%.*s and %.*s", STR_FMT(axis->param->name),
                           STR_FMT(result->row->sweep.metric_key)),
        .x = axis->chart,
        .y = score_axis(result, scores),
        .series = &series,
        .series_count = 1,
    };
    if (!scores->has_none)
        chart.y.apart = (struct str){0};
    add_chart(page, &chart);
}

/* By the number of trials, which is the order in which they were made up. */
static void add_history(struct page *page, const struct sweep_result *result,
                        const struct scores *scores)
{
    struct arena *arena = result->arena;
    size_t count = result->count, steps = 0;
    double *x = arena_new_array(arena, double, count + 1),
           *y = arena_new_array(arena, double, count + 1);
    double *step_x = arena_new_array(arena, double, count + 1);
    double *step_y = arena_new_array(arena, double, count + 1), best = nan("");
    for (size_t i = 0; i < count; i++) {
        double score = scores->values[i];
        x[i] = (double)result->trials[i].number + 1;
        y[i] = at_edge(scores, score);
        if (!isnan(score))
            best = result->is_higher_better ? fmax(best, score) : fmin(best, score);
        if (isnan(best))
            continue;
        step_x[steps] = x[i];
        step_y[steps++] = at_edge(scores, best);
    }
    const struct chart_series series[] = {
        {STR("best so far"), CHART_STEPS, step_x, step_y, steps, false},
        {STR("trial"), CHART_POINTS, x, y, count, false},
    };
    struct chart chart = {
        .title = STR("Best so far"),
        .x = {.label = STR("trial")},
        .y = score_axis(result, scores),
        .series = series,
        .series_count = COUNT_OF(series),
    };
    if (!scores->has_none)
        chart.y.apart = (struct str){0};
    add_chart(page, &chart);
}

static void add_importance(struct page *page, const struct sweep_result *result)
{
    struct arena *arena = result->arena;
    size_t count = MIN_OF(result->importance_count, (size_t)SCATTERS_MOST);
    double *x = arena_new_array(arena, double, count + 1),
           *y = arena_new_array(arena, double, count + 1);
    struct str *names = arena_new_array(arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++) {
        x[i] = (double)i;
        y[i] = 100 * result->importance[i].share;
        names[i] = result->importance[i].key;
    }
    const struct chart_series series = {STR(""), CHART_BARS, x, y, count, false};
    const struct chart chart = {
        .title = STR("Importance of parameters"),
        .x = {.categories = names, .category_count = count},
        .y = {.label = STR("% of the variance")},
        .series = &series,
        .series_count = 1,
    };
    add_chart(page, &chart);
}

void sweep_add_charts(struct page *page, const struct sweep_result *result)
{
    size_t count;
    struct axis *axes = axes_make(result, &count);
    struct scores scores = scores_make(result);
    struct str words = sweep_say_importance(result);
    if (result->scored_count == 0)
        return;
    page_section(page, STR("All parameters at once"));
    if (count > COLUMNS_MOST)
        page_text(page, str_print(result->arena, "The %d most important of %zu parameters.",
                                  COLUMNS_MOST, count));
    if (scores.out_count)
        page_text(page, str_print(result->arena,
                                  "%zu scores are far from all others and stand at the end of "
                                  "their axis.",
                                  scores.out_count));
    page_charts_open(page);
    if (count)
        add_parallel(page, result, axes, count, &scores);
    add_history(page, result, &scores);
    page_charts_close(page);
    page_section(page, STR("Each parameter and the score"));
    page_charts_open(page);
    for (size_t i = count; i > 0 && count - i < SCATTERS_MOST; i--)
        add_scatter(page, result, &axes[i - 1], &scores);
    if (words.len)
        add_importance(page, result);
    page_charts_close(page);
}
