#include "mlops/model/plot.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

static const struct {
    const char *name;
    enum plot_template template;
} templates[] = {
    {"linear", PLOT_LINEAR},
    {"simple", PLOT_SIMPLE},
    {"smooth", PLOT_SMOOTH},
    {"scatter", PLOT_SCATTER},
    {"bar_horizontal", PLOT_BARS},
    {"confusion", PLOT_CONFUSION},
    {"confusion_normalized", PLOT_CONFUSION_NORMALIZED},
    {"default", PLOT_LINEAR}, /* names of earlier versions of DVC */
    {"simple_linear", PLOT_SIMPLE},
    {"scatter_jitter", PLOT_SCATTER},
    {"bar_horizontal_sorted", PLOT_BARS},
};

enum plot_template plot_template_parse(struct str name, bool *ret_known)
{
    if (str_ends(name, STR(".json")))
        name = str_slice(name, 0, name.len - strlen(".json"));
    *ret_known = !name.len;
    for (size_t i = 0; i < COUNT_OF(templates); i++) {
        if (!str_is(name, templates[i].name))
            continue;
        *ret_known = true;
        return templates[i].template;
    }
    return PLOT_LINEAR;
}

const char *plot_template_name(enum plot_template template)
{
    for (size_t i = 0; i < COUNT_OF(templates); i++) {
        if (templates[i].template == template)
            return templates[i].name;
    }
    return "linear";
}

struct str plot_image_type(struct str path)
{
    static const struct {
        const char *suffix, *type;
    } rows[] = {{".png", "image/png"}, {".jpg", "image/jpeg"},    {".jpeg", "image/jpeg"},
                {".gif", "image/gif"}, {".svg", "image/svg+xml"}, {".webp", "image/webp"},
                {".PNG", "image/png"}, {".JPG", "image/jpeg"},    {".JPEG", "image/jpeg"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_ends(path, str_of(rows[i].suffix)))
            return str_of(rows[i].type);
    }
    return (struct str){0};
}

struct plot_binder {
    struct arena *arena;
    struct str dir; /* of the file that defines them */
    struct plot_vec *plots;
};

static struct str text_of(const struct doc_node *map, const char *key)
{
    const struct doc_node *node = doc_find(map, str_of(key));
    return node && node->kind != DOC_LIST && node->kind != DOC_MAP ? node->text : (struct str){0};
}

static void add_source(struct plot_binder *binder, struct str file, const struct doc_node *column,
                       struct plot_source_vec *ret)
{
    if (column->kind == DOC_LIST) {
        for (const struct doc_node *item = column->first; item; item = item->next)
            *vec_push(binder->arena, ret) = (struct plot_source){file, item->text};
        return;
    }
    *vec_push(binder->arena, ret) = (struct plot_source){file, column->text};
}

/* A column, a list of them, or files with either. */
static void add_sources(struct plot_binder *binder, struct str file, const struct doc_node *node,
                        struct plot_source_vec *ret)
{
    if (node->kind != DOC_MAP) {
        add_source(binder, file, node, ret);
        return;
    }
    for (const struct doc_node *child = node->first; child; child = child->next) {
        struct str path = child->key->text;
        if (path_resolve(binder->arena, binder->dir, path, &path))
            add_source(binder, path, child, ret);
    }
}

static struct plot *add_plot(struct plot_binder *binder, struct str id, struct str file,
                             const struct doc_node *options)
{
    bool is_known = false;
    if (binder->plots->len >= (size_t)LIMIT_PLOTS)
        return NULL;
    struct plot *plot = vec_push(binder->arena, binder->plots);
    *plot = (struct plot){.id = id, .has_header = true};
    bool is_map = options && options->kind == DOC_MAP;
    const struct doc_node *x = is_map ? doc_find(options, STR("x")) : NULL;
    const struct doc_node *y = is_map ? doc_find(options, STR("y")) : NULL;
    const struct doc_node *header = is_map ? doc_find(options, STR("header")) : NULL;
    if (is_map) {
        plot->title = text_of(options, "title");
        plot->x_label = text_of(options, "x_label");
        plot->y_label = text_of(options, "y_label");
        plot->template_name = text_of(options, "template");
        plot->template = plot_template_parse(plot->template_name, &is_known);
    }
    if (header && header->kind == DOC_BOOL)
        plot->has_header = header->truth;
    if (x && x->kind == DOC_MAP)
        add_sources(binder, file, x, &plot->xs);
    else if (x)
        plot->x = x->text;
    if (y)
        add_sources(binder, file, y, &plot->ys);
    if (!plot->ys.len)
        *vec_push(binder->arena, &plot->ys) = (struct plot_source){.file = file};
    return plot;
}

/* A name with options; without files in `y` (or `x`) the name is a path. */
static void add_definition(struct plot_binder *binder, struct str name,
                           const struct doc_node *options)
{
    struct str file = name;
    if (!path_resolve(binder->arena, binder->dir, name, &file))
        file = name;
    const struct doc_node *y = options ? doc_find(options, STR("y")) : NULL;
    bool is_name = y && y->kind == DOC_MAP;
    add_plot(binder, is_name ? name : file, file, options);
}

static void add_top(struct plot_binder *binder, const struct doc_node *plots)
{
    if (plots->kind == DOC_MAP) {
        for (const struct doc_node *child = plots->first; child; child = child->next)
            add_definition(binder, child->key->text, child);
        return;
    }
    for (const struct doc_node *item = plots->first; item; item = item->next) {
        if (item->kind != DOC_MAP)
            add_definition(binder, item->text, NULL);
        for (const struct doc_node *child = item->kind == DOC_MAP ? item->first : NULL; child;
             child = child->next)
            add_definition(binder, child->key->text, child);
    }
}

static bool is_drawn(const struct plot_vec *plots, size_t count, struct str path)
{
    for (size_t i = 0; i < count; i++) {
        const struct plot *plot = &plots->at[i];
        vec_each (const struct plot_source, source, &plot->ys) {
            if (str_equal(source->file, path))
                return true;
        }
    }
    return false;
}

static void add_output(struct plot_binder *binder, const struct output *output)
{
    const struct doc_node *options = output->plot;
    bool is_list = options && options->kind == DOC_LIST;
    if (!is_list) {
        add_plot(binder, output->path, output->path, options);
        return;
    }
    size_t number = 1;
    for (const struct doc_node *item = options->first; item; item = item->next, number++)
        add_plot(binder,
                 number == 1 ? output->path
                             : str_print(binder->arena, "%.*s#%zu", STR_FMT(output->path), number),
                 output->path, item);
}

/* Says more than that the file is a plot. */
static bool has_options(const struct output *output)
{
    static const char *const keys[] = {"x", "y", "title", "template"};
    if (!output->plot || output->plot->kind == DOC_LIST)
        return output->plot != NULL;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (doc_find(output->plot, str_of(keys[i])))
            return true;
    }
    return false;
}

void plots_of_pipeline(struct arena *arena, const struct pipeline *pipeline, struct plot_vec *ret)
{
    struct plot_binder binder = {.arena = arena, .plots = ret};
    vec_each (const struct pipeline_file, file, &pipeline->files) {
        binder.dir = file->dir;
        if (file->plots)
            add_top(&binder, file->plots);
    }
    size_t defined = ret->len;
    vec_each (const struct stage, stage, &pipeline->stages) {
        vec_each (const struct output, output, &stage->outs) {
            bool is_more = has_options(output) || !is_drawn(ret, defined, output->path);
            if (output->category == OUT_PLOT && is_more)
                add_output(&binder, output);
        }
    }
}
