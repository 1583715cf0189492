/* Parallel coordinates, lying: axes from left to right, one below the other. */
#include "mlops/base/arena.h"

#include <math.h>

#include "chart_private.h"

enum {
    AXIS_HEIGHT = 78,  /* from one axis to the next */
    AXIS_FIRST = 30,   /* to the first one, with its label above */
    AXIS_FOOT = 24,    /* below the last one, for its ticks */
    APART_ROOM = 84,   /* at the right, for values that are none */
    EDGE = 22,         /* left and right of axes */
    DENSE = 100,       /* from so many lines on they are thinner */
    WORDS_SHOWN = 200, /* names along an axis, at most */
};

/* Text stands out from lines that run below it. */
#define HALO " stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\" data-halo=\"\""

/* An axis where it lies. */
struct lane {
    const struct chart_parallel_column *column;
    struct chart_scale scale;
    double y, left, right;
    double apart;  /* where values that are none stand; 0: all have one */
    double spread; /* words: how far lines of one word lie apart */
};

/* --- layout --------------------------------------------------------------------------------- */

static void measure(const struct chart_parallel_column *column, size_t count, double *ret_least,
                    double *ret_most, bool *ret_has_none)
{
    *ret_least = *ret_most = nan("");
    for (size_t i = 0; i < count; i++) {
        double value = column->values[i];
        if (!isfinite(value) || (column->axis.is_log && value <= 0)) {
            *ret_has_none = true;
            continue;
        }
        *ret_least = fmin(*ret_least, value);
        *ret_most = fmax(*ret_most, value);
    }
}

static struct chart_scale word_scale(const struct chart_axis *axis)
{
    struct chart_axis numbers = {
        .has_range = true,
        .least = -0.5,
        .most = (double)axis->category_count - 0.5,
    };
    struct chart_scale scale = chart_scale_make(&numbers, nan(""), nan(""), false);
    scale.tick_count = 0;
    return scale;
}

static struct lane lane_make(const struct chart_parallel_column *column, size_t count, double y)
{
    struct lane lane = {.column = column, .y = y, .left = EDGE, .right = CHART_WIDTH - EDGE};
    double least, most;
    bool has_none = false;
    measure(column, count, &least, &most, &has_none);
    if (has_none) {
        lane.apart = lane.right;
        lane.right -= APART_ROOM;
    }
    lane.scale = column->axis.category_count ? word_scale(&column->axis)
                                             : chart_scale_make(&column->axis, least, most, true);
    chart_scale_place(&lane.scale, lane.left, lane.right);
    if (column->axis.category_count)
        lane.spread =
            fmin(24, 0.6 * (lane.right - lane.left) / (double)column->axis.category_count);
    return lane;
}

/* --- axes ----------------------------------------------------------------------------------- */

static void add_rule(struct buf *out, const struct lane *lane)
{
    buf_add_text(out, "<path class=\"mc-axis\" fill=\"none\" stroke=\"#8b949e\" d=\"M");
    chart_add_number(out, lane->left);
    buf_add_char(out, ' ');
    chart_add_number(out, lane->y);
    buf_add_char(out, 'H');
    chart_add_number(out, lane->right);
    for (size_t i = 0; i < lane->scale.tick_count; i++) {
        buf_add_char(out, 'M');
        chart_add_number(out, lane->scale.ticks[i].at);
        buf_add_char(out, ' ');
        chart_add_number(out, lane->y - 3);
        buf_add_text(out, "v6");
    }
    buf_add_text(out, "\"/>\n");
}

/* Text below the axis around `x`; left out where it would run into the one before. */
static void add_mark(struct buf *out, const struct lane *lane, double x, double room,
                     struct str text, double *free_from)
{
    double width = fmin(chart_text_width(text, CHART_TEXT), room);
    double start = fmax(1, fmin(x - width / 2, CHART_WIDTH - 1 - width));
    const struct chart_label label = {
        .x = start,
        .y = lane->y + CHART_TEXT + 5,
        .room = room + 0.01,
        .anchor = "start",
        .more = HALO,
        .is_dim = true,
    };
    if (start < *free_from)
        return;
    chart_add_label(out, &label, text);
    *free_from = start + width + CHART_GAP;
}

static void add_words(struct buf *out, const struct lane *lane)
{
    const struct chart_axis *axis = &lane->column->axis;
    size_t stride = axis->category_count / WORDS_SHOWN + 1;
    double free_from = 0;
    double room = fmax((lane->right - lane->left) / (double)axis->category_count - CHART_GAP, 40);
    for (size_t i = 0; i < axis->category_count; i += stride) {
        struct str word = axis->categories[i];
        add_mark(out, lane, chart_scale_at(&lane->scale, (double)i), room,
                 word.len ? word : STR("(empty)"), &free_from);
    }
}

