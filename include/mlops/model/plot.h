/* What a pipeline wants to have plotted: plots of its stages and of its top level, as DVC reads
 * them. Plain values; files are not looked at. */
#pragma once

#include "mlops/model/pipeline.h"

enum plot_template {
    PLOT_LINEAR,
    PLOT_SIMPLE,  /* a line, too */
    PLOT_SMOOTH,  /* with a moving mean */
    PLOT_SCATTER, /* points */
    PLOT_BARS,    /* "bar_horizontal": a category each */
    PLOT_CONFUSION,
    PLOT_CONFUSION_NORMALIZED,
};

/* *ret_known false, and linear: no template of that name. Empty is linear. */
enum plot_template plot_template_parse(struct str name, bool *ret_known);
const char *plot_template_name(enum plot_template template);

/* A column of a file; an empty column: to be chosen by what the file holds. */
struct plot_source {
    struct str file; /* relative to the project */
    struct str column;
};

VEC(plot_source_vec, struct plot_source);

struct plot {
    struct str id; /* the file, or the name of a definition */
    struct str title, x_label, y_label, template_name;
    enum plot_template template;
    struct str x;              /* column of every file; empty: see xs, or the row's number */
    struct plot_source_vec xs; /* columns of files */
    struct plot_source_vec ys; /* at least one; sorted as written */
    bool has_header;           /* of CSV and TSV */
};

VEC(plot_vec, struct plot);

/* In order of the file: of the top level first, then of stages; of these a file without options of
 * its own is left out where a definition draws it already. At most LIMIT_PLOTS. */
void plots_of_pipeline(struct arena *arena, const struct pipeline *pipeline, struct plot_vec *ret);

/* ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp": its media type, else "". */
struct str plot_image_type(struct str path);
