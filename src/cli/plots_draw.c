/* Loaded plots as charts, images and JSON. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/plots.h"
#include "mlops/data/chart.h"

#include <math.h>
#include <stdlib.h>

enum { SMOOTH_SHARE = 10, SMOOTH_LEAST = 3, LABELS_MOST = 100 };

VEC(chart_series_vec, struct chart_series);

/* Where pictures are put. */
struct gallery {
    struct arena *arena;
    struct plot_picture_vec *pictures;
};

static bool differs(const struct plot_line_vec *lines, struct str (*name)(const struct plot_line *))
{
    for (size_t i = 1; i < lines->len; i++) {
        if (!str_equal(name(&lines->at[0]), name(&lines->at[i])))
            return true;
    }
    return false;
}

static struct str side_of(const struct plot_line *line)
{
    return line->side;
}

static struct str file_of(const struct plot_line *line)
{
    return line->file;
}

static struct str column_of(const struct plot_line *line)
{
    return line->y_name;
}

/* As little as tells the lines of a chart apart: "HEAD: train.csv loss". */
static struct str line_name(struct arena *arena, const struct plot_line_vec *lines,
                            const struct plot_line *line)
{
    if (lines->len == 1) /* the axes say it */
        return (struct str){0};
    bool has_sides = differs(lines, side_of), has_files = differs(lines, file_of);
    bool has_columns = differs(lines, column_of) || (!has_sides && !has_files);
    return str_print(arena, "%.*s%s%.*s%s%.*s", STR_FMT(has_sides ? line->side : STR("")),
                     has_sides && (has_files || has_columns) ? ": " : "",
                     STR_FMT(has_files ? line->file : STR("")), has_files && has_columns ? " " : "",
                     STR_FMT(has_columns ? line->y_name : STR("")));
}

/* The mean of the values around each, as many on either side: at the ends of few. */
static const double *smoothed(struct arena *arena, const double *values, size_t count)
{
    double *made = arena_new_array(arena, double, count);
    size_t window = count / SMOOTH_SHARE > SMOOTH_LEAST ? count / SMOOTH_SHARE : SMOOTH_LEAST;
    size_t half = window / 2, taken = 0, first = 0, last = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        size_t left = i < half ? i : half, right = count - 1 - i;
        size_t reach = left < right ? left : right, begin = i - reach, end = i + reach + 1;
        for (; last < end; last++) {
            sum += isfinite(values[last]) ? values[last] : 0;
            taken += isfinite(values[last]) != 0;
        }
        for (; first < begin; first++) {
            sum -= isfinite(values[first]) ? values[first] : 0;
            taken -= isfinite(values[first]) != 0;
        }
        made[i] = taken ? sum / (double)taken : nan("");
    }
    return made;
}

static struct str axis_label(struct str label, struct str name, struct str otherwise)
{
    return label.len ? label : name.len ? name : otherwise;
}

static void draw(struct gallery *gallery, const struct loaded_plot *plot, const struct chart *chart)
{
    struct buf svg = buf_in(gallery->arena);
    chart_document(&svg, chart);
    *vec_push(gallery->arena, gallery->pictures) =
        (struct plot_picture){.id = plot->id, .title = plot->title, .svg = buf_str(&svg)};
}

static void draw_lines(struct gallery *gallery, const struct loaded_plot *plot, size_t side_count)
{
    struct arena *arena = gallery->arena;
    struct chart_series_vec series = {0};
    const struct plot_line_vec *lines = &plot->lines;
    vec_each (const struct plot_line, line, lines) {
        bool is_smooth = plot->template == PLOT_SMOOTH;
        struct chart_series made = {
            .name = line_name(arena, lines, line),
            .kind = plot->template == PLOT_SCATTER ? CHART_POINTS : CHART_LINES,
            .x = line->x,
            .y = is_smooth ? smoothed(arena, line->y, line->count) : line->y,
            .count = line->count,
            .is_faint = side_count == 2 && line->side_index == 0,
        };
        *vec_push(arena, &series) = made;
    }
    const struct plot_line *first = &lines->at[0];
    struct chart chart = {
        .title = plot->title,
        .description = str_print(arena, "%.*s of %.*s", STR_FMT(plot->title), STR_FMT(first->file)),
        .x = {.label = axis_label(plot->x_label, first->x_name, STR("row"))},
        .y = {.label =
                  axis_label(plot->y_label, differs(lines, column_of) ? STR("") : first->y_name,
                             STR("value"))},
        .series = series.at,
        .series_count = series.len,
    };
    draw(gallery, plot, &chart);
}

/* Texts in order of appearance, each once. */
static size_t number_of(struct arena *arena, struct map *labels, struct str text)
{
    void **place = map_place(arena, labels, text);
    if (!*place)
        *place = (void *)(uintptr_t)labels->len;
    return (size_t)(uintptr_t)*place - 1;
}

static const struct str *names_of(struct arena *arena, const struct map *labels)
{
    struct str *names = arena_new_array(arena, struct str, labels->len);
    for (size_t i = 0; i < labels->len; i++)
        names[i] = labels->entries[i].key;
    return names;
}

