/* Which line is which, below the heading; and how each of them looks. */
#include <stdio.h>

#include "chart_private.h"

enum { SWATCH = 28, NAME_ROOM = 185 };

/* --- looks ---------------------------------------------------------------------------------- */

/* Solid, then dashes of different lengths; gaps allow for round ends. */
static const char *const dashes[] = {NULL, "11 5", "1 4.5", "11 5 1 5", "17 5", "11 5 1 5 1 5"};
static const char *const colours[CHART_COLOURS] = {"#0b62a4", "#b3410e", "#1b7445",
                                                   "#8a3f8f", "#7d5a00", "#4b5563"};

struct chart_look chart_look_of(const struct chart *chart, size_t series)
{
    struct chart_look look = {
        .is_faint = chart->series[series].is_faint,
        .kind = chart->series[series].kind,
    };
    for (size_t s = 0; s < series; s++)
        look.rank += chart->series[s].is_faint == look.is_faint;
    if (look.is_faint && look.kind == CHART_POINTS)
        look.rank++; /* a cloud has no dashes: what is before has another colour and shape */
    return look;
}

void chart_open_look(struct buf *out, const struct chart_look *look)
{
    size_t colour = look->rank % CHART_COLOURS;
    buf_print(out, "<g class=\"mc-%zu\" color=\"%s\"%s>", colour, colours[colour],
              look->is_faint ? " opacity=\"0.75\"" : "");
}

void chart_add_stroke(struct buf *out, const struct chart_look *look)
{
    const char *dash = look->is_faint ? "4 4" : dashes[look->rank % COUNT_OF(dashes)];
    buf_print(out,
              " fill=\"none\" stroke=\"currentColor\" stroke-width=\"%s\" "
              "stroke-linecap=\"round\" stroke-linejoin=\"round\"",
              look->is_faint ? "1.2" : "2");
    if (dash)
        buf_print(out, " stroke-dasharray=\"%s\"", dash);
}

/* Corners in tenths of the half-width; the first has the look of a disc. */
static const struct shape {
    int count;
    signed char at[12][2];
} shapes[CHART_COLOURS] = {
    {8, {{4, 10}, {10, 4}, {10, -4}, {4, -10}, {-4, -10}, {-10, -4}, {-10, 4}, {-4, 10}}},
    {4, {{-9, -9}, {9, -9}, {9, 9}, {-9, 9}}},
    {3, {{0, -11}, {11, 9}, {-11, 9}}},
    {4, {{0, -13}, {13, 0}, {0, 13}, {-13, 0}}},
    {12,
     {{-4, -12},
      {4, -12},
      {4, -4},
      {12, -4},
      {12, 4},
      {4, 4},
      {4, 12},
      {-4, 12},
      {-4, 4},
      {-12, 4},
      {-12, -4},
      {-4, -4}}},
    {3, {{0, 11}, {11, -9}, {-11, -9}}},
};

void chart_add_mark(struct buf *out, const struct chart_look *look, double x, double y, double size)
{
    const struct shape *shape = &shapes[look->rank % CHART_COLOURS];
    for (int i = 0; i < shape->count; i++) {
        buf_add_char(out, i ? 'L' : 'M');
        chart_add_number(out, x + shape->at[i][0] * size / 10);
        buf_add_char(out, ' ');
        chart_add_number(out, y + shape->at[i][1] * size / 10);
    }
    buf_add_char(out, 'z');
}

/* --- the legend ----------------------------------------------------------------------------- */

void chart_legend_lay(struct chart_legend *legend, const struct chart *chart)
{
    double x = CHART_GAP;
    *legend = (struct chart_legend){0};
    for (size_t s = 0; s < chart->series_count; s++) {
        struct str name = chart->series[s].name;
        if (name.len == 0)
            continue;
        double width = SWATCH + MIN_OF(chart_text_width(name, CHART_TEXT), NAME_ROOM);
        bool is_full = legend->count && x + width > CHART_WIDTH - CHART_GAP;
        if (legend->count == CHART_LEGEND || legend->left_out ||
            (is_full && legend->row_count == CHART_LEGEND_ROWS)) {
            legend->left_out++;
            continue;
        }
        x = is_full ? CHART_GAP : x;
        legend->row_count += is_full || legend->count == 0;
        legend->spots[legend->count++] = (struct chart_spot){s, legend->row_count - 1, x};
        x += width + 2 * CHART_GAP;
    }
}

double chart_legend_height(const struct chart_legend *legend)
{
    return (double)(legend->row_count + (legend->left_out > 0)) * CHART_ROW;
}

/* A piece of what is drawn. */
static void add_swatch(struct buf *out, const struct chart_look *look, double x, double y)
{
    chart_open_look(out, look);
    buf_add_text(out, "<path");
    if (look->kind == CHART_POINTS)
        buf_add_text(out, " fill=\"currentColor\"");
    else if (look->kind == CHART_BARS)
        chart_add_bar_fill(out, look, true);
    else
        chart_add_stroke(out, look);
    buf_add_text(out, " d=\"");
    if (look->kind == CHART_POINTS) {
        chart_add_mark(out, look, x + 14, y, 5);
    } else {
        buf_add_char(out, 'M');
        chart_add_number(out, x + 1);
        buf_add_char(out, ' ');
        chart_add_number(out, y);
        buf_add_text(out, look->kind == CHART_BARS ? "m7-5h14v10h-14z" : "h22");
    }
    buf_add_text(out, "\"/></g>");
}

void chart_legend_add(struct buf *out, const struct chart *chart, const struct chart_legend *legend,
                      double top)
{
    struct chart_label label = {.room = NAME_ROOM + 1, .anchor = "start", .more = ""};
    for (size_t i = 0; i < legend->count; i++) {
        const struct chart_spot *spot = &legend->spots[i];
        struct chart_look look = chart_look_of(chart, spot->series);
        double y = top + ((double)spot->row + 0.5) * CHART_ROW;
        add_swatch(out, &look, spot->x, y);
        label.x = spot->x + SWATCH;
        label.y = y + 4;
        chart_add_label(out, &label, chart->series[spot->series].name);
    }
    if (legend->left_out == 0)
        return;
    char text[40];
    int len = snprintf(text, sizeof text, "and %zu more", legend->left_out);
    label.x = CHART_GAP;
    label.y = top + ((double)legend->row_count + 0.5) * CHART_ROW + 4;
    chart_add_label(out, &label, (struct str){text, (size_t)len});
}
