#include "mlops/cli/plots.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/cli/content.h"
#include "mlops/model/name.h"
#include "mlops/model/series.h"
#include "mlops/store/workspace.h"

#include <math.h>

enum { COLUMNS_CHOSEN_MOST = 8 }; /* beyond, only the last is drawn unless some are named */

struct loader {
    struct context *context;
    const struct plots_side *sides;
    size_t side_count;
    const struct plots_choice *choice;
    struct map parsed; /* side, file -> struct series *, or NULL where it is none */
    struct loaded_plot_vec *plots;
};

/* Warns: one bad file does not hide the others. */
static void warn(struct loader *loader, const struct plots_side *side, struct error *error)
{
    context_warn(loader->context, "%.*s: %s", STR_FMT(side->name), error->text);
    error_drop(error);
}

static FALLIBLE read_series(struct loader *loader, const struct plots_side *side, struct str file,
                            bool has_header, const struct series **ret)
{
    struct arena *arena = loader->context->arena;
    struct str name = str_print(arena, "%.*s\n%.*s", STR_FMT(side->name), STR_FMT(file));
    struct str bytes = {0};
    bool is_found = false;
    *ret = map_get(&loader->parsed, name);
    if (*ret || map_has(&loader->parsed, name))
        return NULL;
    map_put(arena, &loader->parsed, name, NULL);
    TRY(content_read(loader->context, side->view, file, LIMIT_METRIC_BYTES, &bytes, &is_found));
    if (!is_found)
        return NULL;
    struct series *series = arena_new(arena, struct series);
    struct error *error = series_parse(arena, file, bytes, has_header, series);
    if (error && error->code != ERROR_PROJECT)
        return error;
    if (error) {
        warn(loader, side, error);
        return NULL;
    }
    map_put(arena, &loader->parsed, name, series);
    *ret = series;
    return NULL;
}

static bool is_step(struct str name)
{
    static const char *const names[] = {"step", "steps", "epoch", "iteration", "iter", "x"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_is(name, names[i]))
            return true;
    }
    return false;
}

/* What is told of columns. */
struct picking {
    struct loader *loader;
    const struct plots_side *side;
    const struct plot *plot;
    const struct series *series;
    struct str file;
};

static bool is_of_words(enum plot_template template)
{
    return template == PLOT_CONFUSION || template == PLOT_CONFUSION_NORMALIZED;
}

static void tell_missing(const struct picking *picking, struct str column)
{
    context_warn(picking->loader->context, "%.*s: '%.*s' has no column '%.*s'",
                 STR_FMT(picking->side->name), STR_FMT(picking->file), STR_FMT(column));
}

/* NULL: the row's number; *ret_fine false: a column that was asked for is missing. */
static const struct series_column *pick_x(const struct picking *picking, size_t y_index,
                                          bool *ret_fine)
{
    const struct plot *plot = picking->plot;
    const struct series_columns *columns = &picking->series->columns;
    struct str wanted = plot->x;
    if (plot->xs.len) {
        wanted = plot->xs.at[plot->xs.len == plot->ys.len ? y_index : 0].column;
        vec_each (const struct plot_source, source, &plot->xs) {
            if (str_equal(source->file, picking->file) && plot->xs.len != plot->ys.len)
                wanted = source->column;
        }
    }
    *ret_fine = true;
    if (!wanted.len && (is_of_words(plot->template) || plot->template == PLOT_BARS))
        return columns->len > 1 ? &columns->at[0] : NULL;
    if (!wanted.len && columns->len > 1) {
        vec_each (const struct series_column, column, columns) {
            if (is_step(column->name) && column->is_numeric)
                return column;
        }
    }
    const struct series_column *found = wanted.len ? series_find(picking->series, wanted) : NULL;
    *ret_fine = found || !wanted.len;
    if (!*ret_fine)
        tell_missing(picking, wanted);
    return found;
}

static void add_line(const struct picking *picking, const struct series_column *x,
                     const struct series_column *y, struct loaded_plot *ret)
{
    struct arena *arena = picking->loader->context->arena;
    size_t count = picking->series->row_count;
    bool is_text = x && !x->is_numeric;
    struct plot_line *line = vec_push(arena, &ret->lines);
    double *numbers = NULL;
    if (!x || (is_text && ret->template != PLOT_BARS)) {
        numbers = arena_new_array(arena, double, count);
        for (size_t i = 0; i < count; i++)
            numbers[i] = (double)i;
    }
    *line = (struct plot_line){
        .side = picking->side->name,
        .file = picking->file,
        .x_name = x ? x->name : (struct str){0},
        .y_name = y->name,
        .count = count,
        .x = numbers ? numbers : x->numbers,
        .y = y->numbers,
        .x_texts = x ? x->texts : NULL,
        .y_texts = y->texts,
        .side_index = (size_t)(picking->side - picking->loader->sides),
        .x_is_text = is_text,
    };
}