static bool has_numbers(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i]))
            return true;
    }
    return false;
}

/* One of the two columns names the bars, the other one is how long they are. */
static void draw_bars(struct gallery *gallery, const struct loaded_plot *plot, size_t side_count)
{
    struct arena *arena = gallery->arena;
    struct chart_series_vec series = {0};
    struct map labels = {0};
    bool y_is_name = !has_numbers(plot->lines.at[0].y, plot->lines.at[0].count);
    vec_each (const struct plot_line, line, &plot->lines) {
        double *x = arena_new_array(arena, double, line->count);
        const struct str *names = y_is_name ? line->y_texts : line->x_texts;
        for (size_t i = 0; i < line->count; i++)
            x[i] = (double)number_of(arena, &labels,
                                     names ? names[i] : str_print(arena, "%zu", i + 1));
        *vec_push(arena, &series) =
            (struct chart_series){.name = line_name(arena, &plot->lines, line),
                                  .kind = CHART_BARS,
                                  .x = x,
                                  .y = y_is_name ? line->x : line->y,
                                  .count = line->count,
                                  .is_faint = side_count == 2 && line->side_index == 0};
    }
    const struct plot_line *first = &plot->lines.at[0];
    struct str category = y_is_name ? first->y_name : first->x_name;
    struct str value = y_is_name ? first->x_name : first->y_name;
    struct chart chart = {
        .title = plot->title,
        .description = str_print(arena, "%.*s by %.*s", STR_FMT(value), STR_FMT(category)),
        .x = {.label = y_is_name ? axis_label(plot->y_label, category, STR(""))
                                 : axis_label(plot->x_label, category, STR("")),
              .categories = names_of(arena, &labels),
              .category_count = labels.len},
        .y = {.label = y_is_name ? axis_label(plot->x_label, value, STR(""))
                                 : axis_label(plot->y_label, value, STR(""))},
        .series = series.at,
        .series_count = series.len,
    };
    draw(gallery, plot, &chart);
}

static int compare_labels(const void *a, const void *b)
{
    const struct map_entry *left = a, *right = b;
    return str_compare(left->key, right->key);
}

/* Every label of either column, sorted, so that the diagonal is agreement. */
static struct map labels_of(struct arena *arena, const struct plot_line *line)
{
    struct map found = {0}, labels = {0};
    for (size_t i = 0; i < line->count && found.len < LABELS_MOST; i++) {
        number_of(arena, &found, line->x_texts[i]);
        number_of(arena, &found, line->y_texts[i]);
    }
    struct map_entry *entries = arena_new_array(arena, struct map_entry, found.len);
    for (size_t i = 0; i < found.len; i++)
        entries[i] = found.entries[i];
    if (found.len > 1)
        qsort(entries, found.len, sizeof *entries, compare_labels);
    for (size_t i = 0; i < found.len; i++)
        number_of(arena, &labels, entries[i].key);
    return labels;
}

static double *count_pairs(struct arena *arena, const struct plot_line *line,
                           const struct map *labels, bool is_normalized)
{
    size_t size = labels->len;
    double *values = arena_new_array(arena, double, size *size);
    for (size_t i = 0; i < line->count; i++) {
        size_t x = (size_t)(uintptr_t)map_get(labels, line->x_texts[i]);
        size_t y = (size_t)(uintptr_t)map_get(labels, line->y_texts[i]);
        if (x && y)
            values[(y - 1) * size + x - 1] += 1;
    }
    for (size_t row = 0; is_normalized && row < size; row++) {
        double sum = 0;
        for (size_t i = 0; i < size; i++)
            sum += values[row * size + i];
        for (size_t i = 0; i < size && sum > 0; i++)
            values[row * size + i] /= sum;
    }
    return values;
}

/* A matrix for each side: y in rows, x in columns, as DVC's template has it. */
static void draw_confusion(struct gallery *gallery, const struct loaded_plot *plot,
                           size_t side_count)
{
    struct arena *arena = gallery->arena;
    vec_each (const struct plot_line, line, &plot->lines) {
        if (!line->x_texts)
            continue;
        struct map labels = labels_of(arena, line);
        const struct str *names = names_of(arena, &labels);
        struct str title = side_count < 2 ? plot->title
                                          : str_print(arena, "%.*s: %.*s", STR_FMT(plot->title),
                                                      STR_FMT(line->side));
        struct chart_matrix matrix = {
            .title = title,
            .description = str_print(arena, "how often %.*s and %.*s agree", STR_FMT(line->y_name),
                                     STR_FMT(line->x_name)),
            .row_label = axis_label(plot->y_label, line->y_name, STR("")),
            .column_label = axis_label(plot->x_label, line->x_name, STR("")),
            .rows = names,
            .columns = names,
            .row_count = labels.len,
            .column_count = labels.len,
            .values = count_pairs(arena, line, &labels, plot->template != PLOT_CONFUSION),
        };
        struct buf svg = buf_in(arena);
        chart_matrix_document(&svg, &matrix);
        *vec_push(arena, gallery->pictures) =
            (struct plot_picture){.id = plot->id, .title = title, .svg = buf_str(&svg)};
    }
}

