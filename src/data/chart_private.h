/* What the parts of chart share. Lengths are in units of the viewBox: at 400 pixels of width a unit
 * is about 0.85 of a pixel, so 12 is the least size of text. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/data/chart.h"

enum {
    CHART_WIDTH = 440,
    CHART_PLOT_HEIGHT = 240,
    CHART_GAP = 6,
    CHART_TEXT = 12, /* size of text, and of a heading below */
    CHART_HEADING = 15,
    CHART_ROW = 18, /* from one line of text to the next */
    CHART_TICKS = 12,
    CHART_COLOURS = 6,
    CHART_APART = 30, /* height of the strip for points without a value */
};

/* --- frame: what is around a plot ----------------------------------------------------------- */

struct chart_head {
    struct str title, description, id;
    bool is_document;
    double height;
};
/* <svg> with its style, its words for those who don't see it and, of a document, the heading in the
 * uppermost chart_heading_height units. */
void chart_open(struct buf *out, const struct chart_head *head);
void chart_close(struct buf *out);
double chart_heading_height(bool is_document);

/* Text at (x, y), cut to `room` units with an ellipsis (then the whole of it is shown where the
 * pointer rests). `anchor`: "start", "middle", "end"; `more`: attributes, or "". */
struct chart_label {
    double x, y, room;
    const char *anchor, *more;
    bool is_dim;
    double size; /* 0: CHART_TEXT */
};
void chart_add_label(struct buf *out, const struct chart_label *label, struct str text);

/* As much of a text as a person may want to read, as XML: for <title> and <desc>. */
void chart_add_words(struct buf *out, struct str text);

/* A coordinate with one decimal at most; the same bytes everywhere. */
void chart_add_number(struct buf *out, double value);

/* --- scale: values to places ---------------------------------------------------------------- */

struct chart_tick {
    double at; /* share of the axis from its beginning; where it is drawn after chart_scale_place */
    char text[40];
};

struct chart_scale {
    long double least, most; /* logarithms of a logarithmic axis; wider than what doubles can
                              * differ by */
    bool is_log;
    double from, to; /* the places of both */
    struct chart_tick ticks[CHART_TICKS];
    size_t tick_count;
};

/* `least` and `most` of the data, NaN if there are none; widened to round numbers if `is_nice`. */
struct chart_scale chart_scale_make(const struct chart_axis *axis, double least, double most,
                                    bool is_nice);
/* Sets the places of the two ends, and those of the ticks. */
void chart_scale_place(struct chart_scale *scale, double from, double to);
/* NaN: not finite, or not positive on a logarithmic scale. Far outside it is cut off. */
double chart_scale_at(const struct chart_scale *scale, double value);

/* How long a difference of values is on a linear scale. */
double chart_scale_length(const struct chart_scale *scale, double difference);

/* --- plot ----------------------------------------------------------------------------------- */

struct chart_plot {
    const struct chart *chart;
    struct chart_scale x, y;
    double left, top, right, bottom;
    double apart; /* the middle of the strip for points without a finite y; 0: there is none */
};

/* How series look: not by colour alone. `rank`: which of the faint, or of the others. */
struct chart_look {
    size_t rank;
    bool is_faint;
    enum chart_kind kind;
};
struct chart_look chart_look_of(const struct chart *chart, size_t series);
/* <g> that sets the colour, and attributes of a line. */
void chart_open_look(struct buf *out, const struct chart_look *look);
void chart_add_stroke(struct buf *out, const struct chart_look *look);
/* The mark of a point as a path: "M x y ..." */
void chart_add_mark(struct buf *out, const struct chart_look *look, double x, double y,
                    double size);

/* --- legend --- */

enum { CHART_LEGEND = 24, CHART_LEGEND_ROWS = 6 };
struct chart_legend {
    struct chart_spot {
        size_t series, row;
        double x;
    } spots[CHART_LEGEND];
    size_t count, row_count, left_out; /* those that would take more rows: counted only */
};
void chart_legend_lay(struct chart_legend *legend, const struct chart *chart);
double chart_legend_height(const struct chart_legend *legend);
void chart_legend_add(struct buf *out, const struct chart *chart, const struct chart_legend *legend,
                      double top);

/* --- what is in it --- */

void chart_add_series(struct buf *out, const struct chart_plot *plot, size_t series);
/* Room that the axes take to the left of and below a plot, from its scales. */
void chart_axes_room(const struct chart_plot *plot, double *ret_left, double *ret_bottom);
/* Grid, ticks and labels; `bottom` is the lower edge of the chart. */
void chart_add_axes(struct buf *out, const struct chart_plot *plot, double bottom);
/* From one bar to the next: 1 of categories, else the least distance of neighbours. */
double chart_bar_step(const struct chart *chart);
/* Attributes of a bar. */
void chart_add_bar_fill(struct buf *out, const struct chart_look *look, bool has_edge);
void chart_add_bars(struct buf *out, const struct chart_plot *plot, size_t series);

/* --- parallel coordinates --- */

enum { CHART_RANKS = 5 };

/* Which rows are drawn, the worst first, and by which fifth of the scores. */
struct chart_ranks {
    size_t *order; /* rows: those without a score, then from the worst to the best */
    size_t count, scoreless_count, row_count;
    unsigned char *rank; /* of each row of the chart: 0 best .. 4; CHART_RANKS: no score */
    struct chart_fifth {
        size_t count;
        double best, worst;
    } fifths[CHART_RANKS];
};
struct chart_ranks chart_ranks_make(struct arena *arena, const struct chart_parallel *chart);
double chart_ranks_height(const struct chart_ranks *ranks);
void chart_ranks_legend(struct buf *out, const struct chart_ranks *ranks, struct str apart,
                        double top);
/* Attributes of a line of that rank; `is_dense`: it is one of very many. */
void chart_ranks_stroke(struct buf *out, size_t rank, bool is_dense);

/* A polyline that is cut at the edges of the plot, as data of a path. NaN breaks it. */
struct chart_pen {
    struct buf *out;
    double left, top, right, bottom;
    double x, y; /* where it is */
    bool is_down, has_drawn;
    double drawn_x, drawn_y; /* the end of what was written */
};
struct chart_pen chart_pen_make(struct buf *out, const struct chart_plot *plot);
void chart_pen_to(struct chart_pen *pen, double x, double y);
void chart_pen_lift(struct chart_pen *pen);
