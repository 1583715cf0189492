#include "mlops/cli/curves.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/cli/diff_guides.h"
#include "mlops/cli/diff_predictions.h"
#include "mlops/cli/plots.h"
#include "mlops/model/gate.h"

/* More would be no report but an album. */
enum { IMAGES_MOST = 24, IMAGE_BYTES_MOST = 4 << 20 };

struct drawing {
    struct context *context;
    struct session *session;
    const struct run_view *view, *before;
    struct picture_vec *pictures;
    size_t image_count;
    struct str_vec drawn; /* directories of charts that are drawn here, with both sides in one */
};

FALLIBLE curves_load(struct context *context, struct session *session, const struct run_view *view,
                     const struct run_view_stage *stage, const struct evaluation **ret)
{
    struct arena *arena = context->arena;
    struct evaluating how;
    struct str bytes = {0};
    bool is_found = false;
    *ret = NULL;
    if (!stage || !diff_evaluating(arena, stage, &how))
        return NULL;
    const struct evaluated side = diff_evaluated(view, stage);
    for (size_t i = 0; i < stage->out_count; i++)
        if (str_equal(stage->outs[i].path, how.measured))
            TRY(baseline_read(session, side.commit, how.measured, stage->outs[i].digest,
                              LIMIT_EVALUATION_BYTES, &bytes, &is_found));
    if (!is_found)
        return NULL;
    struct evaluation *evaluation = arena_new(arena, struct evaluation);
    struct error *error = evaluation_parse(arena, how.measured, bytes, evaluation);
    if (error)
        context_notice(context, "no curves of '%.*s': %s", STR_FMT(stage->stage), error->text);
    *ret = error ? NULL : evaluation;
    error_drop(error);
    return NULL;
}

/* A name that is one file on every system. */
static struct str file_name(struct arena *arena, struct str stage, struct str name)
{
    struct buf text = buf_in(arena);
    buf_print(&text, "%.*s%s%.*s", STR_FMT(stage), stage.len ? "-" : "", STR_FMT(name));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("-_.", c);
        if (!is_plain || (i == 0 && c == '.'))
            text.at[i] = '_';
    }
    return buf_str(&text);
}

static FALLIBLE draw_charts(struct drawing *drawing, const struct run_view_stage *stage)
{
    struct arena *arena = drawing->context->arena;
    struct evaluating how = {0};
    const struct evaluation *now = NULL, *before = NULL;
    struct chart_file *files = NULL;
    size_t count = 0;
    TRY(curves_load(drawing->context, drawing->session, drawing->view, stage, &now));
    if (!now)
        return NULL;
    if (drawing->before)
        TRY(curves_load(drawing->context, drawing->session, drawing->before,
                        diff_stage_named(drawing->before, stage->stage), &before));
    evaluation_charts(arena, now, before, drawing->view->title,
                      drawing->before ? drawing->before->title : (struct str){0}, &files, &count);
    if (diff_evaluating(arena, stage, &how) && how.charts.len)
        *vec_push(arena, &drawing->drawn) = how.charts;
    for (size_t i = 0; i < count; i++)
        *vec_push(arena, drawing->pictures) = (struct picture){
            .stage = stage->stage,
            .name = file_name(arena, stage->stage, files[i].name),
            .title = files[i].title,
            .svg = files[i].svg,
        };
    return NULL;
}

static const char *mime_of(struct str path)
{
    static const struct {
        const char *suffix, *mime;
    } kinds[] = {
        {".png", "image/png"}, {".jpg", "image/jpeg"},  {".jpeg", "image/jpeg"},
        {".gif", "image/gif"}, {".webp", "image/webp"}, {".svg", "image/svg+xml"},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_ends(path, str_of(kinds[i].suffix)))
            return kinds[i].mime;
    return NULL;
}

static bool has_name(const struct picture_vec *pictures, struct str name)
{
    vec_each (const struct picture, picture, pictures)
        if (str_equal(picture->name, name))
            return true;
    return false;
}

