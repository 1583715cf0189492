#include "mlops/data/chart.h"

#include <math.h>

#include "chart_private.h"

enum { NAMES_MOST = 10 }; /* of series in the words of a chart that brings none */

/* --- ranges --------------------------------------------------------------------------------- */

struct extent {
    double least, most;
};

static void extend(struct extent *extent, double value, bool is_log)
{
    if (!isfinite(value) || (is_log && value <= 0))
        return;
    extent->least = fmin(extent->least, value); /* of NaN and a number: the number */
    extent->most = fmax(extent->most, value);
}

static void measure(const struct chart *chart, struct extent *x, struct extent *y)
{
    *x = *y = (struct extent){nan(""), nan("")};
    for (size_t s = 0; s < chart->series_count; s++) {
        const struct chart_series *series = &chart->series[s];
        for (size_t i = 0; i < series->count; i++) {
            bool is_apart = chart->y.apart.len && series->kind == CHART_POINTS;
            if (!isfinite(series->x[i]) || (!isfinite(series->y[i]) && !is_apart))
                continue;
            extend(x, series->x[i], chart->x.is_log);
            extend(y, series->y[i], chart->y.is_log);
        }
        if (series->kind == CHART_BARS)
            extend(y, 0, chart->y.is_log);
    }
}

static bool has_kind(const struct chart *chart, enum chart_kind kind)
{
    for (size_t s = 0; s < chart->series_count; s++)
        if (chart->series[s].kind == kind)
            return true;
    return false;
}

/* With half a category of room at both ends. */
static struct chart_scale category_scale(const struct chart *chart, const struct extent *x)
{
    struct chart_axis axis = chart->x;
    bool has_numbers = !axis.categories && x->least <= x->most;
    double most = axis.categories ? (double)MAX_OF(axis.category_count, (size_t)1) - 1 : 0;
    axis.has_range = true;
    axis.is_log = false;
    double half = chart_bar_step(chart) / 2;
    axis.least = (has_numbers ? x->least : 0) - half;
    axis.most = (has_numbers ? x->most : most) + half;
    struct chart_scale scale = chart_scale_make(&axis, nan(""), nan(""), false);
    if (axis.categories)
        scale.tick_count = 0; /* they have names */
    return scale;
}

static bool has_points(const struct chart_plot *plot)
{
    for (size_t s = 0; s < plot->chart->series_count; s++) {
        const struct chart_series *series = &plot->chart->series[s];
        for (size_t i = 0; i < series->count; i++)
            if (!isnan(chart_scale_at(&plot->x, series->x[i])) &&
                (!isnan(chart_scale_at(&plot->y, series->y[i])) || plot->apart > 0))
                return true;
    }
    return false;
}

/* --- layout --------------------------------------------------------------------------------- */

static struct chart_plot plot_make(const struct chart *chart, double top, double *ret_height)
{
    struct extent x, y;
    struct chart_plot plot = {.chart = chart, .top = top, .right = CHART_WIDTH - 2.0 * CHART_GAP};
    double below;
    measure(chart, &x, &y);
    plot.y = chart_scale_make(&chart->y, y.least, y.most, true);
    if (chart->x.categories || has_kind(chart, CHART_BARS))
        plot.x = category_scale(chart, &x);
    else
        plot.x = chart_scale_make(&chart->x, x.least, x.most, has_kind(chart, CHART_POINTS));
    chart_axes_room(&plot, &plot.left, &below);
    plot.bottom = top + CHART_PLOT_HEIGHT;
    if (chart->y.apart.len)
        plot.apart = plot.bottom - CHART_APART / 2.0;
    chart_scale_place(&plot.x, plot.left, plot.right);
    chart_scale_place(&plot.y, plot.bottom - (plot.apart > 0 ? CHART_APART : 0), plot.top);
    *ret_height = ceil(plot.bottom + below);
    return plot;
}

/* --- words ---------------------------------------------------------------------------------- */

static void describe(struct buf *out, const struct chart *chart)
{
    if (chart->y.label.len && chart->x.label.len)
        buf_print(out, "%.*s by %.*s", STR_FMT(chart->y.label), STR_FMT(chart->x.label));
    size_t named = 0;
    for (size_t s = 0; s < chart->series_count && named < NAMES_MOST; s++) {
        if (chart->series[s].name.len == 0)
            continue;
        buf_add_text(out, named++ ? ", " : out->len ? ": " : "");
        buf_add_str(out, chart->series[s].name);
    }
}

/* --- drawing -------------------------------------------------------------------------------- */

static void add_diagonal(struct buf *out, const struct chart_plot *plot)
{
    struct chart_pen pen = chart_pen_make(out, plot);
    double least = (double)fmaxl(plot->x.least, plot->y.least);
    double most = (double)fminl(plot->x.most, plot->y.most);
    if (plot->x.is_log || plot->y.is_log || !(least < most))
        return;
    buf_add_text(out, "<path class=\"mc-axis\" fill=\"none\" stroke=\"#8b949e\" "
                      "stroke-dasharray=\"2 4\" d=\"");
    chart_pen_to(&pen, chart_scale_at(&plot->x, least), chart_scale_at(&plot->y, least));
    chart_pen_to(&pen, chart_scale_at(&plot->x, most), chart_scale_at(&plot->y, most));
    chart_pen_lift(&pen);
    buf_add_text(out, "\"/>\n");
}

static void add_nothing(struct buf *out, const struct chart_plot *plot)
{
    const struct chart_label label = {
        .x = (plot->left + plot->right) / 2,
        .y = (plot->top + plot->bottom) / 2,
        .room = CHART_WIDTH,
        .anchor = "middle",
        .more = "",
        .is_dim = true,
    };
    chart_add_label(out, &label, STR("no data"));
}

/* Faint ones below the others. */
static void add_all(struct buf *out, const struct chart_plot *plot)
{
    const struct chart *chart = plot->chart;
    for (int layer = 0; layer < 2; layer++) {
        for (size_t s = 0; s < chart->series_count; s++) {
            if (chart->series[s].is_faint != (layer == 0) || chart->series[s].count == 0)
                continue;
            if (chart->series[s].kind == CHART_BARS)
                chart_add_bars(out, plot, s);
            else
                chart_add_series(out, plot, s);
        }
    }
}

static void add_chart(struct buf *out, const struct chart *chart, struct str id, bool is_document)
{
    AUTO(buf_drop) struct buf words = {0};
    struct chart_head head = {chart->title, chart->description, id, is_document, 0};
    struct chart_legend legend;
    double top = chart_heading_height(is_document);
    chart_legend_lay(&legend, chart);
    struct chart_plot plot =
        plot_make(chart, top + chart_legend_height(&legend) + 2 * CHART_GAP, &head.height);
    describe(&words, chart);
    if (chart->description.len == 0)
        head.description = buf_str(&words);
    chart_open(out, &head);
    chart_legend_add(out, chart, &legend, top);
    chart_add_axes(out, &plot, head.height);
    if (chart->has_diagonal)
        add_diagonal(out, &plot);
    add_all(out, &plot);
    if (!has_points(&plot))
        add_nothing(out, &plot);
    chart_close(out);
}

void chart_svg(struct buf *out, const struct chart *chart, struct str id)
{
    add_chart(out, chart, id, false);
}

void chart_document(struct buf *out, const struct chart *chart)
{
    add_chart(out, chart, STR(""), true);
}