static void draw_images(struct gallery *gallery, const struct loaded_plot *plot, size_t side_count)
{
    vec_each (const struct plot_image, image, &plot->images) {
        struct str title = side_count < 2 ? plot->title
                                          : str_print(gallery->arena, "%.*s: %.*s",
                                                      STR_FMT(plot->title), STR_FMT(image->side));
        *vec_push(gallery->arena, gallery->pictures) = (struct plot_picture){
            .id = image->file, .title = title, .type = image->type, .bytes = image->bytes};
    }
}

/* What has a picture for each side begins a line of its own, so that they stand side by side. */
static bool has_panels(const struct loaded_plot *plot, size_t side_count)
{
    bool is_matrix =
        plot->template == PLOT_CONFUSION || plot->template == PLOT_CONFUSION_NORMALIZED;
    return side_count > 1 && (plot->images.len || (is_matrix && plot->lines.len));
}

static void add_plot(struct gallery *gallery, const struct loaded_plot *plot, size_t side_count)
{
    draw_images(gallery, plot, side_count);
    if (!plot->lines.len)
        return;
    switch (plot->template) {
    case PLOT_LINEAR:
    case PLOT_SIMPLE:
    case PLOT_SMOOTH:
    case PLOT_SCATTER:
        draw_lines(gallery, plot, side_count);
        break;
    case PLOT_BARS:
        draw_bars(gallery, plot, side_count);
        break;
    case PLOT_CONFUSION:
    case PLOT_CONFUSION_NORMALIZED:
        draw_confusion(gallery, plot, side_count);
        break;
    }
}

void plots_pictures(struct arena *arena, const struct loaded_plot_vec *plots, size_t side_count,
                    struct plot_picture_vec *ret)
{
    struct gallery gallery = {arena, ret};
    bool had_panels = false;
    vec_each (const struct loaded_plot, plot, plots) {
        size_t before = ret->len;
        bool has = has_panels(plot, side_count);
        add_plot(&gallery, plot, side_count);
        if (ret->len > before)
            ret->at[before].begins_line = before && (has || had_panels);
        had_panels = has;
    }
}

void plots_draw(struct page *page, const struct loaded_plot_vec *plots, size_t side_count)
{
    struct plot_picture_vec pictures = {0};
    plots_pictures(page->arena, plots, side_count, &pictures);
    vec_each (const struct plot_picture, picture, &pictures) {
        if (picture->begins_line) {
            page_charts_close(page);
            page_charts_open(page);
        }
        if (picture->svg.len)
            page_chart(page, picture->title, picture->svg);
        else
            page_image(page, picture->title, picture->type, picture->bytes);
    }
}

static void write_value(struct json_writer *json, double number, struct str text)
{
    if (!isnan(number))
        json_real(json, number);
    else if (text.len)
        json_str(json, text);
    else
        json_null(json);
}

static void write_line(struct json_writer *json, const struct plot_line *line)
{
    static const struct str none = {0};
    json_open_object(json);
    json_name(json, "revision");
    json_str(json, line->side);
    json_name(json, "file");
    json_str(json, line->file);
    json_name(json, "x");
    if (line->x_name.len)
        json_str(json, line->x_name);
    else
        json_null(json);
    json_name(json, "y");
    json_str(json, line->y_name);
    json_name(json, "points");
    json_open_list(json);
    for (size_t i = 0; i < line->count; i++) {
        json_open_list(json);
        write_value(json, line->x_is_text ? nan("") : line->x[i],
                    line->x_texts ? line->x_texts[i] : none);
        write_value(json, line->y[i], line->y_texts[i]);
        json_close_list(json);
    }
    json_close_list(json);
    json_close_object(json);
}

static void write_image(struct json_writer *json, const struct plot_image *image)
{
    json_open_object(json);
    json_name(json, "revision");
    json_str(json, image->side);
    json_name(json, "file");
    json_str(json, image->file);
    json_name(json, "type");
    json_str(json, image->type);
    json_name(json, "bytes");
    json_int(json, (int64_t)image->bytes.len);
    json_close_object(json);
}

void plots_write(struct json_writer *json, const struct loaded_plot_vec *plots)
{
    json_open_list(json);
    vec_each (const struct loaded_plot, plot, plots) {
        json_open_object(json);
        json_name(json, "id");
        json_str(json, plot->id);
        json_name(json, "title");
        json_str(json, plot->title);
        json_name(json, "template");
        json_text(json, plot_template_name(plot->template));
        json_name(json, "x_label");
        json_str(json, plot->x_label);
        json_name(json, "y_label");
        json_str(json, plot->y_label);
        json_name(json, "lines");
        json_open_list(json);
        vec_each (const struct plot_line, line, &plot->lines)
            write_line(json, line);
        json_close_list(json);
        json_name(json, "images");
        json_open_list(json);
        vec_each (const struct plot_image, image, &plot->images)
            write_image(json, image);
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
}
