/* What stands at the edges of a plot: ticks, their text, labels. */
#include <math.h>
#include <stdio.h>

#include "chart_private.h"

enum {
    LABELS = 24,       /* categories that are named */
    ASLANT_ROOM = 100, /* of a name that stands aslant */
    TICK_ROOM = 110,
};

static struct str tick_text(const struct chart_tick *tick)
{
    return str_of(tick->text);
}

/* --- room ----------------------------------------------------------------------------------- */

static double ticks_width(const struct chart_scale *scale)
{
    double most = 0;
    for (size_t i = 0; i < scale->tick_count; i++)
        most = fmax(most, chart_text_width(tick_text(&scale->ticks[i]), CHART_TEXT));
    return fmin(most, TICK_ROOM);
}

/* Every how manieth category is named. */
static size_t category_stride(const struct chart_axis *axis)
{
    return (axis->category_count + LABELS - 1) / LABELS;
}

/* Widest name of a category; it stands upright only where all fit. */
static double widest_category(const struct chart_axis *axis)
{
    double most = 0;
    size_t stride = category_stride(axis);
    for (size_t i = 0; i < axis->category_count; i += stride)
        most = fmax(most, chart_text_width(axis->categories[i], CHART_TEXT));
    return most;
}

static double category_room(const struct chart_axis *axis, double plot_width)
{
    size_t shown = axis->category_count / MAX_OF(category_stride(axis), (size_t)1);
    return plot_width / (double)MAX_OF(shown, (size_t)1) - CHART_GAP;
}

static bool is_aslant(const struct chart_axis *axis, double plot_width)
{
    return widest_category(axis) > category_room(axis, plot_width);
}

void chart_axes_room(const struct chart_plot *plot, double *ret_left, double *ret_bottom)
{
    const struct chart_axis *x = &plot->chart->x, *y = &plot->chart->y;
    double ticks = fmax(ticks_width(&plot->y), chart_text_width(y->apart, CHART_TEXT));
    *ret_left = fmin(ticks, TICK_ROOM) + 2.0 * CHART_GAP + (y->label.len ? CHART_ROW : 0);
    *ret_bottom = CHART_ROW + CHART_GAP + (x->label.len ? CHART_ROW : 0);
    if (x->categories && is_aslant(x, CHART_WIDTH - *ret_left - 2 * CHART_GAP))
        *ret_bottom += fmin(widest_category(x), ASLANT_ROOM) * 0.6;
}

/* --- drawing -------------------------------------------------------------------------------- */

static void add_line(struct buf *out, double x, double y, char direction, double to)
{
    buf_add_char(out, 'M');
    chart_add_number(out, x);
    buf_add_char(out, ' ');
    chart_add_number(out, y);
    buf_add_char(out, direction);
    chart_add_number(out, to);
}

static void add_grid(struct buf *out, const struct chart_plot *plot)
{
    buf_add_text(out, "<path class=\"mc-grid\" fill=\"none\" stroke=\"#d5dae0\" d=\"");
    for (size_t i = 0; i < plot->y.tick_count; i++)
        add_line(out, plot->left, plot->y.ticks[i].at, 'H', plot->right);
    if (plot->apart > 0)
        add_line(out, plot->left, plot->apart - CHART_APART / 2.0, 'H', plot->right);
    for (size_t i = 0; i < plot->x.tick_count; i++)
        add_line(out, plot->x.ticks[i].at, plot->top, 'V', plot->bottom);
    buf_add_text(out, "\"/>\n<path class=\"mc-axis\" fill=\"none\" stroke=\"#8b949e\" d=\"");
    add_line(out, plot->left, plot->top, 'V', plot->bottom);
    buf_add_char(out, 'H');
    chart_add_number(out, plot->right);
    buf_add_text(out, "\"/>\n");
}

static void add_y_ticks(struct buf *out, const struct chart_plot *plot)
{
    struct chart_label label = {
        .x = plot->left - CHART_GAP,
        .room = TICK_ROOM,
        .anchor = "end",
        .more = "",
        .is_dim = true,
    };
    for (size_t i = 0; i < plot->y.tick_count; i++) {
        label.y = plot->y.ticks[i].at + 4;
        chart_add_label(out, &label, tick_text(&plot->y.ticks[i]));
    }
    label.y = plot->apart + 4;
    if (plot->apart > 0)
        chart_add_label(out, &label, plot->chart->y.apart);
}

/* Leaves out those that would run into the one before. */
static void add_x_ticks(struct buf *out, const struct chart_plot *plot)
{
    struct chart_label label = {
        .y = plot->bottom + CHART_ROW - 2,
        .room = TICK_ROOM,
        .more = "",
        .is_dim = true,
    };
    double free_from = 0;
    for (size_t i = 0; i < plot->x.tick_count; i++) {
        struct str text = tick_text(&plot->x.ticks[i]);
        double width = chart_text_width(text, CHART_TEXT);
        bool is_last = plot->x.ticks[i].at + width / 2 > CHART_WIDTH;
        label.x = is_last ? CHART_WIDTH - 1 : plot->x.ticks[i].at;
        label.anchor = is_last ? "end" : "middle";
        double start = is_last ? label.x - width : label.x - width / 2;
        if (start < free_from)
            continue;
        chart_add_label(out, &label, text);
        free_from = start + width + CHART_GAP;
    }
}

static void add_categories(struct buf *out, const struct chart_plot *plot)
{
    const struct chart_axis *axis = &plot->chart->x;
    double width = plot->right - plot->left;
    bool aslant = is_aslant(axis, width);
    for (size_t i = 0; i < axis->category_count; i += category_stride(axis)) {
        char turn[64] = "";
        double x = chart_scale_at(&plot->x, (double)i), y = plot->bottom + CHART_ROW - 3;
        x += aslant ? 4 : 0;
        if (aslant)
            snprintf(turn, sizeof turn, " transform=\"rotate(-40 %.1f %.1f)\"", x, y);
        const struct chart_label label = {
            .x = x,
            .y = y,
            .room = aslant ? fmin(ASLANT_ROOM, (x - CHART_GAP) * 1.3) : HUGE_VAL,
            .anchor = aslant ? "end" : "middle",
            .more = turn,
            .is_dim = true,
        };
        chart_add_label(out, &label,
                        axis->categories[i].len ? axis->categories[i] : STR("(empty)"));
    }
}

static void add_names(struct buf *out, const struct chart_plot *plot, double bottom)
{
    char turn[64];
    double x = CHART_TEXT + 1, y = (plot->top + plot->bottom) / 2;
    snprintf(turn, sizeof turn, " transform=\"rotate(-90 %.1f %.1f)\"", x, y);
    const struct chart_label under = {
        .x = (plot->left + plot->right) / 2,
        .y = bottom - CHART_GAP,
        .room = plot->right - plot->left,
        .anchor = "middle",
        .more = "",
    };
    const struct chart_label beside = {x, y, plot->bottom - plot->top, "middle", turn, false, 0};
    chart_add_label(out, &under, plot->chart->x.label);
    chart_add_label(out, &beside, plot->chart->y.label);
}

void chart_add_axes(struct buf *out, const struct chart_plot *plot, double bottom)
{
    add_grid(out, plot);
    add_y_ticks(out, plot);
    if (plot->chart->x.categories)
        add_categories(out, plot);
    else
        add_x_ticks(out, plot);
    add_names(out, plot, bottom);
}
