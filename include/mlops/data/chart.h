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
    const struct str *categories; /* of bars; else NULL */
    size_t category_count;
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

/* A document of its own: XML declaration and xmlns. Else the element stands in a page. */
void chart_document(struct buf *out, const struct chart *chart);
void chart_matrix_document(struct buf *out, const struct chart_matrix *matrix);

/* The width of text of that size, estimated generously: fonts differ. */
double chart_text_width(struct str text, double size);
/* How many bytes of it fit into `room`: whole characters. */
size_t chart_text_fitting(struct str text, double size, double room);