static void add_axis(struct buf *out, const struct lane *lane)
{
    const struct chart_axis *axis = &lane->column->axis;
    const struct chart_label name = {
        .x = EDGE - 3 * CHART_GAP,
        .y = lane->y - CHART_TEXT / 2.0 - 3,
        .room = CHART_WIDTH - EDGE,
        .anchor = "start",
        .more = " font-weight=\"bold\"" HALO,
    };
    double free_from = 0;
    add_rule(out, lane);
    chart_add_label(out, &name, axis->label);
    if (axis->category_count)
        add_words(out, lane);
    for (size_t i = 0; i < lane->scale.tick_count; i++)
        add_mark(out, lane, lane->scale.ticks[i].at, APART_ROOM, str_of(lane->scale.ticks[i].text),
                 &free_from);
    if (lane->apart <= 0)
        return;
    free_from = 0;
    add_mark(out, lane, lane->apart, APART_ROOM, axis->apart.len ? axis->apart : STR("none"),
             &free_from);
}

/* --- lines ---------------------------------------------------------------------------------- */

/* Between -1/2 and 1/2, evenly: multiples of the golden ratio. */
static double jitter(size_t row)
{
    double whole;
    return modf((double)row * 0.6180339887498949 + 0.5, &whole) - 0.5;
}

static double place(const struct lane *lane, size_t row)
{
    double x = chart_scale_at(&lane->scale, lane->column->values[row]);
    if (isnan(x))
        return lane->apart + jitter(row) * 16;
    return fmax(lane->left, fmin(lane->right, x)) + jitter(row) * lane->spread;
}

static void add_row(struct buf *out, const struct chart_parallel *chart, const struct lane *lanes,
                    size_t row)
{
    buf_add_text(out, "<path d=\"");
    for (size_t i = 0; i <= chart->column_count; i++) {
        buf_add_char(out, i ? 'L' : 'M');
        chart_add_number(out, place(&lanes[i], row));
        buf_add_char(out, ' ');
        chart_add_number(out, lanes[i].y);
    }
    if (!chart->names) {
        buf_add_text(out, "\"/>");
        return;
    }
    buf_add_text(out, "\"><title>");
    chart_add_words(out, chart->names[row]);
    buf_add_text(out, "</title></path>");
}

/* From those without a score to the best, which lies on top of all. */
static void add_rows(struct buf *out, const struct chart_parallel *chart,
                     const struct chart_ranks *ranks, const struct lane *lanes)
{
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < ranks->count; i++) {
        size_t row = ranks->order[i], rank = ranks->rank[row];
        if (rank != last) {
            buf_add_text(out, i ? "</g>\n<g" : "<g");
            chart_ranks_stroke(out, rank, ranks->count > DENSE);
            buf_add_text(out, ">");
        }
        last = rank;
        bool is_best = i + 1 == ranks->count && rank != CHART_RANKS;
        buf_add_text(out, is_best ? "<g stroke-width=\"3.5\" stroke-opacity=\"1\">" : "");
        add_row(out, chart, lanes, row);
        buf_add_text(out, is_best ? "</g>" : "");
    }
    buf_add_text(out, ranks->count ? "</g>\n" : "");
}

/* --- the chart ------------------------------------------------------------------------------ */

static struct lane *lanes_make(struct arena *arena, const struct chart_parallel *chart, double top)
{
    struct lane *lanes = arena_new_array(arena, struct lane, chart->column_count + 1);
    for (size_t i = 0; i <= chart->column_count; i++) {
        const struct chart_parallel_column *column =
            i < chart->column_count ? &chart->columns[i] : &chart->score;
        lanes[i] = lane_make(column, chart->row_count, top + AXIS_FIRST + AXIS_HEIGHT * (double)i);
    }
    return lanes;
}

static void add_chart(struct buf *out, const struct chart_parallel *chart, struct str id,
                      bool is_document)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct chart_ranks ranks = chart_ranks_make(&arena, chart);
    double head = chart_heading_height(is_document), legend = chart_ranks_height(&ranks);
    struct lane *lanes = lanes_make(&arena, chart, head + legend);
    const struct chart_head frame = {chart->title, chart->description, id, is_document,
                                     ceil(lanes[chart->column_count].y + AXIS_FOOT)};
    chart_open(out, &frame);
    chart_ranks_legend(out, &ranks, chart->score.axis.apart, head);
    add_rows(out, chart, &ranks, lanes);
    for (size_t i = 0; i <= chart->column_count; i++)
        add_axis(out, &lanes[i]);
    chart_close(out);
}

void chart_parallel_svg(struct buf *out, const struct chart_parallel *chart, struct str id)
{
    add_chart(out, chart, id, false);
}

void chart_parallel_document(struct buf *out, const struct chart_parallel *chart)
{
    add_chart(out, chart, STR(""), true);
}
