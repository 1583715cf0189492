/* An evaluation as pictures: each curve, and the confusion matrix. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include "evaluation_private.h"

enum {
    CHARTS_MOST = CURVE_COUNT + 2,
    CLASSES_SHOWN = 8,
    CLASSES_COMPARED = 4,
    MATRIX_CLASSES_MOST = 40
};

VEC(series_vec, struct chart_series);

/* Two evaluations that are drawn over each other; `before` NULL: one. */
struct drawing {
    struct arena *arena;
    const struct evaluation *now, *before;
    struct str title, before_title;
    struct chart_file *files;
    size_t count;
};

/* How the curves of a kind are drawn. */
struct kind_row {
    const char *file, *title, *description, *x, *y;
    enum chart_kind kind;
    bool has_unit_axes, has_diagonal;
};

static const struct kind_row kind_rows[CURVE_COUNT] = {
    [CURVE_ROC] = {"roc.svg", "ROC curve",
                   "The share of positives that are found against the share of negatives that are "
                   "taken for positives, for each threshold",
                   "False positive rate", "True positive rate", CHART_LINES, true, true},
    [CURVE_PR] = {"pr.svg", "Precision and recall", "Precision against recall, for each threshold",
                  "Recall", "Precision", CHART_STEPS, true, false},
    [CURVE_CALIBRATION] = {"calibration.svg", "Calibration",
                           "The share of positives against the mean score, in ten bins of scores",
                           "Mean score", "Share of positives", CHART_LINES, true, true},
    [CURVE_THRESHOLD] = {"threshold.svg", "Precision, recall and F1 by threshold",
                         "Precision, recall and F1 against the threshold", "Threshold", "Value",
                         CHART_LINES, false, false},
    [CURVE_RESIDUALS] = {"residuals.svg", "Residuals",
                         "Label less prediction against the prediction, a point per row",
                         "Prediction", "Label - prediction", CHART_POINTS, false, false},
    [CURVE_PREDICTED_VS_TRUE] = {"predicted_vs_true.svg", "Predictions and labels",
                                 "The prediction against the label, a point per row", "Label",
                                 "Prediction", CHART_POINTS, false, true},
};

static void add_file(struct drawing *drawing, const char *name, const char *title,
                     const struct buf *svg)
{
    check(drawing->count < CHARTS_MOST);
    drawing->files[drawing->count++] =
        (struct chart_file){str_of(name), str_of(title), buf_str(svg)};
}

/* --- series --- */

static struct str series_name(struct drawing *drawing, struct str title, struct str label)
{
    if (!label.len)
        return drawing->before ? title : (struct str){0};
    if (!drawing->before)
        return label;
    return str_print(drawing->arena, "%.*s, %.*s", STR_FMT(label), STR_FMT(title));
}

static void add_series(struct drawing *drawing, struct series_vec *series, struct str name,
                       enum chart_kind kind, const double *x, const double *y, size_t count,
                       bool is_faint)
{
    *vec_push(drawing->arena, series) = (struct chart_series){
        .name = name, .kind = kind, .x = x, .y = y, .count = count, .is_faint = is_faint};
}

static const double *f1_of(struct arena *arena, const struct evaluation_curve *curve)
{
    double *f1 = arena_new_array(arena, double, curve->count);
    for (size_t i = 0; i < curve->count; i++)
        f1[i] = F1_OF(curve->y[i], curve->z[i]);
    return f1;
}

/* Three lines over the threshold. */
static void add_threshold(struct drawing *drawing, struct series_vec *series,
                          const struct evaluation_curve *curve, struct str title, bool is_faint)
{
    const struct {
        struct str name;
        const double *y;
    } lines[] = {{STR("precision"), curve->y},
                 {STR("recall"), curve->z},
                 {STR("F1"), f1_of(drawing->arena, curve)}};
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        add_series(drawing, series, series_name(drawing, title, lines[i].name), CHART_LINES,
                   curve->x, lines[i].y, curve->count, is_faint);
}

/* With two lines for each there are more names than a legend holds. */
static size_t classes_most(const struct drawing *drawing)
{
    return drawing->before ? CLASSES_COMPARED : CLASSES_SHOWN;
}

