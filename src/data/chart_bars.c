/* Bars, those of one series beside those of the others. */
#include <math.h>

#include "chart_private.h"

enum { FEW = 2000 }; /* bars that are drawn one by one */

/* How many series of bars there are, and which of them this one is. */
static size_t bars_of(const struct chart *chart, size_t series, size_t *ret_number)
{
    size_t count = 0;
    for (size_t s = 0; s < chart->series_count; s++) {
        if (s == series)
            *ret_number = count;
        count += chart->series[s].kind == CHART_BARS;
    }
    return count;
}

static double clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static void add_bar(struct buf *out, const struct chart_plot *plot, double from, double width,
                    double y)
{
    double base = chart_scale_at(&plot->y, 0);
    base = clamp(isnan(base) ? plot->bottom : base, plot->top, plot->bottom);
    y = clamp(y, plot->top, plot->bottom);
    double left = clamp(from, plot->left, plot->right);
    double right = clamp(from + width, plot->left, plot->right);
    if (right <= left)
        return;
    buf_add_char(out, 'M');
    chart_add_number(out, left);
    buf_add_char(out, ' ');
    chart_add_number(out, base);
    buf_add_char(out, 'V');
    chart_add_number(out, y);
    buf_add_char(out, 'H');
    chart_add_number(out, right);
    buf_add_char(out, 'V');
    chart_add_number(out, base);
    buf_add_char(out, 'z');
}

double chart_bar_step(const struct chart *chart)
{
    double least = HUGE_VAL;
    for (size_t s = 0; s < chart->series_count && !chart->x.categories; s++) {
        const struct chart_series *series = &chart->series[s];
        for (size_t i = 1; i < series->count && series->kind == CHART_BARS; i++) {
            double step = fabs(series->x[i] - series->x[i - 1]);
            if (step > 0 && step < least)
                least = step;
        }
    }
    return isfinite(least) ? least : 1;
}

struct bars {
    double left, width; /* of a bar, from the middle of its category */
    double step;        /* from one bar to the next */
};

static struct bars bars_make(const struct chart_plot *plot, size_t series)
{
    size_t number = 0, count = bars_of(plot->chart, series, &number);
    double step = chart_scale_length(&plot->x, chart_bar_step(plot->chart));
    double group = step > 4 ? step * 0.8 : step, width = fmax(group / (double)count, 0.5);
    return (struct bars){width * (double)number - group / 2, width, step};
}

static void add_each(struct buf *out, const struct chart_plot *plot,
                     const struct chart_series *series, const struct bars *bars)
{
    for (size_t i = 0; i < series->count; i++) {
        double x = chart_scale_at(&plot->x, series->x[i]);
        double y = chart_scale_at(&plot->y, series->y[i]);
        if (!isnan(x) && !isnan(y))
            add_bar(out, plot, x + bars->left, bars->width, y);
    }
}

/* More bars than pixels: the longest of each pixel. */
static void add_longest(struct buf *out, const struct chart_plot *plot,
                        const struct chart_series *series)
{
    double longest[CHART_WIDTH + 1], base = chart_scale_at(&plot->y, 0);
    bool is_there[CHART_WIDTH + 1] = {false};
    base = isnan(base) ? plot->bottom : base;
    for (size_t i = 0; i < series->count; i++) {
        double x = chart_scale_at(&plot->x, series->x[i]);
        double y = chart_scale_at(&plot->y, series->y[i]);
        if (!(x >= 0 && x <= CHART_WIDTH) || isnan(y))
            continue;
        size_t at = (size_t)x;
        if (!is_there[at] || fabs(y - base) > fabs(longest[at] - base))
            longest[at] = y;
        is_there[at] = true;
    }
    for (size_t at = 0; at <= CHART_WIDTH; at++)
        if (is_there[at])
            add_bar(out, plot, (double)at, 1, longest[at]);
}

void chart_add_bar_fill(struct buf *out, const struct chart_look *look, bool has_edge)
{
    static const char *const fills[] = {"0.85", "0.35", "0.6"};
    buf_print(out,
              " fill=\"currentColor\" fill-opacity=\"%s\" stroke=\"currentColor\" "
              "stroke-width=\"%d\"%s",
              look->is_faint ? "0.12" : fills[look->rank % COUNT_OF(fills)], has_edge,
              look->is_faint ? " stroke-dasharray=\"3 3\"" : "");
}

void chart_add_bars(struct buf *out, const struct chart_plot *plot, size_t at)
{
    const struct chart_series *series = &plot->chart->series[at];
    struct chart_look look = chart_look_of(plot->chart, at);
    struct bars bars = bars_make(plot, at);
    chart_open_look(out, &look);
    buf_add_text(out, "<path");
    chart_add_bar_fill(out, &look, bars.step > 4);
    buf_add_text(out, " d=\"");
    if (series->count <= FEW)
        add_each(out, plot, series, &bars);
    else
        add_longest(out, plot, series);
    buf_add_text(out, "\"/></g>\n");
}