/* None named: every column of numbers but x; of many the last, as in DVC. */
static void add_chosen(const struct picking *picking, const struct series_column *x,
                       struct loaded_plot *ret)
{
    const struct series_columns *columns = &picking->series->columns;
    const struct series_column *last = NULL;
    size_t count = 0;
    bool takes_words = is_of_words(picking->plot->template);
    vec_each (const struct series_column, column, columns) {
        bool is_fit = column != x && (column->is_numeric || takes_words);
        count += is_fit;
        last = is_fit ? column : last;
    }
    if (!last)
        context_warn(picking->loader->context, "%.*s: '%.*s' has no column of numbers to plot",
                     STR_FMT(picking->side->name), STR_FMT(picking->file));
    if (last && (count > COLUMNS_CHOSEN_MOST || takes_words)) {
        add_line(picking, x, last, ret);
        return;
    }
    vec_each (const struct series_column, column, columns) {
        if (column != x && column->is_numeric)
            add_line(picking, x, column, ret);
    }
}

static FALLIBLE add_source(struct loader *loader, const struct plots_side *side,
                           const struct plot *plot, size_t index, struct loaded_plot *ret)
{
    const struct plot_source *source = &plot->ys.at[index];
    struct picking picking = {.loader = loader, .side = side, .plot = plot, .file = source->file};
    bool is_fine = true;
    TRY(read_series(loader, side, source->file, plot->has_header, &picking.series));
    if (!picking.series)
        return NULL;
    const struct series_column *x = pick_x(&picking, index, &is_fine);
    if (!is_fine)
        return NULL;
    if (!source->column.len) {
        add_chosen(&picking, x, ret);
        return NULL;
    }
    const struct series_column *y = series_find(picking.series, source->column);
    if (y)
        add_line(&picking, x, y, ret);
    else
        tell_missing(&picking, source->column);
    return NULL;
}

static FALLIBLE add_image(struct loader *loader, const struct plots_side *side, struct str file,
                          struct loaded_plot *ret)
{
    struct str bytes = {0};
    bool is_found = false;
    TRY(content_read(loader->context, side->view, file, LIMIT_METRIC_BYTES, &bytes, &is_found));
    if (is_found)
        *vec_push(loader->context->arena, &ret->images) =
            (struct plot_image){side->name, file, plot_image_type(file), bytes};
    return NULL;
}

/* As the command line wants it. */
static struct plot chosen(struct loader *loader, const struct plot *plot)
{
    struct arena *arena = loader->context->arena;
    const struct plots_choice *choice = loader->choice;
    struct plot made = *plot;
    bool is_known = true;
    if (choice->x.len) {
        made.x = choice->x;
        made.xs.len = 0;
    }
    if (choice->ys.len) {
        made.ys = (struct plot_source_vec){0};
        vec_each (const struct str, column, &choice->ys)
            *vec_push(arena, &made.ys) = (struct plot_source){plot->ys.at[0].file, *column};
    }
    if (choice->title.len)
        made.title = choice->title;
    if (choice->x_label.len)
        made.x_label = choice->x_label;
    if (choice->y_label.len)
        made.y_label = choice->y_label;
    if (choice->template_name.len)
        made.template_name = choice->template_name;
    made.template = plot_template_parse(made.template_name, &is_known);
    if (!is_known)
        context_warn(loader->context, "plot '%.*s': there is no template '%.*s'; drawn as a line",
                     STR_FMT(made.id), STR_FMT(made.template_name));
    return made;
}

static FALLIBLE load_plot(struct loader *loader, const struct plot *defined)
{
    struct plot plot = chosen(loader, defined);
    struct loaded_plot loaded = {.id = plot.id,
                                 .title = plot.title.len ? plot.title : plot.id,
                                 .x_label = plot.x_label,
                                 .y_label = plot.y_label,
                                 .template = plot.template};
    for (size_t i = 0; i < loader->side_count; i++) {
        for (size_t y = 0; y < plot.ys.len; y++) {
            struct str file = plot.ys.at[y].file;
            if (plot_image_type(file).len)
                TRY(add_image(loader, &loader->sides[i], file, &loaded));
            else
                TRY(add_source(loader, &loader->sides[i], &plot, y, &loaded));
        }
    }
    if (loaded.lines.len || loaded.images.len)
        *vec_push(loader->context->arena, loader->plots) = loaded;
    return NULL;
}

