/* Charts as SVG: self-contained, without script, labelled, readable on light and dark ground (CSS
 * with prefers-color-scheme), scaling with the page. Deterministic bytes. */
#pragma once

#include "mlops/base/buf.h"

enum chart_kind {
    CHART_LINES, /* points joined in their order */
    CHART_STEPS, /* ROC and PR */
    CHART_POINTS,
    CHART_BARS, /* y by category: x is the number of the category, from 0; without categories x is a
                 * number (the middle of a bin), and bars are as wide as two are apart */
};

struct chart_series {
    struct str name; /* in the legend; empty: none */
    enum chart_kind kind;
    const double *x, *y; /* points with NaN or infinity are left out and break the line */
    size_t count;
    bool is_faint; /* dashed and lighter: a reference, the earlier run */
};

struct chart_axis {
    struct str label;
    bool has_range;
    double least, most;
    bool is_log;
    const struct str *categories; /* of bars and points: values are their numbers; else NULL */
    size_t category_count;
    struct str apart; /* y of points: what a strip below the plot is called, in which those without
                       * a finite y stand; empty: they are left out */
};

struct chart {
    struct str title;
    struct str description; /* what is seen, for those who don't: <desc> */
    struct chart_axis x, y;
    const struct chart_series *series;
    size_t series_count;
    bool has_diagonal; /* a faint line y = x: chance, perfect calibration */
};

/* Appends one <svg> element. `id` makes its ids unique in a page. Of a series with more points than
 * pixels can show the shape stays, not every point. */
void chart_svg(struct buf *out, const struct chart *chart, struct str id);

/* A matrix of numbers as shaded cells with their values. Rows and columns have labels. */
struct chart_matrix {
    struct str title, description, row_label, column_label;
    const struct str *rows, *columns;
    size_t row_count, column_count;
    const double *values; /* row after row */
};
void chart_matrix_svg(struct buf *out, const struct chart_matrix *matrix, struct str id);

/* Parallel coordinates, lying: an axis for each column, one below the other, the score's at the
 * foot, and a line for each row from top to bottom, so that long names and any number of columns
 * are readable in a narrow window. Rows are coloured, and are as thick, by the fifth that their
 * score is in; the best is on top of all. Rows without a score are dashed, and end apart. */
struct chart_parallel_column {
    struct chart_axis axis; /* label, is_log, has_range (values beyond stand at its end) or
                             * categories; `apart`: what a value that is none is called */
    const double *values;   /* of each row */
};
struct chart_parallel {
    struct str title, description;
    const struct chart_parallel_column *columns;
    size_t column_count;
    struct chart_parallel_column score;
    const struct str *names; /* of rows, shown where the pointer rests; NULL: none */
    size_t row_count;
    bool is_higher_better;
};

/* Of more rows than CHART_ROWS_MOST the best ones and an even choice of the others are drawn, and
 * the chart says so. */
enum { CHART_ROWS_MOST = 500 };
void chart_parallel_svg(struct buf *out, const struct chart_parallel *chart, struct str id);
void chart_parallel_document(struct buf *out, const struct chart_parallel *chart);

/* A document of its own: XML declaration and xmlns. Else the element stands in a page. */
void chart_document(struct buf *out, const struct chart *chart);
void chart_matrix_document(struct buf *out, const struct chart_matrix *matrix);

/* The width of text of that size, estimated generously: fonts differ. */
double chart_text_width(struct str text, double size);
/* How many bytes of it fit into `room`: whole characters. */
size_t chart_text_fitting(struct str text, double size, double room);