static void add_curves(struct drawing *drawing, struct series_vec *series,
                       const struct evaluation *evaluation, enum curve_kind kind)
{
    bool is_before = evaluation != drawing->now;
    struct str title = is_before ? drawing->before_title : drawing->title;
    size_t shown = 0;
    for (size_t i = 0; i < evaluation->curve_count; i++) {
        const struct evaluation_curve *curve = &evaluation->curves[i];
        if (curve->kind != kind || shown == classes_most(drawing))
            continue;
        shown++;
        if (kind == CURVE_THRESHOLD)
            add_threshold(drawing, series, curve, title, is_before);
        else
            add_series(drawing, series, series_name(drawing, title, curve->label),
                       kind_rows[kind].kind, curve->x, curve->y, curve->count, is_before);
    }
}

/* A ROC curve begins at (0, 0), which the file leaves out. */
static void begin_at_zero(struct drawing *drawing, struct chart_series *series)
{
    double *x = arena_new_array(drawing->arena, double, series->count + 1);
    double *y = arena_new_array(drawing->arena, double, series->count + 1);
    memcpy(x + 1, series->x, series->count * sizeof *x);
    memcpy(y + 1, series->y, series->count * sizeof *y);
    series->x = x;
    series->y = y;
    series->count++;
}

/* Of very many classes only the first are drawn, and the title says so. */
static struct str title_of(struct drawing *drawing, enum curve_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < drawing->now->curve_count; i++)
        count += drawing->now->curves[i].kind == kind;
    if (count <= classes_most(drawing))
        return str_of(kind_rows[kind].title);
    return str_print(drawing->arena, "%s, the first %zu of %zu classes", kind_rows[kind].title,
                     classes_most(drawing), count);
}

static void draw_kind(struct drawing *drawing, enum curve_kind kind)
{
    const struct kind_row *row = &kind_rows[kind];
    struct series_vec series = {0};
    struct buf svg = buf_in(drawing->arena);
    if (drawing->before)
        add_curves(drawing, &series, drawing->before, kind);
    add_curves(drawing, &series, drawing->now, kind);
    for (size_t i = 0; kind == CURVE_ROC && i < series.len; i++)
        begin_at_zero(drawing, &series.at[i]);
    if (!series.len)
        return;
    struct str title = title_of(drawing, kind);
    struct chart chart = {
        .title = title,
        .description = str_of(row->description),
        .x = {.label = str_of(row->x), .has_range = row->has_unit_axes, .most = 1},
        .y = {.label = str_of(row->y), .has_range = row->has_unit_axes, .most = 1},
        .series = series.at,
        .series_count = series.len,
        .has_diagonal = row->has_diagonal,
    };
    chart_document(&svg, &chart);
    add_file(drawing, row->file, row->title, &svg);
}

/* --- the confusion matrix --- */

static void draw_confusion(struct drawing *drawing, const struct evaluation *evaluation,
                           const char *file, const char *title)
{
    struct buf svg = buf_in(drawing->arena);
    if (!evaluation->confusion || evaluation->class_count > MATRIX_CLASSES_MOST)
        return;
    struct chart_matrix matrix = {
        .title = str_of(title),
        .description = STR("How many rows of each label got each prediction"),
        .row_label = STR("Label"),
        .column_label = STR("Prediction"),
        .rows = evaluation->classes,
        .columns = evaluation->classes,
        .row_count = evaluation->class_count,
        .column_count = evaluation->class_count,
        .values = evaluation->confusion,
    };
    chart_matrix_document(&svg, &matrix);
    add_file(drawing, file, title, &svg);
}

static void draw_matrices(struct drawing *drawing)
{
    struct arena *arena = drawing->arena;
    if (!drawing->before) {
        draw_confusion(drawing, drawing->now, "confusion.svg", "Confusion matrix");
        return;
    }
    draw_confusion(drawing, drawing->before, "confusion_before.svg",
                   str_print(arena, "Confusion matrix, %.*s", STR_FMT(drawing->before_title)).at);
    draw_confusion(drawing, drawing->now, "confusion.svg",
                   str_print(arena, "Confusion matrix, %.*s", STR_FMT(drawing->title)).at);
}

void evaluation_charts(struct arena *arena, const struct evaluation *evaluation,
                       const struct evaluation *before, struct str title, struct str before_title,
                       struct chart_file **ret, size_t *ret_count)
{
    struct drawing drawing = {.arena = arena,
                              .now = evaluation,
                              .before = before && before->task == evaluation->task ? before : NULL,
                              .title = title,
                              .before_title = before_title,
                              .files = arena_new_array(arena, struct chart_file, CHARTS_MOST)};
    for (int kind = 0; kind < CURVE_COUNT; kind++)
        draw_kind(&drawing, (enum curve_kind)kind);
    draw_matrices(&drawing);
    *ret = drawing.files;
    *ret_count = drawing.count;
}
