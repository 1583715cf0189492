#include "mlops/cli/diff_page.h"

#include "mlops/base/arena.h"
#include "mlops/cli/curves.h"
#include "mlops/cli/diff_predictions.h"
#include "mlops/cli/page.h"
#include "mlops/cli/plots.h"
#include "mlops/cli/report_diff.h"

struct drawing {
    struct context *context;
    struct page page;
    struct session *session;
    const struct run_view *before, *after;
    const struct run_diff *diff;
    struct str pipeline;
};

/* --- curves --- */

static FALLIBLE draw_stage(struct drawing *drawing, const struct run_view_stage *stage)
{
    struct arena *arena = drawing->context->arena;
    const struct evaluation *before = NULL, *after = NULL;
    struct chart_file *files = NULL;
    size_t count = 0;
    TRY(curves_load(drawing->context, drawing->session, drawing->before,
                    diff_stage_named(drawing->before, stage->stage), &before));
    TRY(curves_load(drawing->context, drawing->session, drawing->after, stage, &after));
    if (!after)
        return NULL;
    evaluation_charts(arena, after, before, drawing->diff->after_title, drawing->diff->before_title,
                      &files, &count);
    page_section(&drawing->page, str_print(arena, "Curves of %.*s", STR_FMT(stage->stage)));
    page_charts_open(&drawing->page);
    for (size_t i = 0; i < count; i++)
        page_chart(&drawing->page, files[i].title, files[i].svg);
    page_charts_close(&drawing->page);
    return NULL;
}

/* Steps, curves and images of the pipeline's plots. */
static FALLIBLE draw_plots(struct drawing *drawing)
{
    const struct plots_side sides[] = {{drawing->diff->before_title, drawing->before},
                                       {drawing->diff->after_title, drawing->after}};
    const struct plots_choice all = {0};
    struct loaded_plot_vec plots = {0};
    struct error *error =
        plots_load(drawing->context, drawing->pipeline, sides, COUNT_OF(sides), &all, &plots);
    if (error && error->code != ERROR_PROJECT)
        return error;
    error_drop(error);
    if (!plots.len)
        return NULL;
    page_section(&drawing->page, STR("Plots"));
    page_charts_open(&drawing->page);
    plots_draw(&drawing->page, &plots, COUNT_OF(sides));
    page_charts_close(&drawing->page);
    return NULL;
}

static FALLIBLE draw_all(struct drawing *drawing)
{
    for (size_t i = 0; i < drawing->after->stage_count; i++)
        TRY(draw_stage(drawing, &drawing->after->stages[i]));
    return draw_plots(drawing);
}

/* --- the page --- */

static void print_notes(struct drawing *drawing)
{
    struct buf notes = buf_in(drawing->context->arena);
    report_diff_notes(&notes, drawing->diff);
    struct str rest = buf_str(&notes), line;
    while (str_split(&rest, '\n', &line))
        if (line.len)
            page_text(&drawing->page, line);
}

static void print_section(struct drawing *drawing, const struct diff_section *section)
{
    const struct run_diff *diff = drawing->diff;
    struct buf history = buf_in(drawing->context->arena);
    bool is_code = strcmp(section->name, "code") == 0;
    if (is_code)
        report_diff_history(&history, diff);
    if (!section->table.row_count && !history.len)
        return;
    page_section(&drawing->page, str_of(section->title));
    if (section->table.row_count)
        page_table(&drawing->page, &section->table);
    if (history.len)
        page_code(&drawing->page, buf_str(&history));
    if (is_code && diff->code.patch.len)
        page_code(&drawing->page, diff->code.patch);
    if (strcmp(section->name, "metrics") == 0)
        print_notes(drawing);
}

FALLIBLE diff_page_print(struct context *context, const struct run_view *before,
                         const struct run_view *after, const struct run_diff *diff,
                         struct str pipeline, struct buf *out)
{
    AUTO(session_drop) struct session session = {0};
    struct diff_section sections[DIFF_SECTION_COUNT];
    struct arena *arena = context->arena;
    TRY(diff_session_open(context, &session));
    struct str title =
        str_print(arena, "%.*s → %.*s", STR_FMT(diff->before_title), STR_FMT(diff->after_title));
    struct drawing drawing = {.context = context,
                              .page = page_open(arena, out, title, STR("mlops diff")),
                              .before = before,
                              .after = after,
                              .session = &session,
                              .pipeline = pipeline,
                              .diff = diff};
    page_verdict(&drawing.page, report_diff_tone(diff->verdict), diff->verdict_text);
    if (diff->verdict != DIFF_UNCHANGED && diff->judgements.len)
        page_list(&drawing.page, diff->judgements.at, diff->judgements.len);
    report_diff_sections(arena, diff, sections);
    print_section(&drawing, &sections[0]);
    TRY(draw_all(&drawing));
    for (int i = 1; i < DIFF_SECTION_COUNT; i++)
        print_section(&drawing, &sections[i]);
    page_close(&drawing.page);
    return NULL;
}
