/* Lines, steps and points, thinned to what pixels can show. */
#include <math.h>

#include "chart_private.h"

enum {
    FEW = 2000,       /* points that are drawn one by one */
    VERTICES = 16000, /* of one line at most, in all */
    MARKS = 300,      /* drawn with their shapes; more are dots */
    CELL = 2,         /* units: at most one dot stands in each square of this size */
};

/* A place on the paper of a point of a series; NaN: none. */
static void place(const struct chart_plot *plot, const struct chart_series *series, size_t i,
                  double *ret_x, double *ret_y)
{
    *ret_x = chart_scale_at(&plot->x, series->x[i]);
    *ret_y = chart_scale_at(&plot->y, series->y[i]);
    if (isnan(*ret_y) && plot->apart > 0 && series->kind == CHART_POINTS)
        *ret_y = plot->apart;
    if (isnan(*ret_x) || isnan(*ret_y))
        *ret_x = *ret_y = nan("");
}

/* --- lines ---------------------------------------------------------------------------------- */

struct point {
    double x, y;
};

/* A run of neighbours in one column of pixels: its first, lowest, highest and last point show the
 * same as all of them. */
struct bunch {
    long column;
    size_t count;
    struct point at[4]; /* first, least y, most y, last */
    size_t order[4];    /* which number in the run each has */
};

struct tracer {
    struct chart_pen pen;
    bool is_stepping;
    size_t stride, number; /* only every stride-th bunch is drawn */
    struct bunch bunch;
};

static void trace_point(struct tracer *tracer, struct point point)
{
    if (tracer->is_stepping && tracer->pen.is_down)
        chart_pen_to(&tracer->pen, point.x, tracer->pen.y);
    chart_pen_to(&tracer->pen, point.x, point.y);
}

static void flush(struct tracer *tracer)
{
    struct bunch *bunch = &tracer->bunch;
    bool is_due = bunch->count && tracer->number++ % tracer->stride == 0;
    bool is_low_first = bunch->order[1] <= bunch->order[2];
    const size_t order[4] = {0, is_low_first ? 1 : 2, is_low_first ? 2 : 1, 3};
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < 4 && is_due; i++) {
        if (bunch->order[order[i]] == last)
            continue;
        last = bunch->order[order[i]];
        trace_point(tracer, bunch->at[order[i]]);
    }
    bunch->count = 0;
}

static void gather(struct tracer *tracer, struct point point)
{
    struct bunch *bunch = &tracer->bunch;
    long column = lround(point.x);
    if (bunch->count && column != bunch->column)
        flush(tracer);
    size_t number = bunch->count++;
    if (number == 0) {
        bunch->column = column;
        for (size_t i = 0; i < 4; i++) {
            bunch->at[i] = point;
            bunch->order[i] = 0;
        }
        return;
    }
    const bool is_new[4] = {false, point.y<bunch->at[1].y, point.y> bunch->at[2].y, true};
    for (size_t i = 1; i < 4; i++) {
        if (is_new[i]) {
            bunch->at[i] = point;
            bunch->order[i] = number;
        }
    }
}

/* A line that goes to and fro makes a bunch of every point: then some of them are left out. */
static size_t stride_of(const struct chart_plot *plot, const struct chart_series *series)
{
    if (series->count <= FEW)
        return 1;
    size_t bunches = 0;
    long last = 0;
    for (size_t i = 0; i < series->count; i++) {
        double x = chart_scale_at(&plot->x, series->x[i]);
        if (isnan(x) || (bunches && lround(x) == last))
            continue;
        last = lround(x);
        bunches++;
    }
    return bunches / (VERTICES / 4) + 1;
}

static void trace(struct buf *out, const struct chart_plot *plot, const struct chart_series *series)
{
    struct tracer tracer = {
        .pen = chart_pen_make(out, plot),
        .is_stepping = series->kind == CHART_STEPS,
        .stride = stride_of(plot, series),
    };
    for (size_t i = 0; i < series->count; i++) {
        struct point point;
        place(plot, series, i, &point.x, &point.y);
        if (isnan(point.x)) {
            flush(&tracer);
            chart_pen_lift(&tracer.pen);
        } else if (series->count <= FEW) {
            trace_point(&tracer, point);
        } else {
            gather(&tracer, point);
        }
    }
    flush(&tracer);
    chart_pen_lift(&tracer.pen);
}

/* --- points --------------------------------------------------------------------------------- */

enum { CELLS_ACROSS = CHART_WIDTH / CELL + 1, CELLS_DOWN = CHART_PLOT_HEIGHT / CELL + 2 };

/* True the first time that a cell is asked for. */
static bool take_cell(unsigned char *cells, const struct chart_plot *plot, double x, double y)
{
    size_t at = (size_t)((y - plot->top) / CELL) * CELLS_ACROSS + (size_t)((x - plot->left) / CELL);
    unsigned char bit = (unsigned char)(1 << at % 8);
    bool is_free = !(cells[at / 8] & bit);
    cells[at / 8] |= bit;
    return is_free;
}

static void add_dot(struct buf *out, double x, double y)
{
    buf_add_char(out, 'M');
    chart_add_number(out, x);
    buf_add_char(out, ' ');
    chart_add_number(out, y);
    buf_add_text(out, "h0");
}

static void dot(struct buf *out, const struct chart_plot *plot, const struct chart_series *series,
                const struct chart_look *look)
{
    unsigned char cells[(CELLS_ACROSS * CELLS_DOWN + 7) / 8] = {0};
    for (size_t i = 0; i < series->count; i++) {
        double x, y;
        place(plot, series, i, &x, &y);
        bool is_inside = x >= plot->left && x <= plot->right && y >= plot->top && y <= plot->bottom;
        if (!is_inside)
            continue;
        if (series->count <= MARKS)
            chart_add_mark(out, look, x, y, 3.5);
        else if (take_cell(cells, plot, x, y))
            add_dot(out, x, y);
    }
}

/* --- a series ------------------------------------------------------------------------------- */

static bool is_line(const struct chart_series *series)
{
    return series->kind == CHART_LINES || series->kind == CHART_STEPS;
}

void chart_add_series(struct buf *out, const struct chart_plot *plot, size_t at)
{
    const struct chart_series *series = &plot->chart->series[at];
    struct chart_look look = chart_look_of(plot->chart, at);
    bool is_single = is_line(series) && series->count == 1;
    chart_open_look(out, &look);
    if (is_line(series) && !is_single) {
        buf_add_text(out, "<path");
        chart_add_stroke(out, &look);
        buf_add_text(out, " d=\"");
        trace(out, plot, series);
    } else {
        buf_add_text(out, series->count > MARKS
                              ? "<path fill=\"none\" stroke=\"currentColor\" stroke-width=\"3\" "
                                "stroke-opacity=\"0.6\" stroke-linecap=\"round\" d=\""
                              : "<path fill=\"currentColor\" fill-opacity=\"0.8\" d=\"");
        dot(out, plot, series, &look);
    }
    buf_add_text(out, "\"/></g>\n");
}