/* But those that are plots already. */
static FALLIBLE draw_image(struct drawing *drawing, const struct run_view_stage *stage,
                           const struct artifact *artifact)
{
    struct arena *arena = drawing->context->arena;
    const char *mime = mime_of(artifact->path);
    struct str bytes = {0}, name = file_name(arena, (struct str){0}, artifact->path);
    bool is_found = false;
    if (!mime || has_name(drawing->pictures, name) || artifact->kind != ARTIFACT_FILE ||
        artifact->size_bytes > IMAGE_BYTES_MOST || drawing->image_count == IMAGES_MOST)
        return NULL;
    const struct evaluated side = diff_evaluated(drawing->view, stage);
    TRY(baseline_read(drawing->session, side.commit, artifact->path, artifact->digest,
                      IMAGE_BYTES_MOST, &bytes, &is_found));
    if (!is_found)
        return NULL;
    drawing->image_count++;
    *vec_push(arena, drawing->pictures) = (struct picture){
        .stage = stage->stage,
        .name = name,
        .title = artifact->path,
        .mime = str_of(mime),
        .bytes = bytes,
    };
    return NULL;
}

/* A name that no picture has yet. */
static struct str unique_name(struct drawing *drawing, struct str name)
{
    struct arena *arena = drawing->context->arena;
    struct str wanted = name;
    for (int number = 2; has_name(drawing->pictures, wanted); number++)
        wanted = str_print(arena, "%d-%.*s", number, STR_FMT(name));
    return wanted;
}

static bool is_drawn(const struct drawing *drawing, struct str path)
{
    vec_each (const struct str, folder, &drawing->drawn)
        if (str_starts(path, *folder) && path.len > folder->len && path.at[folder->len] == '/')
            return true;
    return false;
}

/* Plots of the pipeline, with the curves of both sides. What it says now counts; without a pipeline
 * there are none. */
static FALLIBLE draw_plots(struct drawing *drawing, struct str pipeline)
{
    static const struct plots_choice all = {0};
    struct arena *arena = drawing->context->arena;
    struct plots_side sides[2];
    size_t side_count = 0;
    struct loaded_plot_vec plots = {0};
    struct plot_picture_vec pictures = {0};
    if (drawing->before)
        sides[side_count++] = (struct plots_side){drawing->before->title, drawing->before};
    sides[side_count++] = (struct plots_side){drawing->view->title, drawing->view};
    struct error *error = plots_load(drawing->context, pipeline, sides, side_count, &all, &plots);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error);
    plots_pictures(arena, &plots, side_count, &pictures);
    vec_each (const struct plot_picture, picture, &pictures) {
        if (is_drawn(drawing, picture->id))
            continue;
        struct str suffix = picture->svg.len ? STR(".svg") : STR("");
        struct str name = str_print(arena, "%.*s%.*s", STR_FMT(picture->id), STR_FMT(suffix));
        *vec_push(arena, drawing->pictures) = (struct picture){
            .name = unique_name(drawing, file_name(arena, (struct str){0}, name)),
            .title = picture->title,
            .mime = picture->type,
            .bytes = picture->bytes,
            .svg = picture->svg,
        };
    }
    return NULL;
}

static FALLIBLE draw_images(struct drawing *drawing, const struct run_view_stage *stage)
{
    struct evaluating how = {0};
    bool is_built_in = diff_evaluating(drawing->context->arena, stage, &how);
    for (size_t i = 0; i < stage->out_count && !is_built_in; i++)
        TRY(draw_image(drawing, stage, &stage->outs[i]));
    return NULL;
}

FALLIBLE curves_pictures(struct context *context, const struct run_view *view,
                         const struct run_view *before, struct str pipeline,
                         struct picture_vec *ret)
{
    AUTO(session_drop) struct session session = {0};
    struct drawing drawing = {
        .context = context, .session = &session, .view = view, .before = before, .pictures = ret};
    TRY(diff_session_open(context, &session));
    for (size_t i = 0; i < view->stage_count; i++)
        TRY(draw_charts(&drawing, &view->stages[i]));
    TRY(draw_plots(&drawing, pipeline));
    for (size_t i = 0; i < view->stage_count; i++)
        TRY(draw_images(&drawing, &view->stages[i]));
    return NULL;
}