static bool is_plottable(struct str file)
{
    static const char *const suffixes[] = {".csv",  ".tsv", ".json",  ".jsonl",
                                           ".yaml", ".yml", ".ndjson"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        if (str_ends(file, str_of(suffixes[i])))
            return true;
    }
    return plot_image_type(file).len > 0;
}

/* A directory stands for what can be drawn in it, on any side. */
static FALLIBLE load_expanded(struct loader *loader, const struct plot *plot)
{
    struct arena *arena = loader->context->arena;
    struct map files = {0};
    struct str path = plot->ys.at[0].file;
    if (plot->ys.len > 1 || plot->ys.at[0].column.len || is_plottable(path))
        return load_plot(loader, plot);
    for (size_t i = 0; i < loader->side_count; i++) {
        struct str_vec found = {0};
        TRY(content_list(loader->context, loader->sides[i].view, path, &found));
        vec_each (const struct str, file, &found)
            map_put(arena, &files, *file, loader);
    }
    map_each (entry, &files) {
        struct plot one = *plot;
        one.id = entry->key;
        one.ys = (struct plot_source_vec){0};
        *vec_push(arena, &one.ys) = (struct plot_source){.file = entry->key};
        if (is_plottable(entry->key))
            TRY(load_plot(loader, &one));
    }
    return NULL;
}

static bool is_wanted(const struct plot *plot, struct str target)
{
    if (str_equal(plot->id, target))
        return true;
    vec_each (const struct plot_source, source, &plot->ys) {
        if (path_is_within(source->file, target))
            return true;
    }
    return false;
}

/* A target that no plot is named by is a file to be plotted by itself. */
static FALLIBLE load_target(struct loader *loader, const struct plot_vec *plots, struct str target)
{
    struct arena *arena = loader->context->arena;
    size_t before = loader->plots->len;
    bool is_known = false;
    struct workspace *workspace = NULL;
    struct str path = target;
    TRY(context_workspace(loader->context, &workspace));
    path_resolve(arena, workspace->cwd, target, &path);
    vec_each (const struct plot, plot, plots) {
        if (!is_wanted(plot, target) && !is_wanted(plot, path))
            continue;
        is_known = true;
        TRY(load_expanded(loader, plot));
    }
    struct plot one = {.id = path, .has_header = true};
    *vec_push(arena, &one.ys) = (struct plot_source){.file = path};
    if (!is_known)
        TRY(load_expanded(loader, &one));
    if (!is_known && loader->plots->len == before)
        return error_hint(error_new(ERROR_USAGE,
                                    "'%.*s' is no plot and no file that can be plotted",
                                    STR_FMT(target)),
                          "'mlops plots show --json' lists the plots of the pipeline");
    return NULL;
}

/* A project without a pipeline has no plots but those that are named. */
static FALLIBLE find_plots(struct context *context, struct str word, struct plot_vec *ret)
{
    struct pipeline *pipeline = NULL;
    struct str path = {0};
    bool is_found = false;
    TRY(context_find_pipeline(context, word, &path, &is_found));
    if (!is_found)
        return NULL;
    TRY(context_pipeline(context, word, &pipeline));
    plots_of_pipeline(context->arena, pipeline, ret);
    return NULL;
}

FALLIBLE plots_load(struct context *context, struct str pipeline, const struct plots_side *sides,
                    size_t side_count, const struct plots_choice *choice,
                    struct loaded_plot_vec *ret)
{
    struct loader loader = {.context = context,
                            .sides = sides,
                            .side_count = side_count,
                            .choice = choice,
                            .plots = ret};
    struct plot_vec plots = {0};
    TRY(find_plots(context, pipeline, &plots));
    vec_each (const struct str, target, &choice->targets)
        TRY(load_target(&loader, &plots, *target));
    if (!choice->targets.len) {
        vec_each (const struct plot, plot, &plots)
            TRY(load_expanded(&loader, plot));
    }
    return NULL;
}

FALLIBLE plots_add_to_page(struct context *context, struct page *page, struct str pipeline,
                           const struct plots_side *sides, size_t side_count, bool *ret_any)
{
    static const struct plots_choice all = {0};
    struct loaded_plot_vec plots = {0};
    *ret_any = false;
    struct error *error = plots_load(context, pipeline, sides, side_count, &all, &plots);
    if (error && error->code != ERROR_PROJECT)
        return error;
    error_drop(error);
    if (!plots.len)
        return NULL;
    *ret_any = true;
    page_charts_open(page);
    plots_draw(page, &plots, side_count);
    page_charts_close(page);
    return NULL;
}
