/* Plots of a pipeline with what their files hold on one or several sides: as charts and images of
 * a page, and as JSON. */
#pragma once

#include "mlops/cli/page.h"
#include "mlops/model/plot.h"
#include "mlops/model/run.h"

/* A run, a revision or the workspace, and what the legend calls it. */
struct plots_side {
    struct str name;
    const struct run_view *view;
};

/* What the command line asks for; zero: all plots as they are defined. */
struct plots_choice {
    struct str_vec targets; /* ids, files or directories */
    struct str x, title, x_label, y_label, template_name;
    struct str_vec ys;
};

/* A line of one side: a column of a file over another one. */
struct plot_line {
    struct str side, file, x_name, y_name; /* x_name empty: the row's number */
    size_t count;
    const double *x, *y;
    const struct str *x_texts, *y_texts; /* x_texts NULL: the row's number */
    size_t side_index;
    bool x_is_text; /* then x is the row's number, or NaN where bars are named */
};

struct plot_image {
    struct str side, file, type, bytes;
};

VEC(plot_line_vec, struct plot_line);
VEC(plot_image_vec, struct plot_image);

struct loaded_plot {
    struct str id, title, x_label, y_label;
    enum plot_template template;
    struct plot_line_vec lines;
    struct plot_image_vec images;
};

VEC(loaded_plot_vec, struct loaded_plot);

/* The plots of the pipeline as it is now (`pipeline` as typed; empty: the usual one) with what is
 * found of each side; what can't be read or lacks a column is a warning. ERROR_USAGE: a target
 * names no plot and no file. */
FALLIBLE plots_load(struct context *context, struct str pipeline, const struct plots_side *sides,
                    size_t side_count, const struct plots_choice *choice,
                    struct loaded_plot_vec *ret);

/* A chart of ours, or an image. */
struct plot_picture {
    struct str id, title;
    struct str svg;         /* a document; empty: an image */
    struct str type, bytes; /* of an image */
    bool begins_line;       /* those of several sides stand side by side */
};

VEC(plot_picture_vec, struct plot_picture);

/* Of two sides the first is drawn faint. */
void plots_pictures(struct arena *arena, const struct loaded_plot_vec *plots, size_t side_count,
                    struct plot_picture_vec *ret);

/* Charts and images into a page, between page_charts_open and page_charts_close. Of two sides the
 * first is drawn faint. */
void plots_draw(struct page *page, const struct loaded_plot_vec *plots, size_t side_count);

/* The same in one call, for reports: false if there is none. What can't be had (no pipeline) is no
 * error. */
FALLIBLE plots_add_to_page(struct context *context, struct page *page, struct str pipeline,
                           const struct plots_side *sides, size_t side_count, bool *ret_any);

/* A list of objects. */
void plots_write(struct json_writer *json, const struct loaded_plot_vec *plots);
